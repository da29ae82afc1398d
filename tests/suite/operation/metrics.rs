//! What operators watch: `/metrics`, on a port of its own.

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::job;
use countersign::model::role::Role;
use futures_util::future::join_all;

use super::serve::{Running, open};
use super::{SECRET, program, run};
use crate::harness::app::text;
use crate::harness::metrics::Scrape;
use crate::harness::{Provider, database, port};

#[tokio::test]
async fn sign_ins_are_counted_by_their_outcome() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api();
    api.try_login(&admin.email, "not the password").await.expect(401);
    api.try_login("nobody@techcorp.com", "not the password").await.expect(401);
    api.login(&admin).await;
    let authenticator = provider.second_factor(&admin).await;
    let browser = provider.visitor();
    let page = browser.sign_in(&admin).await;
    let page = browser.send(&page.form("#verify").fill("code", &authenticator.wrong_code(&provider))).await;
    browser.send(&page.form("#verify").fill("code", &authenticator.code(&provider))).await;
    let scrape = provider.scrape().await;
    for (series, value) in [
        ("countersign_sign_ins_total{outcome=\"rejected\"}", 2),
        ("countersign_sign_ins_total{outcome=\"identified\"}", 1),
        ("countersign_sign_ins_total{outcome=\"second_factor\"}", 1),
        ("countersign_sign_ins_total{outcome=\"throttled\"}", 0),
        ("countersign_second_factors_total{outcome=\"rejected\"}", 1),
        ("countersign_second_factors_total{outcome=\"totp\"}", 1),
        ("countersign_second_factors_total{outcome=\"backup_code\"}", 0),
        ("countersign_logins_total{factor=\"password\"}", 1),
        ("countersign_logins_total{factor=\"second_factor\"}", 1),
    ] {
        assert_eq!(scrape.count(series), value, "{series}");
    }
}

#[tokio::test]
async fn tokens_are_counted_by_grant_type_and_outcome() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let tokens = app.tokens_with(&browser, &[]).await;
    assert_eq!(app.refresh(text(&tokens, "refresh_token")).await.status(), 200);
    assert_eq!(app.redeem("no code").await.status(), 400);
    assert_eq!(app.token(&[("grant_type", "password")]).await.status(), 400);
    let form = [("grant_type", "client_credentials"), ("company", company.slug.as_str())];
    assert_eq!(app.token(&form).await.status(), 200);
    let scrape = provider.scrape().await;
    for (grant_type, outcome, value) in [
        ("authorization_code", "issued", 1),
        ("authorization_code", "refused", 1),
        ("authorization_code", "failed", 0),
        ("refresh_token", "issued", 1),
        ("client_credentials", "issued", 1),
        ("other", "refused", 1),
    ] {
        let series = format!("countersign_tokens_total{{grant_type=\"{grant_type}\",outcome=\"{outcome}\"}}");
        assert_eq!(scrape.count(&series), value, "{series}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_the_pattern_of_their_route_and_nothing_of_a_person_becomes_a_label() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let person = provider.person(&company, Role::User, "uma@techcorp.com").await;
    let api = provider.api_of(&admin).await;
    api.get(&format!("/api/users/{}", person.id)).await.expect(200);
    api.get("/api/users/usr_nobody").await;
    api.get("/no/such/uma@techcorp.com").await.expect(404);
    api.delete("/healthz").await.expect(405);
    let scrape = provider.scrape().await;
    let route = "countersign_http_requests_total{route=\"/api/users/{id}\",method=\"GET\",status=\"2xx\"}";
    assert_eq!(scrape.count(route), 1);
    let nowhere = "countersign_http_requests_total{route=\"none\",method=\"GET\",status=\"4xx\"}";
    assert_eq!(scrape.count(nowhere), 1);
    let took = "countersign_http_request_duration_seconds_count{route=\"/api/auth/login\",method=\"POST\"}";
    assert_eq!(scrape.count(took), 1);
    assert_eq!(scrape.count("countersign_http_requests_in_flight"), 0);
    let login = api.token.unwrap();
    for private in [&person.email, &person.id.to_string(), &company.slug, &company.id.to_string(), "127.0.0.1", &login]
    {
        assert!(!scrape.0.contains(private), "{private} in\n{}", scrape.0);
    }
}

#[tokio::test]
async fn a_full_hash_queue_can_be_seen() {
    let provider = Provider::start_with(&[("PASSWORD_HASH_QUEUE", "1")]).await;
    let api = provider.api();
    let tries = join_all((0..12).map(|_| api.try_login("nobody@nowhere.example", "some password"))).await;
    assert!(tries.iter().all(|answer| [401, 429, 503].contains(&answer.status)));
    let refused = tries.iter().filter(|answer| answer.status == 503).count();
    assert!(refused > 0);
    let scrape = provider.scrape().await;
    assert_eq!(scrape.count("countersign_hash_queue_refused_total"), refused);
    assert_eq!(scrape.count("countersign_http_unavailable_total"), refused);
    assert_eq!(scrape.count("countersign_sign_ins_total{outcome=\"busy\"}"), refused);
    assert_eq!(scrape.count("countersign_hash_queue_waiting"), 0);
    let hashed = tries.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(scrape.count("countersign_hash_work_seconds_count"), hashed);
}

#[tokio::test]
async fn letters_keys_and_the_pool_can_be_seen_and_the_rest_still_when_the_database_is_away() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let forgot = serde_json::json!({ "email": admin.email });
    provider.api().post("/api/auth/forgot-password", forgot).await.expect(204);
    provider.wait(time::Duration::minutes(10));
    let scrape = provider.scrape().await;
    assert_eq!(scrape.count("countersign_database_up"), 1);
    assert_eq!(scrape.count("countersign_outbox_letters"), 1);
    assert!(scrape.value("countersign_outbox_oldest_seconds") >= 600.0);
    assert_eq!(scrape.count("countersign_outbox_given_up"), 0);
    assert_eq!(scrape.count("countersign_logout_notices"), 0);
    assert!(scrape.value("countersign_signing_key_age_seconds") >= 600.0);
    assert_eq!(scrape.count("countersign_database_connections_max"), 5);
    assert!(scrape.value("countersign_database_acquire_seconds") >= 0.0);
    provider.house.db.close().await;
    let scrape = provider.scrape().await;
    assert_eq!(scrape.count("countersign_database_up"), 0);
    assert_eq!(scrape.find("countersign_outbox_letters"), None);
    assert!(scrape.value("countersign_sign_ins_total{outcome=\"rejected\"}") >= 0.0);
    assert!(scrape.value("countersign_database_errors_total{kind=\"connection\"}") >= 1.0);
}

