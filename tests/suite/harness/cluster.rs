//! A PostgreSQL of its own for a test that does it harm: durable, on a loopback port, and it can be killed, restarted, copied
//! into a replica and promoted. As with the embedded one, a keeper stops it when this process ends.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::command::{embedded, migrate};
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::database::Fresh;

static NUMBER: AtomicU32 = AtomicU32::new(0);

const KEEPER: &str =
    r#""$@" & server=$!; trap '' INT TERM HUP; read -r _; kill -INT $server 2>/dev/null; wait $server"#;

/// How PostgreSQL ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It ends every connection and closes its files (SIGINT).
    Fast,
    /// It leaves at once, and recovers when it starts (SIGQUIT).
    Immediate,
    /// It never knew (SIGKILL).
    Killed,
}

/// The cluster. It ends with this value, and its files go.
pub struct Cluster {
    folder: PathBuf,
    port: u16,
    settings: Vec<String>,
    keeper: Option<Child>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.halt(Stop::Immediate);
        drop(std::fs::remove_dir_all(&self.folder));
        drop(std::fs::remove_file(self.log()));
    }
}

impl Cluster {
    /// A migrated one, with these settings (`name=value`) besides.
    pub async fn start(settings: &[&str]) -> Self {
        Self::start_in(&folder(), &[], settings).await
    }

    /// With its files in this folder, which need not be there yet, made with these arguments.
    pub async fn start_in(folder: &Path, arguments: &[&str], settings: &[&str]) -> Self {
        let mut initdb = program("initdb");
        initdb.args(["--auth=trust", "--username=countersign_owner", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        done(initdb.args(arguments).arg("-D").arg(folder)).await;
        let mut cluster = Self::at(folder, settings);
        cluster.run().await;
        let mut conn = PgConnection::connect(&cluster.url("countersign_owner", "postgres")).await.unwrap();
        conn.execute("create database countersign").await.unwrap();
        let fresh = cluster.database();
        migrate::run(&fresh.superuser_url, &fresh.app_url).await.unwrap();
        cluster
    }

    fn at(folder: &Path, settings: &[&str]) -> Self {
        let port = super::port::free();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        Self { folder: folder.to_owned(), port, settings, keeper: None }
    }

    /// Its one database.
    pub fn database(&self) -> Fresh {
        Fresh {
            name: "countersign".to_owned(),
            app_url: self.url("countersign_app", "countersign"),
            superuser_url: self.url("countersign_owner", "countersign"),
        }
    }

    fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}:none@127.0.0.1:{}/{database}", self.port)
    }

    /// Starts it again, and answers when it serves.
    pub async fn run(&mut self) {
        for _ in 0..40 {
            let log = std::fs::File::create(self.log()).unwrap();
            let mut shell = embedded::as_postgres(Command::new("/bin/sh")).unwrap();
            let postgres = embedded::programs().unwrap().join("postgres");
            shell.args(["-c", KEEPER, "keeper"]).arg(postgres).arg("-D").arg(&self.folder).process_group(0);
            shell.args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c"]);
            shell.arg(format!("port={}", self.port)).args(["-c", "shared_buffers=32MB", "-c", "max_connections=60"]);
            for setting in &self.settings {
                shell.arg("-c").arg(setting);
            }
            self.keeper =
                Some(shell.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
            for _ in 0..400 {
                if PgConnection::connect(&self.url("countersign_owner", "postgres")).await.is_ok() {
                    return;
                }
                let said = std::fs::read_to_string(self.log()).unwrap_or_default();
                if said.contains("pre-existing shared memory") || said.contains("lock file") {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            // What was killed has left processes behind, which go by and by.
            self.let_go();
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("PostgreSQL does not start: {}", std::fs::read_to_string(self.log()).unwrap_or_default());
    }

    fn log(&self) -> PathBuf {
        self.folder.with_extension("log")
    }

    /// Ends it. Its files stay.
    pub fn halt(&mut self, how: Stop) {
        if self.keeper.is_none() {
            return;
        }
        let known = std::fs::read_to_string(self.folder.join("postmaster.pid")).unwrap_or_default();
        if let Some(pid) = known.lines().next() {
            let signal = match how {
                Stop::Fast => "-INT",
                Stop::Immediate => "-QUIT",
                Stop::Killed => "-KILL",
            };
            Command::new("kill").args([signal, pid]).status().unwrap();
        }
        self.let_go();
    }

    fn let_go(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            keeper.wait().unwrap();
        }
    }

    /// A streaming replica. From here on a commit is answered when both have it.
    pub async fn replica(&self) -> Self {
        let folder = folder();
        let mut copy = program("pg_basebackup");
        copy.args(["-h", "127.0.0.1", "-U", "countersign_owner", "-p"]).arg(self.port.to_string());
        done(copy.args(["-R", "-X", "stream", "--checkpoint=fast", "--no-sync", "-D"]).arg(&folder)).await;
        let mut replica = Self::at(&folder, &[]);
        replica.settings.clone_from(&self.settings);
        replica.run().await;
        let mut conn = PgConnection::connect(&self.url("countersign_owner", "postgres")).await.unwrap();
        conn.execute("alter system set synchronous_standby_names = '*'").await.unwrap();
        conn.execute("select pg_reload_conf()").await.unwrap();
        replica
    }

    /// The replica becomes the primary.
    pub async fn promote(&self) {
        let mut conn = PgConnection::connect(&self.url("countersign_owner", "postgres")).await.unwrap();
        conn.execute("alter system set synchronous_standby_names = ''").await.unwrap();
        conn.execute("select pg_reload_conf()").await.unwrap();
        let promoted: bool = sqlx::query_scalar("select pg_promote(true, 20)").fetch_one(&mut conn).await.unwrap();
        assert!(promoted);
    }
}

/// One of PostgreSQL's programs, as the user that may run it.
fn program(name: &str) -> Command {
    let beside = embedded::programs().unwrap().join(name);
    // Some systems link only the server's programs to where that one was found.
    let place = if beside.exists() { beside } else { PathBuf::from(name) };
    embedded::as_postgres(Command::new(place)).unwrap()
}

/// One that is not there yet.
pub fn folder() -> PathBuf {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("countersign-cluster-{}-{number}", std::process::id()))
}

async fn done(command: &mut Command) {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
