//! Reads one setting after the other and collects what is wrong with them.

use std::collections::HashMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use url::{Host, Url};

use super::parts::{DatabaseChoice, LogFormat, Mtls, Network, Registration, Smtp, SmtpTls, TlsFiles, Traces};
use super::{DEV_SECRET, Mode, Problem, Problems, Settings};
use crate::model::secret::Secret;

pub(super) struct Reading<'a> {
    vars: &'a HashMap<String, String>,
    mode: Mode,
    problems: Vec<Problem>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(vars: &'a HashMap<String, String>, mode: Mode) -> Self {
        Self { vars, mode, problems: Vec::new() }
    }

    pub(super) fn problem(&mut self, name: &'static str, what: impl Display, remedy: impl Display) {
        self.problems.push(Problem { name, what: what.to_string(), remedy: remedy.to_string() });
    }

    pub(super) fn finish(self, settings: Settings) -> Result<Settings, Problems> {
        if self.problems.is_empty() { Ok(settings) } else { Err(Problems(self.problems)) }
    }

    /// A variable that is set to nothing counts as not set.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn parsed<T: FromStr>(&mut self, name: &'static str, default: T, form: &str) -> T {
        match self.text(name).map(|text| text.parse()) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(_)) => {
                self.problem(name, "cannot be read", format!("set it to {form}"));
                default
            }
        }
    }

    /// Where to listen; nowhere unless it is set.
    pub(super) fn address(&mut self, name: &'static str) -> Option<SocketAddr> {
        let read = self.text(name)?.parse();
        if read.is_err() {
            self.problem(name, "cannot be read", "set it to an address and a port, 0.0.0.0:9464 for example");
        }
        read.ok()
    }

    pub(super) fn number(&mut self, name: &'static str, default: u32, least: u32, most: u32) -> u32 {
        let value = self.parsed(name, default, &format!("a number from {least} to {most}"));
        if (least..=most).contains(&value) {
            return value;
        }
        self.problem(name, format!("{value} is out of bounds"), format!("set it to a number from {least} to {most}"));
        default
    }

    pub(super) fn count(&mut self, name: &'static str, default: usize, most: u32) -> usize {
        let default = u32::try_from(default).unwrap_or(most).clamp(1, most);
        self.number(name, default, 1, most) as usize
    }

    pub(super) fn switch(&mut self, name: &'static str, default: bool) -> bool {
        match self.text(name).map(|text| text.to_lowercase()).as_deref() {
            None => default,
            Some("true" | "1" | "yes" | "on") => true,
            Some("false" | "0" | "no" | "off") => false,
            Some(_) => {
                self.problem(name, "is neither true nor false", "set it to true or false");
                default
            }
        }
    }

    pub(super) fn issuer(&mut self, listen: SocketAddr) -> String {
        let default = format!("http://localhost:{}", listen.port());
        let Some(text) = self.text("ISSUER") else {
            if self.mode == Mode::Serve {
                self.problem("ISSUER", "is not set", "set it to the https URL that clients reach this service by");
            }
            return default;
        };
        let remedy = "set it to an https URL of scheme, host and perhaps a port, https://id.example.com for example";
        let Ok(url) = Url::parse(&text) else {
            self.problem("ISSUER", "is not a URL", remedy);
            return default;
        };
        let local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && local) {
            self.problem("ISSUER", "is not https", remedy);
        } else if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            self.problem("ISSUER", "has a path, a query or a fragment", remedy);
        } else if !url.username().is_empty() || url.password().is_some() {
            self.problem("ISSUER", "holds a user name or a password", remedy);
        }
        url.origin().ascii_serialization()
    }

    pub(super) fn database(&mut self) -> DatabaseChoice {
        if let Some(url) = self.text("DATABASE_URL") {
            if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
                self.problem(
                    "DATABASE_URL",
                    "is no PostgreSQL URL",
                    "set it to postgres://countersign_app:password@host/database",
                );
            }
            return DatabaseChoice::Url(url);
        }
        if self.mode == Mode::Serve {
            self.problem(
                "DATABASE_URL",
                "is not set",
                "set it to postgres://countersign_app:password@host/database, or use `countersign dev`",
            );
        }
        DatabaseChoice::Embedded(PathBuf::from(self.text("COUNTERSIGN_DATA").unwrap_or_else(|| ".data".to_owned())))
    }

    pub(super) fn secret_key(&mut self) -> Secret {
        let remedy = "set it to at least 32 random characters, from `openssl rand -base64 48` for example";
        let Some(text) = self.text("SECRET_KEY") else {
            if self.mode == Mode::Serve {
                self.problem("SECRET_KEY", "is not set", remedy);
            }
            return Secret::received(DEV_SECRET);
        };
        if self.mode == Mode::Serve {
            let different = text.chars().collect::<std::collections::BTreeSet<_>>().len();
            let lower = text.to_lowercase();
            if text.chars().count() < 32 {
                self.problem("SECRET_KEY", "is shorter than 32 characters", remedy);
            } else if text == DEV_SECRET
                || ["change", "example", "secret", "password"].iter().any(|word| lower.contains(word))
            {
                self.problem("SECRET_KEY", "is a default or an example", remedy);
            } else if different < 12 {
                self.problem("SECRET_KEY", "repeats too few different characters", remedy);
            }
        }
        Secret::received(text)
    }

    pub(super) fn smtp(&mut self) -> Option<Smtp> {
        let host = self.text("SMTP_HOST")?;
        let from = self.text("SMTP_FROM").unwrap_or_default();
        if !from.contains('@') {
            self.problem(
                "SMTP_FROM",
                "is no address",
                "set it to the sender's address, Sign-in <no-reply@example.com> for example",
            );
        }
        let tls = match self.text("SMTP_TLS").as_deref() {
            None | Some("starttls") => SmtpTls::StartTls,
            Some("tls") => SmtpTls::Tls,
            Some("none") => SmtpTls::None,
            Some(_) => {
                self.problem("SMTP_TLS", "is unknown", "set it to starttls, tls or none");
                SmtpTls::StartTls
            }
        };
        let port = self.parsed("SMTP_PORT", 587, "a port number");
        let (user, password) = (self.text("SMTP_USER"), self.text("SMTP_PASSWORD").map(Secret::received));
        Some(Smtp { host, port, user, password, from, tls })
    }

    pub(super) fn origins(&mut self, name: &'static str) -> Vec<String> {
        let mut origins = Vec::new();
        for text in self.list(name) {
            let origin = Url::parse(&text).ok().filter(|url| url.path() == "/" && url.query().is_none());
            match origin.map(|url| url.origin()) {
                Some(origin) if origin.is_tuple() => origins.push(origin.ascii_serialization()),
                _ => self.problem(
                    name,
                    format!("{text} is no origin"),
                    "list origins like https://app.example.com, comma separated",
                ),
            }
        }
        origins
    }

    pub(super) fn networks(&mut self, name: &'static str) -> Vec<Network> {
        let mut networks = Vec::new();
        for text in self.list(name) {
            match text.parse() {
                Ok(network) => networks.push(network),
                Err(()) => self.problem(
                    name,
                    format!("{text} is no network"),
                    "list addresses or networks like 10.0.0.0/8, comma separated",
                ),
            }
        }
        networks
    }

    /// Hosts as URLs have them, perhaps with a port.
    pub(super) fn hosts(&mut self, name: &'static str) -> Vec<String> {
        let mut hosts = Vec::new();
        for text in self.list(name) {
            let lower = text.to_ascii_lowercase();
            let url = Url::parse(&format!("https://{lower}/")).ok();
            let written = url.filter(|url| {
                let host = url.host_str().unwrap_or_default();
                !host.contains('*') && url.port().map_or(host.to_owned(), |port| format!("{host}:{port}")) == lower
            });
            if written.is_some() {
                hosts.push(lower);
            } else {
                self.problem(name, format!("{text} is no host"), "list hosts like app.example.com, comma separated");
            }
        }
        hosts
    }

    pub(super) fn registration(&mut self) -> Registration {
        match self.text("DYNAMIC_REGISTRATION").as_deref() {
            Some("off") => Registration::Off,
            Some("token") => Registration::Token,
            Some("open") => Registration::Open,
            None if self.mode == Mode::Dev => Registration::Token,
            None => Registration::Off,
            Some(_) => {
                self.problem("DYNAMIC_REGISTRATION", "is unknown", "set it to off, token or open");
                Registration::Off
            }
        }
    }

    pub(super) fn tls(&mut self) -> Option<TlsFiles> {
        match (self.text("TLS_CERT"), self.text("TLS_KEY")) {
            (Some(cert), Some(key)) => Some(TlsFiles { cert: cert.into(), key: key.into() }),
            (None, None) => None,
            (Some(_), None) => {
                self.problem("TLS_KEY", "is not set, but TLS_CERT is", "set both or neither");
                None
            }
            (None, Some(_)) => {
                self.problem("TLS_CERT", "is not set, but TLS_KEY is", "set both or neither");
                None
            }
        }
    }

    pub(super) fn mtls(&mut self, tls: Option<&TlsFiles>, proxies: &[Network]) -> Mtls {
        let listen = self.address("MTLS_LISTEN");
        let url = self.text("MTLS_URL").and_then(|text| {
            let url = Url::parse(&text).ok().filter(|url| {
                url.scheme() == "https" && url.path() == "/" && url.query().is_none() && url.username().is_empty()
            });
            if url.is_none() {
                let remedy = "set it to scheme, host and perhaps a port, https://mtls.id.example.com for example";
                self.problem("MTLS_URL", "is no https URL, or has more than a host", remedy);
            }
            url.map(|url| url.origin().ascii_serialization())
        });
        let header = self.text("CLIENT_CERT_HEADER").map(|name| name.to_lowercase());
        let mtls = Mtls { listen, url, header, authorities: self.text("CLIENT_CA").map(PathBuf::from) };
        if mtls
            .header
            .as_ref()
            .is_some_and(|name| !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
        {
            let remedy = "set it to what the proxy sends, X-Client-Cert for example";
            self.problem("CLIENT_CERT_HEADER", "is no name of a header", remedy);
        }
        if mtls.listen.is_some() && tls.is_none() {
            self.problem("MTLS_LISTEN", "is set, but TLS_CERT and TLS_KEY are not", "set them, or let a proxy do TLS");
        }
        if mtls.listen.is_some() && self.text("MTLS_URL").is_none() {
            let remedy = "set it to the https URL that clients reach MTLS_LISTEN by";
            self.problem("MTLS_URL", "is not set, but MTLS_LISTEN is", remedy);
        }
        if mtls.header.is_some() && proxies.is_empty() {
            let remedy = "set it to the address of the proxy that sets CLIENT_CERT_HEADER; nobody else is believed";
            self.problem("TRUSTED_PROXIES", "is not set, but CLIENT_CERT_HEADER is", remedy);
        }
        for (name, set) in [("MTLS_URL", mtls.url.is_some()), ("CLIENT_CA", mtls.authorities.is_some())] {
            if set && self.text("MTLS_LISTEN").is_none() && !mtls.is_on() {
                self.problem(
                    name,
                    "is set, but no certificate can reach us",
                    "set MTLS_LISTEN or CLIENT_CERT_HEADER too",
                );
            }
        }
        mtls
    }

    /// OpenTelemetry's own variables; its library reads those that say more.
    pub(super) fn traces(&mut self) -> Traces {
        let (all, traces) = (self.text("OTEL_EXPORTER_OTLP_ENDPOINT"), self.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"));
        let service = self.text("OTEL_SERVICE_NAME").unwrap_or_else(|| "countersign".to_owned());
        if traces.or(all).is_some() { Traces::Exported { service } } else { Traces::Kept }
    }

    pub(super) fn log_format(&mut self) -> LogFormat {
        match self.text("LOG_FORMAT").as_deref() {
            Some("json") => LogFormat::Json,
            Some("text") => LogFormat::Text,
            None if self.mode == Mode::Serve => LogFormat::Json,
            None => LogFormat::Text,
            Some(_) => {
                self.problem("LOG_FORMAT", "is unknown", "set it to json or text");
                LogFormat::Text
            }
        }
    }
}
