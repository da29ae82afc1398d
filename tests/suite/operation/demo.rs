//! The demo accounts, and `countersign dev`, which loads them.

use std::time::Duration;

use countersign::command::demo;
use serde_json::{Value, json};

use super::program;
use super::serve::Running;
use crate::harness::{Provider, port};

#[tokio::test]
async fn every_demo_account_signs_in_with_its_company_and_role() {
    let provider = Provider::start().await;
    demo::load(&provider.house).await.unwrap();
    // A second time changes nothing.
    demo::load(&provider.house).await.unwrap();
    for (email, company, role) in [
        ("admin@techcorp.com", "techcorp", "admin"),
        ("manager@techcorp.com", "techcorp", "manager"),
        ("user@techcorp.com", "techcorp", "user"),
        ("admin@startupxyz.com", "startupxyz", "admin"),
        ("agency@example.com", "techcorp", "user"),
        ("agency@example.com", "startupxyz", "manager"),
    ] {
        let body = json!({ "email": email, "password": "SecurePass123!", "company": company });
        let answer = provider.stranger().post(provider.url("/api/auth/login")).json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!((&answer["user"]["company"], &answer["user"]["role"]), (&json!(company), &json!(role)), "{email}");
    }
}

#[tokio::test]
async fn the_demo_clients_are_there_and_the_partner_asks_for_consent() {
    let provider = Provider::start().await;
    demo::load(&provider.house).await.unwrap();
    let query = "response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A9090%2Fcallback&scope=openid\
                 &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let browser = provider.visitor();
    let login = browser.get("/login").await.form("#login");
    browser.send(&login.fill("email", "user@techcorp.com").fill("password", "SecurePass123!")).await;
    for (client, secret, asks) in [
        ("cli_demo_web", Some(demo::WEB_SECRET), false),
        ("cli_demo_app", None, false),
        ("cli_demo_partner", Some(demo::PARTNER_SECRET), true),
    ] {
        let page = browser.get(&format!("/oauth2/authorize?client_id={client}&{query}")).await;
        assert_eq!(page.path() == "/login/consent", asks, "{client}: {}", page.url);
        let page = if asks { browser.send(&page.form("#allow")).await } else { page };
        let code = page.query("code").unwrap_or_else(|| panic!("{client}: {}", page.url));
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", demo::REDIRECT_URI),
            ("code_verifier", crate::harness::app::VERIFIER),
            ("client_id", client),
        ];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        let answer = provider.stranger().post(provider.url("/oauth2/token")).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{client}");
    }
}

#[tokio::test]
async fn dev_starts_a_database_of_its_own_which_survives_a_kill_and_stops_with_it() {
    let port = port::free();
    let data = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("dev-{port}"));
    let listen = format!("127.0.0.1:{port}");
    let path = std::env::var("PATH").unwrap();
    let settings = [("COUNTERSIGN_DATA", data.to_str().unwrap()), ("LISTEN", listen.as_str()), ("PATH", path.as_str())];
    let sign_in = || async {
        let body = json!({ "email": "admin@techcorp.com", "password": "SecurePass123!" });
        let request = reqwest::Client::new().post(format!("http://localhost:{port}/api/auth/login")).json(&body);
        request.send().await.unwrap().status()
    };
    let log = data.with_extension("log");
    let said = || std::fs::read_to_string(&log).unwrap();
    let start = async || {
        let file = std::fs::File::create(&log).unwrap();
        let mut command = program(&["dev"], &settings);
        let mut running = Running(command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap());
        // Its database is a durable one; beside everything else that runs here it may take its time.
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(running.0.try_wait().unwrap().is_none(), "{}", said());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        running
    };
    let mut first = start().await;
    assert_eq!(sign_in().await, 200, "{}", said());
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    let mut second = start().await;
    assert_eq!(sign_in().await, 200, "{}", said());
    let told = std::process::Command::new("kill").args(["-TERM", &second.0.id().to_string()]).status().unwrap();
    assert!(told.success());
    let status = tokio::task::spawn_blocking(move || second.0.wait().unwrap()).await.unwrap();
    assert!(status.success(), "{status}");
    let pid_files = find(&data, "postmaster.pid");
    assert!(pid_files.is_empty(), "PostgreSQL still runs: {pid_files:?}");
    std::fs::remove_dir_all(data).unwrap();
    std::fs::remove_file(log).unwrap();
}

fn find(folder: &std::path::Path, name: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(find(&entry.path(), name));
        } else if entry.file_name() == name {
            found.push(entry.path());
        }
    }
    found
}
