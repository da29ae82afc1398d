//! What every rule needs to know of the request it serves: when it came, from where, and with which certificate.

use std::net::IpAddr;

use time::OffsetDateTime;

use super::certificate::Certificate;

/// One request. Time is read once, here, so that everything a request does happens at one instant.
#[derive(Debug, Clone)]
pub struct Context {
    /// The instant of the request.
    pub now: OffsetDateTime,
    /// Stands in logs, in events and on error pages.
    pub request_id: String,
    /// The caller's address, through trusted proxies only.
    pub ip: Option<IpAddr>,
    /// At most 300 characters of what the caller says it is.
    pub user_agent: Option<String>,
    /// The client's certificate, of the connection or told by a trusted proxy.
    pub certificate: Option<Certificate>,
}

impl Context {
    /// For what runs without a request: jobs and commands.
    pub fn of_job(now: OffsetDateTime, name: &str) -> Self {
        Self { now, request_id: name.to_owned(), ip: None, user_agent: None, certificate: None }
    }
}
