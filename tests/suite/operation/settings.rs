//! Settings that no other test needs: each changes what it says.

use std::process::Stdio;
use std::sync::Arc;

use countersign::domain::keys;
use countersign::job;
use countersign::storage::signing_key;
use serde_json::{Value, json};
use time::Duration;

use super::serve::{Running, open};
use super::{SECRET, err, program, run};
use crate::harness::{Provider, database, port};

async fn rows(provider: &Provider, table: &str) -> i64 {
    let mut conn = provider.database.superuser().await;
    let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
    sqlx::query_scalar(count).fetch_one(&mut conn).await.unwrap()
}

#[tokio::test]
async fn tokens_live_as_long_as_the_settings_say() {
    let settings = [("ACCESS_TOKEN_EXPIRE_MINUTES", "5"), ("REFRESH_TOKEN_EXPIRE_DAYS", "1")];
    let provider = Provider::start_with(&settings).await;
    let (_, admin) = provider.company("TechCorp").await;
    let login = provider.api().try_login(&admin.email, &admin.password).await;
    assert_eq!(login.body["expires_in"], 300);
    let api = provider.api().holding(&login);
    provider.wait(Duration::minutes(6));
    api.get("/api/users/me").await.expect(401);
    let refreshed = api.post("/api/auth/refresh", json!({ "refresh_token": api.refresh })).await.expect(200);
    provider.wait(Duration::hours(24));
    api.post("/api/auth/refresh", json!({ "refresh_token": refreshed.body["refresh_token"] })).await.expect(401);
}

