//! `countersign serve` refuses what would not be safe, and drains when it is told to stop.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{database, port};

use super::{SECRET, err, program, run};

fn settings<'a>(database: &'a str, issuer: &'a str, listen: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("DATABASE_URL", database),
        ("ISSUER", issuer),
        ("LISTEN", listen),
        ("SECRET_KEY", SECRET),
        ("REQUIRE_VERIFIED_EMAIL", "false"),
        ("STOP_DELAY_SECONDS", "0"),
    ]
}

/// A server that is ended when the test is.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Waits until the port is open.
pub async fn open(port: u16) {
    let since = Instant::now();
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(since.elapsed() < Duration::from_secs(30), "the server does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn every_problem_of_the_configuration_is_told_at_once() {
    let output =
        run(&["serve"], &[("ISSUER", "http://id.example"), ("SECRET_KEY", "short"), ("LISTEN", "nowhere")]).await;
    assert!(!output.status.success());
    let said = err(&output);
    for name in ["ISSUER", "SECRET_KEY", "LISTEN", "DATABASE_URL"] {
        assert!(said.contains(name), "{name}: {said}");
    }
}

#[tokio::test]
async fn the_secret_of_development_is_refused() {
    let secret = ("SECRET_KEY", countersign::model::settings::DEV_SECRET);
    let output =
        run(&["serve"], &[("ISSUER", "https://id.example"), ("DATABASE_URL", "postgres://a@b/c"), secret]).await;
    assert!(err(&output).contains("SECRET_KEY: is a default or an example"), "{}", err(&output));
}

#[tokio::test]
async fn a_role_that_can_bypass_the_wall_is_refused() {
    let fresh = database::Fresh::copy().await;
    let output = run(&["serve"], &settings(&fresh.superuser_url, "https://id.example", "127.0.0.1:0")).await;
    assert!(!output.status.success());
    assert!(err(&output).contains("is a superuser"), "{}", err(&output));
}

#[tokio::test]
async fn a_table_without_the_wall_is_refused() {
    use sqlx::Executor as _;
    let fresh = database::Fresh::copy().await;
    fresh.superuser().await.execute("alter table login no force row level security").await.unwrap();
    let output = run(&["serve"], &settings(&fresh.app_url, "https://id.example", "127.0.0.1:0")).await;
    assert!(err(&output).contains("the table login has no forced row-level security"), "{}", err(&output));
}

#[tokio::test]
async fn a_database_that_was_not_migrated_is_refused() {
    use sqlx::Executor as _;
    let fresh = database::Fresh::copy().await;
    let newest = "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    fresh.superuser().await.execute(newest).await.unwrap();
    let output = run(&["serve"], &settings(&fresh.app_url, "https://id.example", "127.0.0.1:0")).await;
    assert!(err(&output).contains("run `countersign migrate`"), "{}", err(&output));
}

#[tokio::test]
async fn it_serves_without_demo_accounts_and_stops_when_told() {
    let fresh = database::Fresh::copy().await;
    let port = port::free();
    let (issuer, listen) = (format!("http://localhost:{port}"), format!("127.0.0.1:{port}"));
    let mut command = program(&["serve"], &settings(&fresh.app_url, &issuer, &listen));
    let mut running = Running(command.stderr(Stdio::null()).spawn().unwrap());
    open(port).await;
    let http = reqwest::Client::new();
    assert_eq!(http.get(format!("{issuer}/readyz")).send().await.unwrap().status(), 200);
    let demo = serde_json::json!({ "email": "admin@techcorp.com", "password": "SecurePass123!" });
    assert_eq!(http.post(format!("{issuer}/api/auth/login")).json(&demo).send().await.unwrap().status(), 401);
    assert_eq!(http.get(format!("{issuer}/dev/mail")).send().await.unwrap().status(), 404);
    let told = std::process::Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(told.success());
    let status = tokio::task::spawn_blocking(move || running.0.wait().unwrap()).await.unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_node_that_was_told_to_stop_takes_callers_until_load_balancers_have_heard_of_it() {
    let fresh = database::Fresh::copy().await;
    let port = port::free();
    let (issuer, listen) = (format!("http://localhost:{port}"), format!("127.0.0.1:{port}"));
    let mut settings = settings(&fresh.app_url, &issuer, &listen);
    // Longer than the test: it ends the wait itself.
    settings.push(("STOP_DELAY_SECONDS", "300"));
    let mut running = Running(program(&["serve"], &settings).stderr(Stdio::null()).spawn().unwrap());
    open(port).await;
    let kept = reqwest::Client::new();
    assert_eq!(kept.get(format!("{issuer}/readyz")).send().await.unwrap().status(), 200);
    let tell = || std::process::Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(tell().success());
    while kept.get(format!("{issuer}/readyz")).send().await.unwrap().status() != 503 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for http in [&kept, &reqwest::Client::new()] {
        let answer = http.get(format!("{issuer}/.well-known/openid-configuration")).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["connection"].to_str().unwrap()), (200, "close"));
    }
    assert!(tell().success());
    let status = tokio::task::spawn_blocking(move || running.0.wait().unwrap()).await.unwrap();
    assert!(status.success(), "{status}");
}
