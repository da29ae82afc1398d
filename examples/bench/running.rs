//! Processes that are measured, and what is asked of them from outside. Each ends with its handle.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;

/// What a server may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running process.
#[derive(Debug)]
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Running {
    /// Starts it; what it says goes to a file.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let log = File::create(log)?;
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Self(child.map_err(|error| format!("{} does not start: {error}", command.get_program().display()))?))
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it answers 200 here.
    pub async fn ready(&mut self, url: &str) -> Result<Duration> {
        let since = Instant::now();
        let http = reqwest::Client::new();
        while since.elapsed() < PATIENCE {
            if http.get(url).send().await.is_ok_and(|answer| answer.status() == 200) {
                return Ok(since.elapsed());
            }
            if let Some(status) = self.0.try_wait()? {
                return Err(format!("it ended with {status} before {url} answered").into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(format!("{url} does not answer").into())
    }

    /// Resident memory, in MiB.
    pub fn resident_mib(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
    }
}

/// A port that nobody has.
pub fn port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A program of PostgreSQL's that may lie beside the server.
pub fn of_postgres(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    let mut folders: Vec<PathBuf> = path;
    for versions in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        folders
            .extend(std::fs::read_dir(versions).into_iter().flatten().flatten().map(|entry| entry.path().join("bin")));
    }
    folders.into_iter().map(|folder| folder.join(name)).find(|program| program.exists())
}