#[tokio::test]
async fn a_login_lasts_as_long_as_the_setting_says() {
    let provider = Provider::start_with(&[("SESSION_HOURS", "1")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    provider.wait(Duration::minutes(59));
    assert_eq!(browser.get("/dashboard").await.path(), "/dashboard");
    provider.wait(Duration::minutes(2));
    assert_eq!(browser.get("/dashboard").await.path(), "/login");
}

#[tokio::test]
async fn a_key_signs_for_as_many_days_as_the_setting_says() {
    let provider = Provider::start_with(&[("SIGNING_KEY_DAYS", "2")]).await;
    let current = || async {
        let keys = signing_key::all(&provider.house.db).await.unwrap();
        keys.into_iter().find(|key| key.state == "current").unwrap().kid
    };
    let before = current().await;
    provider.wait(Duration::days(1));
    keys::rotate_when_due(&provider.house, &provider.house.job("keys")).await.unwrap();
    assert_eq!(current().await, before);
    provider.wait(Duration::hours(25));
    keys::rotate_when_due(&provider.house, &provider.house.job("keys")).await.unwrap();
    assert_ne!(current().await, before);
}

#[tokio::test]
async fn the_trail_is_kept_for_as_many_months_as_the_setting_says() {
    let provider = Provider::start_with(&[("AUDIT_RETENTION_MONTHS", "2")]).await;
    job::months(Arc::clone(&provider.house)).await.unwrap();
    let (_, admin) = provider.company("TechCorp").await;
    provider.api_of(&admin).await;
    let before = rows(&provider, "event").await;
    assert!(before > 0);
    provider.wait(Duration::days(45));
    job::months(Arc::clone(&provider.house)).await.unwrap();
    assert_eq!(rows(&provider, "event").await, before);
    provider.wait(Duration::days(60));
    job::months(Arc::clone(&provider.house)).await.unwrap();
    assert_eq!(rows(&provider, "event").await, 0);
}

#[tokio::test]
async fn what_has_expired_is_swept_and_what_lives_stays() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.get(&app.authorize(&[])).await;
    browser.sign_in(&admin).await;
    app.tokens(&app.code(&browser.get(&app.authorize(&[])).await)).await;
    provider.api().post("/api/auth/forgot-password", json!({ "email": admin.email })).await.expect(204);
    let expiring = [
        "browser_session",
        "flow",
        "login",
        "authorization_grant",
        "authorization_code",
        "refresh_token",
        "mail_token",
        "throttle",
    ];
    job::sweep_all(Arc::clone(&provider.house)).await.unwrap();
    for table in expiring {
        assert!(rows(&provider, table).await > 0, "{table}");
    }
    provider.wait(Duration::days(40));
    job::sweep_all(Arc::clone(&provider.house)).await.unwrap();
    for table in expiring {
        assert_eq!(rows(&provider, table).await, 0, "{table}");
    }
    for table in ["account", "membership", "client", "event", "password"] {
        assert!(rows(&provider, table).await > 0, "{table}");
    }
}

#[tokio::test]
async fn an_empty_database_is_migrated_by_its_owner_and_then_served() {
    use sqlx::Connection as _;
    let fresh = database::Fresh::copy().await;
    let name = format!("{}_empty", fresh.name);
    let mut conn = fresh.superuser().await;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let owner = fresh.superuser_url.replace(&fresh.name, &name);
    let app = fresh.app_url.replace(&fresh.name, &name);
    let settings = [("DATABASE_URL", app.as_str()), ("MIGRATE_DATABASE_URL", &owner), ("SECRET_KEY", SECRET)];
    for _ in 0..2 {
        let output = run(&["migrate"], &settings).await;
        assert!(output.status.success(), "{}", err(&output));
    }
    let other = settings.map(|(name, value)| (name, if name == "DATABASE_URL" { owner.as_str() } else { value }));
    assert!(err(&run(&["migrate"], &other).await).contains("countersign_app"));
}

#[tokio::test]
async fn logs_are_json_lines_that_hold_a_request_number_and_no_secret() {
    let fresh = database::Fresh::copy().await;
    let port = port::free();
    let (issuer, listen) = (format!("http://localhost:{port}"), format!("127.0.0.1:{port}"));
    let settings = [
        ("DATABASE_URL", fresh.app_url.as_str()),
        ("ISSUER", &issuer),
        ("LISTEN", &listen),
        ("SECRET_KEY", SECRET),
        ("REQUIRE_VERIFIED_EMAIL", "false"),
        ("LOG_FORMAT", "json"),
        ("RUST_LOG", "debug"),
    ];
    let mut running = Running(program(&["serve"], &settings).stderr(Stdio::piped()).spawn().unwrap());
    let said = running.0.stderr.take().unwrap();
    let reading = tokio::task::spawn_blocking(move || std::io::read_to_string(said).unwrap());
    open(port).await;
    let http = reqwest::Client::new();
    let sent = json!({ "company_name": "Acme", "email": "ada.lovelace@acme.example", "password": "correct horse battery", "name": "Ada" });
    http.post(format!("{issuer}/api/auth/register")).json(&sent).send().await.unwrap();
    let sent = json!({ "email": "ada.lovelace@acme.example", "password": "correct horse battery" });
    let login: Value =
        http.post(format!("{issuer}/api/auth/login")).json(&sent).send().await.unwrap().json().await.unwrap();
    let (token, refresh) = (login["access_token"].as_str().unwrap(), login["refresh_token"].as_str().unwrap());
    http.get(format!("{issuer}/api/users/me")).bearer_auth(token).send().await.unwrap();
    drop(std::process::Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status());
    let log = reading.await.unwrap();
    assert!(log.lines().count() > 1, "{log}");
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    for secret in ["correct horse battery", token, refresh, SECRET, "ada.lovelace@acme.example"] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}

#[tokio::test]
async fn a_node_holds_no_more_connections_than_the_setting_says() {
    let fresh = database::Fresh::copy().await;
    let port = port::free();
    let (issuer, listen) = (format!("http://localhost:{port}"), format!("127.0.0.1:{port}"));
    let settings = [
        ("DATABASE_URL", fresh.app_url.as_str()),
        ("DATABASE_CONNECTIONS", "2"),
        ("ISSUER", &issuer),
        ("LISTEN", &listen),
        ("SECRET_KEY", SECRET),
        ("REQUIRE_VERIFIED_EMAIL", "false"),
    ];
    let _running = Running(program(&["serve"], &settings).stderr(Stdio::null()).spawn().unwrap());
    open(port).await;
    let http = reqwest::Client::new();
    let ready = (0..40).map(|_| http.get(format!("{issuer}/readyz")).send());
    for answer in futures_util::future::join_all(ready).await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    let mut conn = fresh.superuser().await;
    let held =
        "select count(*) from pg_stat_activity where datname = current_database() and usename = 'countersign_app'";
    let held: i64 = sqlx::query_scalar(held).fetch_one(&mut conn).await.unwrap();
    assert!((1..=2).contains(&held), "{held}");
}
