//! Configuration: one struct, read once from the environment, every problem told at once with its remedy.
//!
//! What a company decides is a row, not a setting. Nothing here reads the environment itself.

mod parts;
mod reading;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use time::Duration;

pub use parts::{DatabaseChoice, LogFormat, Loopback, Mtls, Network, Registration, Smtp, SmtpTls, TlsFiles, Traces};
use reading::Reading;

use super::secret::Secret;

/// The secret of `dev`, where nothing is worth protecting. `serve` refuses it.
pub const DEV_SECRET: &str = "countersign-development-only-secret-key";

/// What the settings are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `countersign dev`: everything has a default.
    Dev,
    /// `countersign serve`: nothing weak is accepted.
    Serve,
    /// A command beside a running server; needs the database and the secret.
    Command,
}

/// What the operator decided.
#[derive(Debug)]
pub struct Settings {
    /// What they were read for.
    pub mode: Mode,
    /// `ISSUER`: the URL that clients know us by, without a slash at the end. Default in dev: `http://localhost:<port of LISTEN>`.
    pub issuer: String,
    /// `LISTEN`: address and port. Default `127.0.0.1:8000`.
    pub listen: SocketAddr,
    /// `METRICS_LISTEN`: address and port of `/metrics`, for operators only. Not served where it is not set.
    pub metrics_listen: Option<SocketAddr>,
    /// `STOP_DELAY_SECONDS`: how long a node that was told to stop goes on taking callers, not ready any more. Default 5 in serve.
    pub stop_delay: Duration,
    /// `DATABASE_URL`, as the unprivileged role; without it a private PostgreSQL in `COUNTERSIGN_DATA` (default `.data`).
    pub database: DatabaseChoice,
    /// `MIGRATE_DATABASE_URL`: as the owner of the schema, for `migrate` only.
    pub migrate_database_url: Option<String>,
    /// `DATABASE_CONNECTIONS`: at most this many of this node. Default 10.
    pub database_connections: u32,
    /// `SECRET_KEY`: encrypts at rest and keys the password hashes. At least 32 characters.
    pub secret_key: Secret,
    /// `SECRET_KEY_PREVIOUS`: earlier ones, comma separated, for as long as something is sealed with them.
    pub secret_keys_previous: Vec<Secret>,
    /// `ACCESS_TOKEN_EXPIRE_MINUTES`. Default 30.
    pub access_token_lifetime: Duration,
    /// `REFRESH_TOKEN_EXPIRE_DAYS`, absolute. Default 7.
    pub refresh_token_lifetime: Duration,
    /// `SESSION_HOURS`: how long a login lasts. Default 12.
    pub session_lifetime: Duration,
    /// `SMTP_HOST SMTP_PORT SMTP_USER SMTP_PASSWORD SMTP_FROM SMTP_TLS`: where mail goes. Without a host, mail stays on `/dev/mail`.
    pub smtp: Option<Smtp>,
    /// `FRONTEND_URL`: origins that may call from scripts (CORS), comma separated.
    pub cors_origins: Vec<String>,
    /// `REQUIRE_VERIFIED_EMAIL`: sign-in waits for a confirmed address. On in serve, off in dev.
    pub require_verified_email: bool,
    /// `TRUSTED_PROXIES`: addresses or networks whose `X-Forwarded-For` is believed, comma separated.
    pub trusted_proxies: Vec<Network>,
    /// `TLS_CERT`, `TLS_KEY`: PEM files; with both we speak TLS ourselves.
    pub tls: Option<TlsFiles>,
    /// `MTLS_LISTEN`, `MTLS_URL`, `CLIENT_CERT_HEADER`, `CLIENT_CA`: how certificates of clients reach us.
    pub mtls: Mtls,
    /// `OUTBOUND_CA`: a PEM file with one more CA to trust when we call others.
    pub outbound_ca: Option<PathBuf>,
    /// `OUTBOUND_ALLOW_LOOPBACK`: whether we may call this machine. Off; for tests.
    pub outbound_loopback: Loopback,
    /// `PASSWORD_HASH_THREADS`. Default: one per core.
    pub password_hash_threads: usize,
    /// `PASSWORD_HASH_QUEUE`: how many may wait for a hash before the answer is 503. Default 64.
    pub password_hash_queue: usize,
    /// `DYNAMIC_REGISTRATION`: `off`, `token` or `open`. Default token in dev, off elsewhere.
    pub dynamic_registration: Registration,
    /// `CLIENT_ID_METADATA_HOSTS`: hosts (`app.example.com`, or with a port) whose documents make clients, comma separated.
    pub client_id_metadata_hosts: Vec<String>,
    /// `AUDIT_RETENTION_MONTHS`. Default 13.
    pub audit_retention_months: u32,
    /// `SIGNING_KEY_DAYS`: how long a key signs before the next takes over. Default 90.
    pub signing_key_days: u32,
    /// `LOG_FORMAT`: `json` or `text`. Default json in serve, text in dev.
    pub log_format: LogFormat,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` (or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`), `OTEL_SERVICE_NAME`: where spans go. Nowhere unless set.
    pub traces: Traces,
}

