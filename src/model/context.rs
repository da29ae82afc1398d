//! What every rule needs to know of the request it serves: when it came and from where.

use std::net::IpAddr;

use time::OffsetDateTime;

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
}

impl Context {
    /// For what runs without a request: jobs and commands.
    pub fn of_job(now: OffsetDateTime, name: &str) -> Self {
        Self { now, request_id: name.to_owned(), ip: None, user_agent: None }
    }
}