#[tokio::test]
async fn swept_rows_are_counted_by_table() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    provider.visitor().sign_in(&admin).await;
    provider.wait(time::Duration::days(40));
    job::sweep_all(Arc::clone(&provider.house)).await.unwrap();
    let scrape = provider.scrape().await;
    assert_eq!(scrape.count("countersign_swept_rows_total{table=\"browser_session\"}"), 1);
}

#[tokio::test]
async fn metrics_have_a_port_of_their_own_and_are_never_on_the_public_one() {
    let fresh = database::Fresh::copy().await;
    let (port, metrics) = (port::free(), port::free());
    let (issuer, listen, watched) =
        (format!("http://localhost:{port}"), format!("127.0.0.1:{port}"), format!("127.0.0.1:{metrics}"));
    let settings = [
        ("DATABASE_URL", fresh.app_url.as_str()),
        ("ISSUER", &issuer),
        ("LISTEN", &listen),
        ("METRICS_LISTEN", &watched),
        ("SECRET_KEY", SECRET),
        ("REQUIRE_VERIFIED_EMAIL", "false"),
    ];
    let _running = Running(program(&["serve"], &settings).stderr(Stdio::null()).spawn().unwrap());
    open(port).await;
    let http = reqwest::Client::new();
    assert_eq!(http.get(format!("{issuer}/metrics")).send().await.unwrap().status(), 404);
    let since = Instant::now();
    loop {
        let answer = http.get(format!("http://{watched}/metrics")).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let scrape = Scrape(answer.text().await.unwrap());
        if scrape.find("countersign_job_runs_total{task=\"mail\",outcome=\"done\"}").is_some_and(|runs| runs > 0.0) {
            assert_eq!(scrape.count("countersign_build_info{version=\"0.1.0\"}"), 1);
            assert!(scrape.value("process_resident_memory_bytes") > 1e6);
            assert!(scrape.value("process_start_time_seconds") > 1.7e9);
            assert!(scrape.value("process_open_fds") > 3.0);
            assert!(scrape.value("process_cpu_seconds_total") >= 0.0);
            break;
        }
        assert!(since.elapsed() < Duration::from_secs(30), "no job ran:\n{}", scrape.0);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for path in ["/", "/login", "/api/users/me", "/.well-known/openid-configuration"] {
        assert_eq!(http.get(format!("http://{watched}{path}")).send().await.unwrap().status(), 404, "{path}");
    }
    // A port that is taken is told, not passed over.
    let output = run(&["serve"], &[settings.as_slice(), &[("LISTEN", "127.0.0.1:0")]].concat()).await;
    assert!(super::err(&output).contains("see METRICS_LISTEN"), "{}", super::err(&output));
}

#[tokio::test]
async fn every_metric_that_the_dashboard_and_the_alerts_name_is_there() {
    let provider = Provider::start().await;
    provider.api().get("/healthz").await.expect(200);
    let jobs = &provider.house.metrics.jobs;
    jobs.ran("sweep", Duration::from_millis(3), (&Ok(()), provider.house.clock.now()));
    jobs.swept("flow", 1);
    let known = provider.scrape().await.names();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/monitoring");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let (dashboard, rules) = (read("dashboard.json"), read("rules.yml"));
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    let shown: Vec<&str> = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|panel| panel["targets"].as_array().into_iter().flatten())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(shown.len() > 20);
    let mut named = 0;
    for text in shown.into_iter().chain([rules.as_str()]) {
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("countersign_") || word.starts_with("process_") {
                named += 1;
                assert!(known.contains(word), "{word} is no metric");
            }
        }
    }
    assert!(named > 40);
    // And each that there is says what it is.
    let scrape = provider.scrape().await;
    for name in known {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        let helped = [family, &name].iter().any(|name| scrape.0.contains(&format!("# HELP {name} ")));
        assert!(helped, "{name} has no help");
    }
}