/// Everything that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

/// One setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The environment variable.
    pub name: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The configuration cannot be used:")?;
        for problem in &self.0 {
            writeln!(f, "  {}: {}\n      {}", problem.name, problem.what, problem.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl Settings {
    /// Reads them.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn read(vars: &HashMap<String, String>, mode: Mode) -> Result<Self, Problems> {
        let mut read = Reading::new(vars, mode);
        let listen = read.parsed(
            "LISTEN",
            SocketAddr::from(([127, 0, 0, 1], 8000)),
            "an address and a port, 0.0.0.0:8000 for example",
        );
        let smtp = read.smtp();
        let (tls, trusted_proxies) = (read.tls(), read.networks("TRUSTED_PROXIES"));
        let settings = Self {
            mode,
            issuer: read.issuer(listen),
            listen,
            metrics_listen: read.address("METRICS_LISTEN"),
            stop_delay: Duration::seconds(
                read.number("STOP_DELAY_SECONDS", if mode == Mode::Serve { 5 } else { 0 }, 0, 300).into(),
            ),
            database: read.database(),
            migrate_database_url: read.text("MIGRATE_DATABASE_URL"),
            database_connections: read.number("DATABASE_CONNECTIONS", 10, 1, 100),
            secret_key: read.secret_key(),
            secret_keys_previous: read.list("SECRET_KEY_PREVIOUS").into_iter().map(Secret::received).collect(),
            access_token_lifetime: Duration::minutes(read.number("ACCESS_TOKEN_EXPIRE_MINUTES", 30, 1, 1440).into()),
            refresh_token_lifetime: Duration::days(read.number("REFRESH_TOKEN_EXPIRE_DAYS", 7, 1, 365).into()),
            session_lifetime: Duration::hours(read.number("SESSION_HOURS", 12, 1, 720).into()),
            cors_origins: read.origins("FRONTEND_URL"),
            require_verified_email: read.switch("REQUIRE_VERIFIED_EMAIL", mode == Mode::Serve),
            mtls: read.mtls(tls.as_ref(), &trusted_proxies),
            trusted_proxies,
            tls,
            outbound_ca: read.text("OUTBOUND_CA").map(PathBuf::from),
            outbound_loopback: if read.switch("OUTBOUND_ALLOW_LOOPBACK", false) {
                Loopback::Allowed
            } else {
                Loopback::Refused
            },
            password_hash_threads: read.count(
                "PASSWORD_HASH_THREADS",
                std::thread::available_parallelism().map_or(2, Into::into),
                64,
            ),
            password_hash_queue: read.count("PASSWORD_HASH_QUEUE", 64, 10_000),
            dynamic_registration: read.registration(),
            client_id_metadata_hosts: read.hosts("CLIENT_ID_METADATA_HOSTS"),
            audit_retention_months: read.number("AUDIT_RETENTION_MONTHS", 13, 1, 120),
            signing_key_days: read.number("SIGNING_KEY_DAYS", 90, 1, 3650),
            log_format: read.log_format(),
            traces: read.traces(),
            smtp,
        };
        if settings.smtp.is_none() && settings.require_verified_email && mode == Mode::Serve {
            read.problem(
                "SMTP_HOST",
                "is not set, and nobody can confirm an address without mail",
                "set SMTP_HOST and SMTP_FROM, or REQUIRE_VERIFIED_EMAIL=false",
            );
        }
        read.finish(settings)
    }

    /// Whether cookies can be `Secure`.
    pub fn issuer_is_https(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// Whether this peer is a proxy of ours.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(peer))
    }

    /// Whether this is `countersign dev`.
    pub fn is_dev(&self) -> bool {
        self.mode == Mode::Dev
    }

    /// Where the pages say mail comes from.
    pub fn mail_from(&self) -> String {
        self.smtp.as_ref().map_or_else(|| "Countersign <countersign@localhost>".to_owned(), |smtp| smtp.from.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)], mode: Mode) -> Result<Settings, Problems> {
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::read(&vars, mode)
    }

    const GOOD: [(&str, &str); 4] = [
        ("ISSUER", "https://id.example.com"),
        ("DATABASE_URL", "postgres://countersign_app:x@db/countersign"),
        ("SECRET_KEY", "q7Vw2mZr8LxT4bNc9KpY6sHd3JfG5aEu"),
        ("REQUIRE_VERIFIED_EMAIL", "false"),
    ];

    fn names(result: Result<Settings, Problems>) -> Vec<&'static str> {
        result.err().map(|problems| problems.0.iter().map(|problem| problem.name).collect()).unwrap_or_default()
    }

    #[test]
    fn dev_needs_nothing() {
        let settings = read(&[], Mode::Dev).unwrap();
        assert_eq!(settings.issuer, "http://localhost:8000");
        assert!(!settings.require_verified_email);
        assert_eq!(settings.access_token_lifetime, Duration::minutes(30));
        assert_eq!(settings.refresh_token_lifetime, Duration::days(7));
    }

    #[test]
    fn serve_tells_every_problem_at_once() {
        assert_eq!(
            names(read(&[("LISTEN", "here")], Mode::Serve)),
            ["LISTEN", "ISSUER", "DATABASE_URL", "SECRET_KEY", "SMTP_HOST"]
        );
    }

    #[test]
    fn serve_accepts_a_good_configuration() {
        assert_eq!(names(read(&GOOD, Mode::Serve)), Vec::<&str>::new());
    }

    #[test]
    fn serve_refuses_weak_secrets() {
        for weak in
            ["short", DEV_SECRET, "change-me-change-me-change-me-change-me", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
        {
            let mut vars = GOOD.to_vec();
            vars[2] = ("SECRET_KEY", weak);
            assert_eq!(names(read(&vars, Mode::Serve)), ["SECRET_KEY"], "{weak}");
        }
    }

    #[test]
    fn serve_refuses_http_but_for_localhost() {
        for (issuer, good) in [
            ("http://id.example.com", false),
            ("http://localhost:8000", true),
            ("http://127.0.0.1:8000", true),
            ("https://id.example.com/", true),
            ("https://id.example.com/tenant", false),
            ("https://id.example.com?x=1", false),
            ("https://user@id.example.com", false),
            ("id.example.com", false),
        ] {
            let mut vars = GOOD.to_vec();
            vars[0] = ("ISSUER", issuer);
            assert_eq!(read(&vars, Mode::Serve).is_ok(), good, "{issuer}");
        }
    }

    #[test]
    fn every_number_has_bounds() {
        for (name, value) in [
            ("ACCESS_TOKEN_EXPIRE_MINUTES", "0"),
            ("REFRESH_TOKEN_EXPIRE_DAYS", "soon"),
            ("SESSION_HOURS", "-1"),
            ("DATABASE_CONNECTIONS", "1000"),
            ("SMTP_PORT", "70000"),
        ] {
            let vars = [(name, value), ("SMTP_HOST", "mail"), ("SMTP_FROM", "a@b.example")];
            assert_eq!(names(read(&vars, Mode::Dev)), [name]);
        }
    }

    #[test]
    fn registration_is_off_where_nobody_switched_it_on() {
        assert_eq!(read(&[], Mode::Dev).unwrap().dynamic_registration, Registration::Token);
        assert_eq!(read(&GOOD, Mode::Serve).unwrap().dynamic_registration, Registration::Off);
        assert_eq!(names(read(&[("DYNAMIC_REGISTRATION", "yes")], Mode::Dev)), ["DYNAMIC_REGISTRATION"]);
        let hosts = |text| read(&[("CLIENT_ID_METADATA_HOSTS", text)], Mode::Dev);
        let good = hosts("App.example.com, localhost:8443").unwrap();
        assert_eq!(good.client_id_metadata_hosts, ["app.example.com", "localhost:8443"]);
        for bad in ["https://app.example.com", "app.example.com/x", "*", "a b", "x@y.example"] {
            assert_eq!(names(hosts(bad)), ["CLIENT_ID_METADATA_HOSTS"], "{bad}");
        }
    }

    #[test]
    fn tls_needs_both_files() {
        assert_eq!(names(read(&[("TLS_CERT", "cert.pem")], Mode::Dev)), ["TLS_KEY"]);
    }

    #[test]
    fn certificates_of_clients_need_a_way_to_us() {
        let tls = [("TLS_CERT", "cert.pem"), ("TLS_KEY", "key.pem")];
        let (listen, url) = (("MTLS_LISTEN", "127.0.0.1:8443"), ("MTLS_URL", "https://mtls.id.example.com/"));
        let (header, proxies) = (("CLIENT_CERT_HEADER", "X-Client-Cert"), ("TRUSTED_PROXIES", "10.0.0.1"));
        let ca = ("CLIENT_CA", "clients.pem");
        for (vars, wrong) in [
            (vec![listen, url, ca, tls[0], tls[1]], vec![]),
            (vec![header, proxies, ca], vec![]),
            (vec![header, proxies, url], vec![]),
            (vec![listen, url], vec!["MTLS_LISTEN"]),
            (vec![listen, tls[0], tls[1]], vec!["MTLS_URL"]),
            (vec![("MTLS_LISTEN", "here"), url, tls[0], tls[1]], vec!["MTLS_LISTEN"]),
            (vec![listen, ("MTLS_URL", "http://id.example.com"), tls[0], tls[1]], vec!["MTLS_URL"]),
            (vec![listen, ("MTLS_URL", "https://id.example.com/a"), tls[0], tls[1]], vec!["MTLS_URL"]),
            (vec![header], vec!["TRUSTED_PROXIES"]),
            (vec![("CLIENT_CERT_HEADER", "a b"), proxies], vec!["CLIENT_CERT_HEADER"]),
            (vec![url, ca], vec!["MTLS_URL", "CLIENT_CA"]),
        ] {
            assert_eq!(names(read(&vars, Mode::Dev)), wrong, "{vars:?}");
        }
        let mtls = read(&[listen, url, tls[0], tls[1]], Mode::Dev).unwrap().mtls;
        assert_eq!(mtls.url.as_deref(), Some("https://mtls.id.example.com"));
    }

    #[test]
    fn settings_print_no_secret() {
        let vars = [
            ("SECRET_KEY", "sesame-sesame-sesame-sesame-sesame"),
            ("SMTP_HOST", "mail"),
            ("SMTP_FROM", "a@b.example"),
            ("SMTP_PASSWORD", "sesame"),
            ("DATABASE_URL", "postgres://a:sesame@b/c"),
        ];
        let printed = format!("{:?}", read(&vars, Mode::Dev).unwrap());
        assert!(!printed.contains("sesame"), "{printed}");
    }
}
