//! A client's own https server on loopback, with a certificate of a CA that nobody else knows: publishes what it is told to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum_server::tls_openssl::{OpenSSLAcceptor, OpenSSLConfig};
use countersign::http::server::acceptor;
use countersign::model::settings::TlsFiles;
use serde_json::Value;

use super::certificates::Authority;

/// What the server answers to every request.
#[derive(Clone)]
pub enum Answer {
    Json(Value),
    Text(String),
    Redirect(String),
    Bytes(usize),
    Status(u16),
    /// Never.
    Silence,
}

/// Answers at once.
const OPEN: usize = 1000;

pub struct Publisher {
    pub port: u16,
    /// A file with the CA's certificate.
    pub ca_file: PathBuf,
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
    held: Arc<tokio::sync::Semaphore>,
    folder: PathBuf,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.server.abort();
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Publisher {
    pub fn start(answer: Answer) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("publisher-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let authority = Authority::new("Publisher CA");
        let leaf = authority.server("localhost");
        let ca_file = folder.join("ca.pem");
        let files = TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
        std::fs::write(&ca_file, authority.pem()).unwrap();
        std::fs::write(&files.cert, leaf.pem()).unwrap();
        std::fs::write(&files.key, leaf.key_pem()).unwrap();
        let (answer, asked) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
        let held = Arc::new(tokio::sync::Semaphore::new(OPEN));
        let app = Router::new().fallback(axum::routing::any({
            let (answer, asked, held) = (Arc::clone(&answer), Arc::clone(&asked), Arc::clone(&held));
            move || {
                asked.fetch_add(1, Ordering::SeqCst);
                let (answer, held) = (answer.lock().unwrap().clone(), Arc::clone(&held));
                async move {
                    let _permit = held.acquire().await;
                    respond(answer).await
                }
            }
        }));
        let config = OpenSSLConfig::try_from(acceptor(&files).unwrap()).unwrap();
        let server = axum_server::from_tcp(listener).unwrap().acceptor(OpenSSLAcceptor::new(config));
        let server = tokio::spawn(async move {
            server.serve(app.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
        });
        Self { port, ca_file, answer, asked, held, folder, server }
    }

    /// Where it publishes.
    pub fn url(&self) -> String {
        format!("https://localhost:{}/jwks", self.port)
    }

    /// From now on it publishes this.
    pub fn publish(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// Keeps every answer back until it is released.
    pub fn hold(&self) {
        self.held.forget_permits(OPEN);
    }

    /// Gives the answers that were kept back.
    pub fn release(&self) {
        self.held.add_permits(OPEN);
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// What a provider needs to reach it.
    pub fn settings(&self) -> [(&str, &str); 2] {
        [("OUTBOUND_CA", self.ca_file.to_str().unwrap()), ("OUTBOUND_ALLOW_LOOPBACK", "true")]
    }
}

async fn respond(answer: Answer) -> Response {
    match answer {
        Answer::Text(text) => text.into_response(),
        Answer::Json(json) => axum::Json(json).into_response(),
        Answer::Redirect(to) => axum::response::Redirect::to(&to).into_response(),
        Answer::Bytes(count) => vec![b' '; count].into_response(),
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::Silence => std::future::pending().await,
    }
}
