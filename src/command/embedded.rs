//! A private PostgreSQL from the machine's programs, for development and tests: a Unix socket, random passwords, a data
//! directory of its own. It must never listen on a network, nor outlive this process.
//!
//! A keeper (a shell whose standard input is a pipe from us) runs the server: however we end, also by `kill -9`, the pipe
//! closes, and the keeper stops PostgreSQL in order. PostgreSQL refuses to run as root, so as root it runs as another user.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use crate::model::error::{Error, Result};
use crate::model::secret::Secret;

/// What the server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Data stays, and every commit is durable.
    Work,
    /// As `Work`, with the memory that a large database has on a machine of its own.
    Large,
    /// Data may be lost; copies of templates are quick.
    Tests,
}

/// A running private PostgreSQL.
#[derive(Debug)]
pub struct Embedded {
    /// None where another process of ours keeps it.
    keeper: Option<Child>,
    sockets: PathBuf,
    superuser_password: String,
    app_password: String,
}

/// The user that PostgreSQL runs as when we are root.
#[derive(Debug, Clone, Copy)]
struct Servant {
    uid: u32,
    gid: u32,
}

/// What the keeper does: start, wait for our end, stop.
const KEEPER: &str = r#"
"$@" &
server=$!
trap '' INT TERM HUP
read -r _
kill -INT $server 2>/dev/null
wait $server
"#;

impl Embedded {
    /// Uses the one that a running `countersign dev` keeps in this directory, or starts it.
    ///
    /// # Errors
    /// As [`Embedded::start`].
    pub async fn open(directory: &Path, purpose: Purpose) -> Result<Self> {
        let known = fs::canonicalize(directory)
            .ok()
            .map(|found| Ok::<_, Error>(root(directory, &found, (servant()?, purpose))));
        if let Some(root) = known.transpose()?.filter(|root| is_running(&root.join("data"))) {
            let kept = Self {
                keeper: None,
                superuser_password: password(&root.join("superuser.password"))?,
                app_password: password(&root.join("app.password"))?,
                sockets: socket_directory(&root, servant()?)?,
            };
            if PgConnection::connect(&kept.superuser_url("postgres")).await.is_ok() {
                return Ok(kept);
            }
        }
        Self::start(directory, purpose).await
    }

    /// Starts it in this directory; the first time makes its data. Answers when it accepts connections.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start; the log's last lines are told.
    pub async fn start(directory: &Path, purpose: Purpose) -> Result<Self> {
        let programs = programs()?;
        fs::create_dir_all(directory)
            .map_err(|error| told(&format!("{} cannot be made", directory.display()), &error))?;
        let found = fs::canonicalize(directory).map_err(Error::fault)?;
        let servant = servant()?;
        let root = root(directory, &found, (servant, purpose));
        if !root.starts_with(&found) {
            println!("PostgreSQL's user cannot enter {}; its data lies in {}.", found.display(), root.display());
        }
        let data = root.join("data");
        make_private(&root, servant)?;
        let superuser_password = password(&root.join("superuser.password"))?;
        let app_password = password(&root.join("app.password"))?;
        if !data.join("PG_VERSION").exists() {
            initialize(&programs, &root, &data, servant)?;
        }
        wait_for_the_one_before(&data).await;
        let sockets = socket_directory(&root, servant)?;
        let log = fs::File::create(root.join("log")).map_err(Error::fault)?;
        let mut server = as_servant(Command::new("/bin/sh"), servant);
        server.args(["-c", KEEPER, "keeper"]).arg(programs.join("postgres")).arg("-D").arg(&data);
        server.args(["-c", "listen_addresses=", "-c", "max_connections=200"]);
        server.args(match purpose {
            Purpose::Work | Purpose::Tests => &["-c", "shared_buffers=64MB"][..],
            Purpose::Large => &["-c", "shared_buffers=2GB", "-c", "max_wal_size=8GB", "-c", "checkpoint_timeout=30min"],
        });
        server.arg("-c").arg(format!("unix_socket_directories={}", sockets.display()));
        if purpose == Purpose::Tests {
            server.args(["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off"]);
        }
        // A group of its own: Ctrl-C in a terminal is for us, and we stop it when we have finished.
        server.process_group(0).current_dir("/").stdin(Stdio::piped());
        server.stdout(log.try_clone().map_err(Error::fault)?).stderr(log);
        let keeper = server.spawn().map_err(|error| told("PostgreSQL cannot be started", &error))?;
        let mut started = Self { keeper: Some(keeper), sockets, superuser_password, app_password };
        started.wait_until_ready(&root.join("log")).await?;
        Ok(started)
    }

