//! What is known of the database when somebody asks: the pool, what went wrong, and what one small statement says of letters, notices
//! and keys. Where the database does not answer, its metrics are left out, and all others are still told.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use time::OffsetDateTime;

use super::instruments::encode_count;
use crate::domain::delivery;
use crate::model::error::Result;
use crate::storage::pulse::{self, Pulse};
use crate::storage::scope::Db;
use crate::storage::trouble;

/// How long a scrape waits for the database.
const PATIENCE: Duration = Duration::from_secs(1);

/// The database as it was last seen.
#[derive(Debug)]
pub struct Database {
    db: Db,
    seen: Mutex<Option<Seen>>,
}

#[derive(Debug, Clone)]
struct Seen {
    at: OffsetDateTime,
    /// How long it took to get a connection.
    waited: Duration,
    pulse: Pulse,
}

impl Database {
    /// Nothing is seen yet.
    pub fn new(db: Db) -> Self {
        Self { db, seen: Mutex::new(None) }
    }

    /// Looks.
    pub async fn look(&self, now: OffsetDateTime) {
        let looked = tokio::time::timeout(PATIENCE, self.see(now)).await;
        if let Ok(mut seen) = self.seen.lock() {
            *seen = looked.ok().and_then(Result::ok);
        }
    }

    async fn see(&self, now: OffsetDateTime) -> Result<Seen> {
        let since = Instant::now();
        let taken = pulse::take(&self.db).await?;
        let waited = since.elapsed();
        Ok(Seen { at: now, waited, pulse: pulse::read(taken, now + delivery::GIVEN_UP).await? })
    }
}

impl Collector for Database {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let pool = pulse::connections(&self.db);
        let mut metric = encoder.encode_descriptor(
            "countersign_database_connections",
            "Connections of this node, by what they do",
            None,
            MetricType::Gauge,
        )?;
        for (state, count) in [("idle", pool.idle), ("busy", pool.open.saturating_sub(pool.idle))] {
            metric.encode_family(&[("state", state)])?.encode_gauge(&i64::from(count))?;
        }
        let seen = self.seen.lock().map_err(|_| fmt::Error)?.clone();
        for (name, help, value) in [
            ("countersign_database_connections_max", "Connections that this node may open", i64::from(pool.most)),
            ("countersign_database_up", "Whether the database answered this scrape", i64::from(seen.is_some())),
        ] {
            encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)?;
        }
        let mut metric = encoder.encode_descriptor(
            "countersign_database_errors",
            "Statements and connections that failed, by kind",
            None,
            MetricType::Counter,
        )?;
        for (kind, count) in trouble::counts() {
            encode_count(&mut metric.encode_family(&[("kind", kind)])?, count)?;
        }
        match seen {
            Some(seen) => tell(&seen, &mut encoder),
            None => Ok(()),
        }
    }
}

fn tell(seen: &Seen, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let pulse = &seen.pulse;
    let age = |since: Option<OffsetDateTime>| since.map_or(0.0, |since| (seen.at - since).as_seconds_f64().max(0.0));
    let mut gauge = |name: &str, help: &str, value: f64| {
        encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    };
    let count = |count: i64| super::instruments::real(count.unsigned_abs());
    gauge(
        "countersign_database_acquire_seconds",
        "How long this scrape waited for a connection of the pool",
        seen.waited.as_secs_f64(),
    )?;
    gauge("countersign_outbox_letters", "Letters that wait to be sent", count(pulse.letters))?;
    gauge("countersign_outbox_oldest_seconds", "Age of the oldest letter that waits", age(pulse.letters_since))?;
    gauge("countersign_outbox_given_up", "Letters that no mail server took", count(pulse.letters_given_up))?;
    gauge("countersign_logout_notices", "Logout notices that wait to be taken", count(pulse.notices))?;
    gauge(
        "countersign_logout_notices_oldest_seconds",
        "Age of the oldest logout notice that waits",
        age(pulse.notices_since),
    )?;
    if pulse.key_since.is_some() {
        gauge("countersign_signing_key_age_seconds", "How long the oldest key has signed", age(pulse.key_since))?;
    }
    Ok(())
}
