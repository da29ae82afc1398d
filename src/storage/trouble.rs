//! Counts what goes wrong with the database, by kind, for the whole process. It decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// The kinds, in the order of the counters.
const KINDS: [&str; 7] = ["pool_timeout", "connection", "unavailable", "resources", "conflict", "statement", "other"];
static COUNTS: [AtomicU64; KINDS.len()] = [const { AtomicU64::new(0) }; KINDS.len()];

/// Counts an error.
pub(super) fn note(error: &sqlx::Error) {
    let kind = kind(error);
    if let Some(count) = KINDS.iter().position(|known| *known == kind).and_then(|place| COUNTS.get(place)) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn kind(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::PoolTimedOut => "pool_timeout",
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolClosed => "connection",
        // The class of the SQLSTATE (PostgreSQL, appendix A); 25006 is a read-only transaction.
        sqlx::Error::Database(error) => match error.code().unwrap_or_default().get(..2) {
            Some("57" | "08" | "25") => "unavailable",
            Some("53" | "54" | "58") => "resources",
            Some("40" | "55") => "conflict",
            _ => "statement",
        },
        _ => "other",
    }
}

/// How many so far, by kind.
pub fn counts() -> impl Iterator<Item = (&'static str, u64)> {
    KINDS.into_iter().zip(&COUNTS).map(|(kind, count)| (kind, count.load(Ordering::Relaxed)))
}
