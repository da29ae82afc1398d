//! `oidc-provider` from npm, in memory (`benches/peer`).

use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::driver::Target;
use crate::running::{Running, port};

const FOLDER: &str = "benches/peer";

/// A running peer.
pub struct Peer {
    pub running: Running,
    pub target: Target,
    pub version: String,
}

impl Peer {
    pub async fn start(logs: &Path) -> Result<Self> {
        let folder = Path::new(FOLDER);
        let installed = folder.join("node_modules/oidc-provider/package.json");
        let package =
            std::fs::read_to_string(installed).map_err(|_| "oidc-provider is not installed: make bench does that")?;
        let package: serde_json::Value = serde_json::from_str(&package)?;
        let version = package.get("version").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        // The system's Node, or a newer one where that is too old.
        let newer = std::path::absolute(folder.join("runtime/node_modules/node/bin/node"))?;
        let mut command = if newer.exists() { Command::new(newer) } else { Command::new("node") };
        let port = port()?;
        command.arg("provider.mjs").arg(port.to_string()).current_dir(folder).env("NODE_ENV", "production");
        let mut running = Running::start(&mut command, &logs.join("peer.log"))?;
        let issuer = format!("http://localhost:{port}");
        running.ready(&format!("{issuer}/.well-known/openid-configuration")).await?;
        let target = Target {
            issuer,
            server_pid: running.pid(),
            database_pid: None,
            people: vec!["--accounts=500".to_owned(), "--password=any".to_owned()],
        };
        Ok(Self { running, target, version })
    }
}
