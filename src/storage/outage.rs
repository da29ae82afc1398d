//! When PostgreSQL cannot serve: which errors say so, and what they mean for the connections that are still open. A fault of ours
//! must never pass for an outage, nor an outage for a fault.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::{Error, PgConnection, Row as _};
use tokio::time::{Instant, timeout};

/// How long a connection may take to say that it lives.
const PATIENCE: Duration = Duration::from_secs(1);
/// A connection that rested for so long is asked before it is used: firewalls and restarts forget.
const RESTED: Duration = Duration::from_secs(2);
/// For so long after a connection broke the others are asked, whether they rested or not.
const AFTERMATH: Duration = Duration::from_secs(2);

/// When a connection of this process last broke. All pools of a process lead to one database.
static BROKE: Mutex<Option<Instant>> = Mutex::new(None);

/// Whether the database cannot serve just now, through no fault of the statement.
pub(super) fn is_outage(error: &Error) -> bool {
    match error {
        Error::PoolTimedOut | Error::PoolClosed => true,
        Error::Database(told) => {
            told.code().is_some_and(|code| breaks(&code) || matches!(class(&code), "53" | "57") || is_contention(&code))
        }
        _ => is_broken(error),
    }
}

/// Whether the connection itself is of no more use.
pub(super) fn is_broken(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed | Error::BeginFailed => true,
        Error::Database(told) => told.code().is_some_and(|code| breaks(&code)),
        _ => false,
    }
}

/// SQLSTATE (PostgreSQL, appendix A) where the connection ends or leads to a server that takes no writes: connection exceptions,
/// `admin_shutdown`, `crash_shutdown`, `cannot_connect_now` and their like, `read_only_sql_transaction` (a standby),
/// `idle_in_transaction_session_timeout`.
fn breaks(code: &str) -> bool {
    class(code) == "08" || matches!(code, "25006" | "25P03" | "57P01" | "57P02" | "57P03" | "57P04" | "57P05")
}

/// `serialization_failure`, `deadlock_detected`, `lock_not_available`; and `io_error`, which is no contention but passes too.
fn is_contention(code: &str) -> bool {
    matches!(code, "40001" | "40P01" | "55P03" | "58030")
}

fn class(code: &str) -> &str {
    code.get(..2).unwrap_or_default()
}

/// A connection broke: the others that are as old may be broken too.
pub(super) fn note() {
    *BROKE.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
}

/// Whether a connection of this age that nobody used for so long must be asked before it is used or kept.
pub(super) fn is_doubtful(age: Duration, idle_for: Duration) -> bool {
    let broke = BROKE.lock().unwrap_or_else(PoisonError::into_inner).map(|at| at.elapsed());
    let since = broke.is_some_and(|ago| age >= ago && (ago < AFTERMATH || idle_for >= ago));
    since || idle_for >= RESTED
}

/// Whether the server at the other end lives and takes writes: an address may lead to a standby, or to a primary that was.
pub(super) async fn ask(connection: &mut PgConnection) -> Result<(), Error> {
    let asked = sqlx::raw_sql("show transaction_read_only").fetch_one(connection);
    let late = |_| std::io::Error::new(std::io::ErrorKind::TimedOut, "the connection does not answer");
    let row = timeout(PATIENCE, asked).await.map_err(late)??;
    if row.try_get::<String, _>(0)? == "off" {
        Ok(())
    } else {
        Err(Error::Io(std::io::Error::other("the server takes no writes")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_an_outage_and_what_is_ours_is_not() {
        for error in [Error::PoolTimedOut, Error::PoolClosed, Error::Io(std::io::Error::other("reset"))] {
            assert!(is_outage(&error), "{error}");
        }
        assert!(!is_outage(&Error::RowNotFound) && !is_outage(&Error::ColumnNotFound("x".to_owned())));
        assert!(breaks("08006") && breaks("57P01") && breaks("25006") && !breaks("57014") && !breaks("23505"));
    }
}