    /// The URL of one of its databases, as the superuser.
    pub fn superuser_url(&self, database: &str) -> String {
        self.url("countersign_owner", &self.superuser_password, database)
    }

    /// The URL of one of its databases, as the role of the server.
    pub fn app_url(&self, database: &str) -> String {
        self.url("countersign_app", &self.app_password, database)
    }

    fn url(&self, user: &str, password: &str, database: &str) -> String {
        let host: String = url::form_urlencoded::byte_serialize(self.sockets.as_os_str().as_encoded_bytes()).collect();
        format!("postgres://{user}:{password}@localhost/{database}?host={host}")
    }

    /// Stops it in order, and waits for that.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(keeper) = &mut self.keeper {
            drop(keeper.stdin.take());
            drop(keeper.wait());
        }
    }

    async fn wait_until_ready(&mut self, log: &Path) -> Result<()> {
        for _ in 0..1200 {
            if let Ok(conn) = PgConnection::connect(&self.superuser_url("postgres")).await {
                drop(conn.close().await);
                return Ok(());
            }
            let ended = self.keeper.as_mut().is_some_and(|keeper| !matches!(keeper.try_wait(), Ok(None)));
            if ended || fs::read_to_string(log).is_ok_and(|log| log.contains("database system is shut down")) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let mut text = String::new();
        drop(fs::File::open(log).and_then(|mut file| file.read_to_string(&mut text)));
        let last: Vec<&str> = text.lines().rev().take(8).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        Err(Error::fault(format!("PostgreSQL did not start. Its log says:\n{}", last.join("\n"))))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.end();
    }
}

fn told(what: &str, error: &std::io::Error) -> Error {
    Error::fault(format!("{what}: {error}"))
}

/// Where `postgres` and `initdb` of version 15 or newer are.
///
/// # Errors
/// PostgreSQL is not installed.
pub fn programs() -> Result<PathBuf> {
    let mut places: Vec<PathBuf> =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    for folder in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        let mut found: Vec<(u32, PathBuf)> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some((name.trim_start_matches("postgresql@").parse().ok()?, entry.path().join("bin")))
            })
            .collect();
        found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
        places.extend(found.into_iter().map(|(_, path)| path));
    }
    places.into_iter().find(|place| place.join("initdb").exists() && version(&place.join("postgres")).is_some_and(|v| v >= 15)).ok_or_else(|| {
        Error::fault("PostgreSQL 15 or newer is not installed. `make install` installs it; or set DATABASE_URL to a server of yours.")
    })
}

fn version(postgres: &Path) -> Option<u32> {
    let said = Command::new(postgres).arg("--version").output().ok()?;
    let text = String::from_utf8(said.stdout).ok()?;
    text.split_whitespace().nth(2)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Nobody, when we are not root. As root the user `postgres`, or `nobody`.
fn servant() -> Result<Option<Servant>> {
    let id = |args: &[&str]| -> Option<u32> {
        let said = Command::new("id").args(args).output().ok().filter(|said| said.status.success())?;
        String::from_utf8(said.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let (Some(uid), Some(gid)) = (id(&["-u", name]), id(&["-g", name])) {
            return Ok(Some(Servant { uid, gid }));
        }
    }
    Err(Error::fault("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody"))
}

/// The command, run by the user that may run PostgreSQL.
///
/// # Errors
/// We are root, and there is no such user.
pub fn as_postgres(mut command: Command) -> Result<Command> {
    command.current_dir("/");
    Ok(as_servant(command, servant()?))
}

fn as_servant(mut command: Command, servant: Option<Servant>) -> Command {
    if let Some(servant) = servant {
        command.uid(servant.uid).gid(servant.gid);
    }
    command
}

fn make_private(directory: &Path, servant: Option<Servant>) -> Result<()> {
    fs::create_dir_all(directory).map_err(Error::fault)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).map_err(Error::fault)?;
    if let Some(servant) = servant {
        chown(directory, Some(servant.uid), Some(servant.gid)).map_err(Error::fault)?;
        check_reachable(directory, servant)?;
    }
    Ok(())
}

/// Where PostgreSQL's files lie: in the directory. Root's own folders are closed to PostgreSQL's user, so for a project that lies
/// there they are beside: unless the operator named another place, which is taken as it is.
fn root(named: &Path, found: &Path, (servant, purpose): (Option<Servant>, Purpose)) -> PathBuf {
    let may_move = named.is_relative() || purpose == Purpose::Tests;
    let shut = servant.is_some_and(|servant| {
        let entered = as_servant(Command::new("test"), Some(servant)).arg("-x").arg(found).current_dir("/").status();
        !entered.is_ok_and(|status| status.success())
    });
    if may_move && shut {
        let name = found.display().to_string().trim_start_matches('/').replace('/', "-");
        return Path::new("/var/lib/countersign").join(name).join("postgres");
    }
    found.join("postgres")
}

/// PostgreSQL's user must be able to walk to its data.
fn check_reachable(directory: &Path, servant: Servant) -> Result<()> {
    let reached = as_servant(Command::new("test"), Some(servant)).arg("-w").arg(directory).current_dir("/").status();
    if reached.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Error::fault(format!(
        "as root, PostgreSQL runs as another user, who cannot reach {}: set COUNTERSIGN_DATA to a directory that others may enter, /var/lib/countersign for example",
        directory.display()
    )))
}

