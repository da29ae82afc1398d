//! Traces: a caller's trace goes on here, and spans go to a collector where one is configured.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::{Value, json};

use super::serve::{Running, open};
use super::{SECRET, program};
use crate::harness::{database, port};

/// W3C Trace Context, section 3.2.4.
const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

type Taken = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A collector that keeps what it is sent.
async fn collector() -> (u16, Taken) {
    let taken = Taken::default();
    let take = async |State(taken): State<Taken>, headers: HeaderMap, body: Bytes| {
        let kind = headers["content-type"].to_str().unwrap().to_owned();
        taken.lock().unwrap().push((kind, body.to_vec()));
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let app = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&taken));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (port, taken)
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test]
async fn a_callers_trace_goes_on_in_the_spans_of_its_request_and_in_the_log() {
    let (collector, taken) = collector().await;
    let fresh = database::Fresh::copy().await;
    let port = port::free();
    let (issuer, listen) = (format!("http://localhost:{port}"), format!("127.0.0.1:{port}"));
    let endpoint = format!("http://127.0.0.1:{collector}");
    let settings = [
        ("DATABASE_URL", fresh.app_url.as_str()),
        ("ISSUER", &issuer),
        ("LISTEN", &listen),
        ("SECRET_KEY", SECRET),
        ("REQUIRE_VERIFIED_EMAIL", "false"),
        ("STOP_DELAY_SECONDS", "0"),
        ("RUST_LOG", "info,countersign=debug"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_SERVICE_NAME", "sign-in-of-acme"),
        // Longer than the test: what is left is handed over at the end.
        ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
    ];
    let mut running = Running(program(&["serve"], &settings).stderr(Stdio::piped()).spawn().unwrap());
    let said = running.0.stderr.take().unwrap();
    let reading = tokio::task::spawn_blocking(move || std::io::read_to_string(said).unwrap());
    open(port).await;
    let sent = json!({ "email": "ada.lovelace@acme.example", "password": "correct horse battery" });
    let call = reqwest::Client::new().post(format!("{issuer}/api/auth/login")).json(&sent);
    let answer = call.header("traceparent", CALLER).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let request_id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert!(
        std::process::Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap().success()
    );
    let log = reading.await.unwrap();
    let since = Instant::now();
    while taken.lock().unwrap().is_empty() {
        assert!(since.elapsed() < Duration::from_secs(30), "no span came:\n{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let taken = taken.lock().unwrap();
    assert!(taken.iter().all(|(kind, _)| kind == "application/x-protobuf"));
    let all: Vec<u8> = taken.iter().flat_map(|(_, body)| body.clone()).collect();
    for part in ["POST /api/auth/login", "verify password", "sign-in-of-acme", "http.response.status_code", &request_id]
    {
        assert!(holds(&all, part.as_bytes()), "no {part}");
    }
    assert!(holds(&all, &bytes(TRACE)), "not the caller's trace");
    assert!(holds(&all, &bytes("00f067aa0ba902b7")), "not below the caller's span");
    for secret in ["correct horse battery", "ada.lovelace@acme.example", SECRET] {
        assert!(!holds(&all, secret.as_bytes()), "a span holds {secret}");
    }
    let line = log.lines().find(|line| line.contains(&request_id)).unwrap_or_else(|| panic!("no line:\n{log}"));
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["spans"][0]["request_id"], json!(request_id));
    assert_eq!(line["spans"][0]["trace_id"], json!(TRACE));
}

#[tokio::test]
async fn a_collector_that_is_away_holds_nobody_up() {
    let fresh = database::Fresh::copy().await;
    let (port, nobody) = (port::free(), port::free());
    let (issuer, listen) = (format!("http://localhost:{port}"), format!("127.0.0.1:{port}"));
    let endpoint = format!("http://127.0.0.1:{nobody}");
    let settings = [
        ("DATABASE_URL", fresh.app_url.as_str()),
        ("ISSUER", &issuer),
        ("LISTEN", &listen),
        ("SECRET_KEY", SECRET),
        ("REQUIRE_VERIFIED_EMAIL", "false"),
        ("STOP_DELAY_SECONDS", "0"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
    ];
    let mut running = Running(program(&["serve"], &settings).stderr(Stdio::piped()).spawn().unwrap());
    let said = running.0.stderr.take().unwrap();
    let reading = tokio::task::spawn_blocking(move || std::io::read_to_string(said).unwrap());
    open(port).await;
    assert_eq!(reqwest::get(format!("{issuer}/login")).await.unwrap().status(), 200);
    drop(std::process::Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status());
    let log = reading.await.unwrap();
    assert!(log.contains("spans were not taken"), "{log}");
    let status = tokio::task::spawn_blocking(move || running.0.wait().unwrap()).await.unwrap();
    assert!(status.success(), "{status}");
}
