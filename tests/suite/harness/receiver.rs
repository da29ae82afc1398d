//! An app's own https server on loopback: hears what the provider tells it, and answers as the test wants.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse as _, Response};
use axum_server::tls_openssl::{OpenSSLAcceptor, OpenSSLConfig};
use countersign::http::server::acceptor;
use countersign::model::settings::TlsFiles;

use super::certificates::Authority;

/// One request.
#[derive(Debug, Clone)]
pub struct Heard {
    pub method: String,
    /// With its query.
    pub path: String,
    pub content_type: Option<String>,
    pub body: String,
}

#[derive(Debug, Default)]
struct Mind {
    heard: Vec<Heard>,
    failures: usize,
}

pub struct Receiver {
    port: u16,
    ca_file: PathBuf,
    mind: Arc<Mutex<Mind>>,
    folder: PathBuf,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Receiver {
    pub fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("receiver-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let authority = Authority::new("Receiver CA");
        let leaf = authority.server("localhost");
        let ca_file = folder.join("ca.pem");
        let files = TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
        std::fs::write(&ca_file, authority.pem()).unwrap();
        std::fs::write(&files.cert, leaf.pem()).unwrap();
        std::fs::write(&files.key, leaf.key_pem()).unwrap();
        let mind = Arc::new(Mutex::new(Mind::default()));
        let app = Router::new().fallback(hear).with_state(Arc::clone(&mind));
        let config = OpenSSLConfig::try_from(acceptor(&files).unwrap()).unwrap();
        let server = axum_server::from_tcp(listener).unwrap().acceptor(OpenSSLAcceptor::new(config));
        let server = tokio::spawn(async move {
            server.serve(app.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
        });
        Self { port, ca_file, mind, folder, server }
    }

    /// An address here. Below `/silent` nothing is ever answered, below `/moved` the answer is a redirect.
    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// What lets a provider call it.
    pub fn settings(&self) -> [(&str, &str); 2] {
        [("OUTBOUND_CA", self.ca_file.to_str().unwrap()), ("OUTBOUND_ALLOW_LOOPBACK", "true")]
    }

    /// The next requests get 503.
    pub fn fail(&self, times: usize) {
        self.mind.lock().unwrap().failures = times;
    }

    /// What was heard so far, below this path.
    pub fn so_far(&self, path: &str) -> Vec<Heard> {
        self.mind.lock().unwrap().heard.iter().filter(|heard| heard.path.starts_with(path)).cloned().collect()
    }

    /// Waits until this many requests were heard below this path.
    pub async fn heard(&self, path: &str, count: usize) -> Vec<Heard> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let heard = self.so_far(path);
            if heard.len() >= count {
                return heard;
            }
            assert!(Instant::now() < deadline, "{count} requests to {path} were awaited: {heard:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn hear(State(mind): State<Arc<Mutex<Mind>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let heard = Heard {
        method: parts.method.to_string(),
        path: path.clone(),
        content_type: parts.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned()),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    let fails = {
        let mut mind = mind.lock().unwrap();
        mind.heard.push(heard);
        let fails = mind.failures > 0;
        mind.failures = mind.failures.saturating_sub(1);
        fails
    };
    if path.starts_with("/silent") {
        std::future::pending::<()>().await;
    }
    if path.starts_with("/moved") {
        return (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "/elsewhere")]).into_response();
    }
    if fails { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { StatusCode::OK.into_response() }
}