/// A random password, made once and kept where only its owner can read it.
fn password(path: &Path) -> Result<String> {
    if let Ok(known) = fs::read_to_string(path) {
        return Ok(known.trim().to_owned());
    }
    let fresh = Secret::generate().reveal().to_owned();
    let mut file = fs::File::create(path).map_err(Error::fault)?;
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(Error::fault)?;
    file.write_all(fresh.as_bytes()).map_err(Error::fault)?;
    Ok(fresh)
}

fn initialize(programs: &Path, root: &Path, data: &Path, servant: Option<Servant>) -> Result<()> {
    // What an interrupted first start left behind.
    drop(fs::remove_dir_all(data));
    let password = root.join("superuser.password");
    if let Some(servant) = servant {
        chown(&password, Some(servant.uid), Some(servant.gid)).map_err(Error::fault)?;
    }
    let mut initdb = as_servant(Command::new(programs.join("initdb")), servant);
    initdb.args(["--auth=scram-sha-256", "--username=countersign_owner", "--encoding=UTF8", "--locale=C"]);
    initdb.arg("--pwfile").arg(&password).arg("-D").arg(data).current_dir("/").stdin(Stdio::null());
    let done = initdb.output().map_err(|error| told("initdb cannot be started", &error))?;
    if done.status.success() {
        return Ok(());
    }
    drop(fs::remove_dir_all(data));
    Err(Error::fault(format!("initdb failed: {}", String::from_utf8_lossy(&done.stderr))))
}

/// A server whose keeper lost us a moment ago may still be stopping, and writes what it has not written yet: a minute on a
/// slow disk. PostgreSQL itself clears what a crash left.
async fn wait_for_the_one_before(data: &Path) {
    for _ in 0..1200 {
        if !is_running(data) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn is_running(data: &Path) -> bool {
    let pid =
        fs::read_to_string(data.join("postmaster.pid")).ok().and_then(|text| text.lines().next().map(str::to_owned));
    pid.is_some_and(|pid| {
        Command::new("kill").args(["-0", &pid]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    })
}

/// Socket paths are short (some 100 bytes): deep directories get one under the system's temporary directory.
fn socket_directory(root: &Path, servant: Option<Servant>) -> Result<PathBuf> {
    if root.as_os_str().len() <= 80 {
        return Ok(root.to_path_buf());
    }
    let digest = crate::model::secret::Digest::of(root.as_os_str().as_encoded_bytes());
    let name: String = digest.as_bytes().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let short = std::env::temp_dir().join(format!("countersign-{name}"));
    make_private(&short, servant)?;
    Ok(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_in_a_folder_that_is_shut_keeps_its_data_beside() {
        // Only root needs somebody else for PostgreSQL.
        let Ok(Some(servant)) = servant() else { return };
        let shut = std::env::temp_dir().join(format!("countersign-shut-{}", std::process::id()));
        let project = shut.join("project");
        fs::create_dir_all(&project).unwrap();
        let root = |named: &Path, purpose| root(named, &project, (Some(servant), purpose));
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(root(Path::new(".data"), Purpose::Work).starts_with("/var/lib/countersign"));
        assert!(root(&project, Purpose::Tests).starts_with("/var/lib/countersign"));
        // What the operator named is never put elsewhere.
        assert!(root(&project, Purpose::Work).starts_with(&project));
        fs::set_permissions(&shut, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(root(Path::new(".data"), Purpose::Work).starts_with(&project));
        fs::remove_dir_all(shut).unwrap();
    }
}
