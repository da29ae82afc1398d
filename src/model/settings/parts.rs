//! The parts that settings are made of.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use crate::model::secret::Secret;

/// Which PostgreSQL.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseChoice {
    /// A private one of our own, in this directory.
    Embedded(PathBuf),
    /// The operator's, as the unprivileged role.
    Url(String),
}

/// Where spans go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traces {
    /// Nowhere.
    Kept,
    /// To a collector of the operator's, under this name.
    Exported {
        /// `OTEL_SERVICE_NAME`, or `countersign`.
        service: String,
    },
}

/// The URL holds a password.
impl fmt::Debug for DatabaseChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(dir) => f.debug_tuple("Embedded").field(dir).finish(),
            Self::Url(_) => f.write_str("Url(…)"),
        }
    }
}

/// Where mail goes.
#[derive(Debug)]
pub struct Smtp {
    /// `SMTP_HOST`
    pub host: String,
    /// `SMTP_PORT`. Default 587.
    pub port: u16,
    /// `SMTP_USER`
    pub user: Option<String>,
    /// `SMTP_PASSWORD`
    pub password: Option<Secret>,
    /// `SMTP_FROM`: the sender, `Name <address>` or an address.
    pub from: String,
    /// `SMTP_TLS`: `starttls` (default), `tls` or `none`.
    pub tls: SmtpTls,
}

/// How the conversation with the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// Not at all; for a mail catcher on this machine.
    None,
    /// STARTTLS, required.
    StartTls,
    /// TLS from the first byte.
    Tls,
}

/// Certificate and key of our own TLS, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// `TLS_CERT`: the certificate, then its chain.
    pub cert: PathBuf,
    /// `TLS_KEY`
    pub key: PathBuf,
}

/// How certificates of clients reach us (RFC 8705).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Mtls {
    /// `MTLS_LISTEN`: a second port, which asks for a certificate.
    pub listen: Option<SocketAddr>,
    /// `MTLS_URL`: what clients with a certificate reach us by, without a slash at the end.
    pub url: Option<String>,
    /// `CLIENT_CERT_HEADER`: where a trusted proxy tells the certificate; lower case.
    pub header: Option<String>,
    /// `CLIENT_CA`: a PEM file with the CAs that vouch for clients.
    pub authorities: Option<PathBuf>,
}

impl Mtls {
    /// Whether any certificate can reach us.
    pub fn is_on(&self) -> bool {
        self.listen.is_some() || self.header.is_some()
    }
}

/// Whether outgoing calls may reach this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loopback {
    /// For tests.
    Allowed,
    /// The default.
    Refused,
}

/// Whether clients may register themselves (RFC 7591).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Nobody may.
    Off,
    /// Whoever holds an initial access token.
    Token,
    /// Everybody.
    Open,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// An address or a network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: u128,
    mask: u128,
}

/// IPv4 addresses as IPv6 ones that map them (RFC 4291, section 2.5.5.2), so that there is one way to compare.
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl Network {
    /// Whether the address belongs to it.
    pub fn contains(&self, ip: IpAddr) -> bool {
        bits(ip) & self.mask == self.base
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let ip: IpAddr = address.parse().map_err(|_| ())?;
        let (width, offset) = if ip.is_ipv4() { (32, 96) } else { (128, 0) };
        let length = length.map_or(Ok(width), |length| length.parse::<u32>().map_err(|_| ()))?;
        if length > width {
            return Err(());
        }
        let mask = u128::MAX.checked_shl(128 - (length + offset)).unwrap_or(0);
        Ok(Self { base: bits(ip) & mask, mask })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_its_addresses_and_no_other() {
        let ten: Network = "10.0.0.0/8".parse().unwrap();
        assert!(ten.contains("10.9.8.7".parse().unwrap()));
        assert!(!ten.contains("11.0.0.1".parse().unwrap()));
        assert!(!ten.contains("::1".parse().unwrap()));
        let one: Network = "2001:db8::5".parse().unwrap();
        assert!(one.contains("2001:db8::5".parse().unwrap()));
        assert!(!one.contains("2001:db8::6".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("9.9.9.9".parse().unwrap()));
    }
}
