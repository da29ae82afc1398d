//! The least that a server of our kind can do: axum, and a fixed body. It is what limits discovery and JWKS.

use std::path::Path;
use std::process::{Command, ExitCode};

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use crate::Result;
use crate::arguments::Programs;
use crate::driver::Target;
use crate::running::{Running, port};

/// Serves these until it is ended.
pub async fn serve(port: u16, files: Vec<String>) -> Result<ExitCode> {
    let mut router = Router::new();
    for file in files {
        let (path, file) = file.split_once('=').ok_or("path=file is wanted")?;
        let body = Bytes::from(std::fs::read(file)?);
        router = router.route(path, get(async move || ([(CONTENT_TYPE, "application/json")], body.clone())));
    }
    // On a runtime as the server's: this program's own has one thread.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.spawn(async move {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        axum::serve(listener, router).await
    });
    served.await??;
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

/// Starts one that answers with what this issuer answers.
pub async fn start(programs: &Programs, issuer: &str, folder: &Path) -> Result<(Running, Target)> {
    let port = port()?;
    let own = format!("http://localhost:{port}");
    let discovery = "/.well-known/openid-configuration";
    let document = reqwest::get(format!("{issuer}{discovery}")).await?.text().await?;
    let metadata: serde_json::Value = serde_json::from_str(&document)?;
    let jwks_uri = metadata.get("jwks_uri").and_then(serde_json::Value::as_str).ok_or("no jwks_uri")?;
    let jwks = reqwest::get(jwks_uri).await?.text().await?;
    let mut command = Command::new(&programs.bench);
    command.args(["bare", &port.to_string()]);
    let bodies = [(discovery, document.replace(issuer, &own)), (jwks_uri.trim_start_matches(issuer), jwks)];
    for (number, (path, body)) in bodies.iter().enumerate() {
        let file = std::path::absolute(folder.join(format!("bare-{number}.json")))?;
        std::fs::write(&file, body)?;
        command.arg(format!("{path}={}", file.display()));
    }
    let mut running = Running::start(&mut command, &folder.join("bare.log"))?;
    running.ready(&format!("{own}{discovery}")).await?;
    let target = Target { issuer: own, server_pid: running.pid(), database_pid: None, people: vec![] };
    Ok((running, target))
}
