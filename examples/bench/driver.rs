//! Runs the load tool, a process of its own, and reads what it says.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::Result;

/// A provider, as the load tool is told of it.
#[derive(Debug, Clone)]
pub struct Target {
    pub issuer: String,
    pub server_pid: u32,
    pub database_pid: Option<u32>,
    /// Who signs in there, as arguments.
    pub people: Vec<String>,
}

/// What came of one run.
#[derive(Debug, Deserialize)]
pub struct Ran {
    pub per_second: f64,
    pub latency_ms: Latency,
    pub errors: std::collections::BTreeMap<String, u64>,
    pub cpu_us_per_request: Option<f64>,
    pub server: Option<Used>,
    pub database: Option<Used>,
}

/// In milliseconds.
#[derive(Debug, Deserialize)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

#[derive(Debug, Deserialize)]
pub struct Used {
    /// Of one core.
    pub cores: f64,
    pub resident_mib_most: f64,
}

/// Runs it to its end; answers its one line of JSON.
pub fn drive<T: serde::de::DeserializeOwned>(load: &Path, target: &Target, arguments: &[String]) -> Result<T> {
    let mut command = Command::new(load);
    command.args(arguments).args(&target.people).arg("--json").args(["--issuer", &target.issuer]);
    command.args(["--server-pid", &target.server_pid.to_string()]);
    if let Some(pid) = target.database_pid {
        command.args(["--database-pid", &pid.to_string()]);
    }
    let output = command.output()?;
    serde_json::from_slice(&output.stdout)
        .map_err(|_| format!("load {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim()).into())
}

/// Uses it a little, in each of these ways.
pub fn warm_up(load: &Path, target: &Target, ways: impl Iterator<Item = Vec<String>>) -> Result<()> {
    for mut way in ways {
        way.extend(["--connections=16".to_owned(), "--seconds=0.5".to_owned()]);
        drive::<Ran>(load, target, &way)?;
    }
    Ok(())
}
