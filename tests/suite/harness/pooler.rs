//! PgBouncer in transaction mode, one for the whole run, in front of the cluster of the tests.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use countersign::command::embedded;
use url::Url;

/// A running PgBouncer. It ends with this value, or with the process.
pub struct Pooler {
    port: u16,
    folder: PathBuf,
    keeper: Child,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

const KEEPER: &str =
    r#""$@" & server=$!; trap '' INT TERM HUP; read -r _; kill -QUIT $server 2>/dev/null; wait $server"#;

impl Pooler {
    /// In front of the cluster of this URL, whose user it knows.
    pub async fn start(app_url: &str) -> Self {
        let app: Url = app_url.parse().unwrap();
        let port = super::port::free();
        let folder = std::env::temp_dir().join(format!("countersign-pooler-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let socket = app.query_pairs().find(|(name, _)| name == "host").map(|(_, folder)| folder.into_owned());
        let host = socket.unwrap_or_else(|| app.host_str().unwrap().to_owned());
        let users = folder.join("users");
        std::fs::write(&users, format!("\"{}\" \"{}\"\n", app.username(), app.password().unwrap())).unwrap();
        // What the README tells operators to set, and small pools, so that connections are shared all the time.
        let text = format!(
            "[databases]\n* = host={host} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\nmax_prepared_statements = 200\n\
             default_pool_size = 4\nmax_client_conn = 4000\nserver_idle_timeout = 3\nlog_connections = 0\nlog_disconnections = 0\n",
            app.port().unwrap_or(5432),
            users.display(),
        );
        let configuration = folder.join("pgbouncer.ini");
        std::fs::write(&configuration, text).unwrap();
        let program = newest().expect("PgBouncer 1.21 or newer is not installed: run `make install-test`");
        let mut keeper = embedded::as_postgres(Command::new("/bin/sh")).unwrap();
        keeper.args(["-c", KEEPER, "keeper"]).arg(program).arg("-q").arg(&configuration);
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let keeper = keeper.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let since = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let mut said = String::new();
            drop(std::fs::File::open(folder.join("log")).and_then(|mut file| file.read_to_string(&mut said)));
            assert!(since.elapsed() < Duration::from_secs(20), "PgBouncer does not start: {said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { port, folder, keeper }
    }

    /// The same database, through the pooler.
    pub fn url(&self, app_url: &str) -> String {
        let mut url: Url = app_url.parse().unwrap();
        url.set_query(None);
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.into()
    }
}

/// The program, where one is there that keeps prepared statements in transaction mode (1.21 or newer).
fn newest() -> Option<PathBuf> {
    ["/usr/local/bin/pgbouncer", "pgbouncer", "/usr/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer"]
        .into_iter()
        .find(|place| {
            let Ok(said) = Command::new(place).arg("--version").output() else { return false };
            let text = String::from_utf8_lossy(&said.stdout).into_owned();
            let version = text.split_whitespace().nth(1).unwrap_or_default().to_owned();
            let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
            (numbers.next(), numbers.next()) >= (Some(1), Some(21))
        })
        .map(PathBuf::from)
}
