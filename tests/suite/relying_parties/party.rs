//! A relying party as a process of its own. It must never outlive its test, nor wait for a reader: both its outputs are
//! read as they come, and what it said on stderr stands below every failure, whoever noticed it.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long a line or the end may take. Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(25);

pub struct Party {
    process: Child,
    lines: UnboundedReceiver<String>,
    /// Ends with the process.
    complaints: Option<JoinHandle<String>>,
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
        let mut stderr = process.stderr.take().unwrap();
        let (sender, lines) = unbounded_channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let complaints = thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self { process, lines, complaints: Some(complaints) }
    }

    /// The next line of its stdout.
    pub async fn line(&mut self) -> String {
        match tokio::time::timeout(PATIENCE, self.lines.recv()).await {
            Ok(Some(line)) => line,
            Ok(None) => panic!("it ended without another line"),
            Err(late) => panic!("it says nothing: {late}"),
        }
    }

    /// The next line, which must be JSON.
    pub async fn json(&mut self) -> Value {
        let line = self.line().await;
        match serde_json::from_str(&line) {
            Ok(value) => value,
            Err(error) => panic!("{line:?} is not JSON: {error}"),
        }
    }

    /// Waits until it ends of itself, which must be well.
    pub async fn end(mut self) {
        let status = self.status().await;
        assert!(status.is_some_and(|status| status.success()), "it ended with {status:?}");
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
}

impl Drop for Party {
    fn drop(&mut self) {
        // The whole group, unless it is gone and its number free for a stranger.
        if let Ok(None) = self.process.try_wait() {
            let group = format!("-{}", self.process.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
            let _ = self.process.wait();
        }
        let complaints = self.complaints.take().and_then(|complaints| complaints.join().ok()).unwrap_or_default();
        if thread::panicking() {
            eprintln!("the relying party said: {complaints}");
        }
    }
}
