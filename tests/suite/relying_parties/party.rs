//! A relying party as a process of its own. It must never outlive its test, nor wait for a reader: both its outputs are
//! read as they come, and what it said on stderr stands in every failure.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long a line or the end may take. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(25);

pub struct Party {
    process: Child,
    lines: UnboundedReceiver<String>,
    complaints: Arc<Mutex<String>>,
}

impl Party {
    pub fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let mut stderr = BufReader::new(process.stderr.take().unwrap());
        let (sender, lines) = unbounded_channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let complaints = Arc::new(Mutex::new(String::new()));
        let heard = complaints.clone();
        thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(count @ 1..) = stderr.read(&mut some) {
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&some[..count]));
            }
        });
        Self { process, lines, complaints }
    }

    /// The next line of its stdout.
    pub async fn line(&mut self) -> String {
        match tokio::time::timeout(PATIENCE, self.lines.recv()).await {
            Ok(Some(line)) => line,
            Ok(None) => self.fail("it ended without another line").await,
            Err(_) => self.fail("it says nothing").await,
        }
    }

    /// The next line, which must be JSON.
    pub async fn json(&mut self) -> Value {
        let line = self.line().await;
        match serde_json::from_str(&line) {
            Ok(value) => value,
            Err(error) => self.fail(&format!("{line:?} is not JSON: {error}")).await,
        }
    }

    /// Waits until it ends of itself, which must be well.
    pub async fn end(mut self) {
        let status = self.status().await;
        if !status.is_some_and(|status| status.success()) {
            self.fail(&format!("it ended with {status:?}")).await;
        }
    }

    /// How it ended; `None` where it goes on.
    async fn status(&mut self) -> Option<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.process.try_wait().unwrap();
            if status.is_some() || Instant::now() > deadline {
                return status;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Fails the test with what it said on stderr.
    pub async fn fail(&self, why: &str) -> ! {
        // Its last words may still be on their way.
        tokio::time::sleep(POLL * 8).await;
        panic!("{why}\nstderr: {}", self.complaints.lock().unwrap());
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        // The whole group, unless it is gone and its number free for a stranger.
        if let Ok(None) = self.process.try_wait() {
            let group = format!("-{}", self.process.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
            let _ = self.process.wait();
        }
    }
}
