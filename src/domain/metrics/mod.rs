//! What operators watch, as Prometheus reads it. Recording costs an atomic addition; reading is done when somebody asks. No label
//! holds an id, an address or a company: each has a few values, all known here, or is a name that stands in the source.
//!
//! prometheus-client is the Prometheus project's own: two small crates, no macros needed, no global registry, and its text encoder
//! takes instruments that are ours. Those that requests pass are, because its families and histograms lock.

pub mod database;
pub mod instruments;
pub mod process;
pub mod requests;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use time::OffsetDateTime;

use super::house::House;
use crate::model::error::{Error, Result};
use crate::storage::scope::Db;
use database::Database;
use instruments::{Counts, Histogram, label};
use process::Process;
use requests::Requests;

label! {
    /// How a password was answered.
    SignIn, "outcome", {
        Identified = "identified", SecondFactor = "second_factor", Unverified = "unverified", Rejected = "rejected",
        Throttled = "throttled", Busy = "busy", Failed = "failed"
    }
}

label! {
    /// How the code of a second factor was answered.
    SecondFactor, "outcome", {
        Totp = "totp", BackupCode = "backup_code", Rejected = "rejected", Throttled = "throttled", Busy = "busy", Failed = "failed"
    }
}

label! {
    /// What a login was proved with when it began.
    Factor, "factor", { Password = "password", SecondFactor = "second_factor" }
}

label! {
    /// What the token endpoint was asked for.
    GrantType, "grant_type", {
        AuthorizationCode = "authorization_code", RefreshToken = "refresh_token", ClientCredentials = "client_credentials",
        Other = "other"
    }
}

label! {
    /// What came of it.
    Given, "outcome", { Issued = "issued", Refused = "refused", Throttled = "throttled", Busy = "busy", Failed = "failed" }
}

impl GrantType {
    /// By its name (RFC 6749).
    pub fn read(name: &str) -> Self {
        match name {
            "authorization_code" => Self::AuthorizationCode,
            "refresh_token" => Self::RefreshToken,
            "client_credentials" => Self::ClientCredentials,
            _ => Self::Other,
        }
    }
}

impl Given {
    /// What came of it.
    pub fn of<T>(result: &Result<T>) -> Self {
        match result {
            Ok(_) => Self::Issued,
            Err(Error::TooMany(_)) => Self::Throttled,
            Err(Error::Busy(_)) => Self::Busy,
            Err(Error::Fault(_)) => Self::Failed,
            Err(_) => Self::Refused,
        }
    }
}

/// The queue of the hash threads.
#[derive(Debug, Clone, Default)]
pub struct HashQueue {
    /// Jobs that wait, and sign-ins that wait for their turn.
    pub waiting: Gauge,
    /// Jobs that a thread works on.
    pub running: Gauge,
    /// Jobs that the full queue refused.
    pub refused: Counter,
    /// How long sign-ins waited for their turn.
    pub turn: Histogram,
    /// How long jobs waited.
    pub wait: Histogram,
    /// How long the work took.
    pub work: Histogram,
}

/// What runs without a request. Each by the name of the job.
#[derive(Debug, Clone, Default)]
pub struct Jobs {
    runs: Family<[(&'static str, &'static str); 2], Counter>,
    succeeded: Family<[(&'static str, &'static str); 1], Gauge>,
    duration: Family<[(&'static str, &'static str); 1], Histogram>,
    swept: Family<[(&'static str, &'static str); 1], Counter>,
}

impl Jobs {
    /// A job ran for so long, until now.
    pub fn ran(&self, job: &'static str, took: Duration, (outcome, now): (&Result<()>, OffsetDateTime)) {
        let word = if outcome.is_ok() { "done" } else { "failed" };
        self.runs.get_or_create(&[("task", job), ("outcome", word)]).inc();
        self.duration.get_or_create(&[("task", job)]).observe(took);
        if outcome.is_ok() {
            self.succeeded.get_or_create(&[("task", job)]).set(now.unix_timestamp());
        }
    }

    /// So many rows of a table were swept.
    pub fn swept(&self, table: &'static str, rows: u64) {
        self.swept.get_or_create(&[("table", table)]).inc_by(rows);
    }
}

/// Everything that is counted. One for the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    database: Arc<Database>,
    /// HTTP.
    pub requests: Arc<Requests>,
    /// Passwords.
    pub sign_ins: Counts<SignIn>,
    /// Codes of second factors.
    pub second_factors: Counts<SecondFactor>,
    /// Logins that began.
    pub logins: Counts<Factor>,
    /// The token endpoint.
    pub tokens: Counts<(GrantType, Given)>,
    /// The hash threads.
    pub hash_queue: HashQueue,
    /// Jobs.
    pub jobs: Jobs,
}

impl Metrics {
    /// All at nothing.
    pub fn new(db: &Db) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            database: Arc::new(Database::new(db.clone())),
            requests: Arc::default(),
            sign_ins: Counts::default(),
            second_factors: Counts::default(),
            logins: Counts::default(),
            tokens: Counts::default(),
            hash_queue: HashQueue::default(),
            jobs: Jobs::default(),
        };
        metrics.register();
        metrics
    }

    /// The names stand here and in the collectors. The encoder adds `_total` to those of counters.
    fn register(&mut self) {
        let (registry, queue, jobs) = (&mut self.registry, self.hash_queue.clone(), self.jobs.clone());
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("countersign_build", "What is running", build);
        registry.register("countersign_sign_ins", "Passwords, by what they led to", self.sign_ins.clone());
        registry.register(
            "countersign_second_factors",
            "Codes of second factors, by what they led to",
            self.second_factors.clone(),
        );
        registry.register("countersign_logins", "Logins that began, by what proved them", self.logins.clone());
        registry.register(
            "countersign_tokens",
            "Requests at the token endpoint, by grant type and outcome",
            self.tokens.clone(),
        );
        registry.register("countersign_hash_queue_waiting", "Passwords that wait for a hash thread", queue.waiting);
        registry.register("countersign_hash_queue_running", "Passwords being hashed", queue.running);
        registry.register("countersign_hash_queue_refused", "Passwords that the full queue refused", queue.refused);
        registry.register(
            "countersign_sign_in_wait_seconds",
            "How long sign-ins waited for their turn, before their password waited for a hash thread",
            queue.turn,
        );
        registry.register("countersign_hash_wait_seconds", "How long passwords waited for a hash thread", queue.wait);
        registry.register("countersign_hash_work_seconds", "How long hashing took", queue.work);
        registry.register("countersign_job_runs", "Runs of jobs, by outcome", jobs.runs);
        registry.register(
            "countersign_job_last_success_timestamp_seconds",
            "When a job last did its work, in Unix time",
            jobs.succeeded,
        );
        registry.register("countersign_job_duration_seconds", "How long jobs took", jobs.duration);
        registry.register("countersign_swept_rows", "Expired rows deleted by this node, by table", jobs.swept);
        registry.register_collector(Box::new(Arc::clone(&self.requests)));
        registry.register_collector(Box::new(Arc::clone(&self.database)));
        registry.register_collector(Box::new(Process));
    }
}

/// The answer to a scrape, and its media type.
///
/// # Errors
/// The encoder's.
pub async fn scrape(house: &House) -> Result<(&'static str, String)> {
    house.metrics.database.look(house.clock.now()).await;
    let mut text = String::new();
    prometheus_text::encode(&mut text, &house.metrics.registry).map_err(Error::fault)?;
    Ok((prometheus_text::CONTENT_TYPE, text))
}
