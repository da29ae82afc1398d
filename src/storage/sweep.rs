//! Deletes what has expired, in small batches. Nothing that lives is touched.

use time::{Duration, OffsetDateTime};

use super::scope::Db;
use crate::model::error::Result;

/// A table whose rows can be over, and for how long one that is over is kept.
#[derive(Debug, Clone, Copy)]
pub struct Expiring {
    /// Its name.
    pub table: &'static str,
    kept: Duration,
}

const fn expiring(table: &'static str, kept: Duration) -> Expiring {
    Expiring { table, kept }
}

/// How many rows go at once, as `sweep_table` has it: fewer mean that none is left.
pub const BATCH: u64 = 1000;

/// Every table that is swept, children before the rows that they hang from. `grants_live` is how long a grant can live at most: a
/// login is kept until none of its own can be left, rather than looked at each minute.
pub fn tables(grants_live: Duration) -> [Expiring; 16] {
    [
        expiring("refresh_token", Duration::ZERO),
        // A code that comes back within a day still says that somebody stole it.
        expiring("authorization_code", Duration::days(1)),
        expiring("authorization_grant", Duration::ZERO),
        expiring("login", grants_live + Duration::hours(1)),
        expiring("mail_token", Duration::ZERO),
        expiring("browser_session", Duration::ZERO),
        expiring("flow", Duration::ZERO),
        expiring("throttle", Duration::ZERO),
        expiring("replay", Duration::ZERO),
        // A flow that it began may still use it up.
        expiring("pushed_request", Duration::hours(2)),
        // Never given up: there are more for its client than are tried in a day.
        expiring("logout_notice", Duration::days(2)),
        // Sent ones; those that were given up stay for a month, for the operator to see.
        expiring("outbox", Duration::days(1)),
        // A second factor whose first code never came.
        expiring("totp", Duration::days(1)),
        expiring("backup_code", Duration::days(30)),
        expiring("initial_access_token", Duration::ZERO),
        // Documents that nobody uses; registrations that nobody uses stay for two months more.
        expiring("client", Duration::days(30)),
    ]
}

/// One batch of one table. Answers how many rows went.
pub async fn batch(db: &Db, swept: &Expiring, now: OffsetDateTime) -> Result<u64> {
    let done = sqlx::query_scalar!(r#"select sweep_table($1, $2) as "done!""#, swept.table, now - swept.kept)
        .fetch_one(db.pool())
        .await?;
    Ok(u64::try_from(done).unwrap_or_default())
}

/// Sees to it that the trail has its months from this one to three ahead, and drops those before `keep_from`.
pub async fn months(db: &Db, now: OffsetDateTime, keep_from: OffsetDateTime) -> Result<()> {
    let mut tx = db.platform().await?;
    // One node after the other: of two that make the same table at one moment, PostgreSQL refuses one.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('countersign.event_months'))").execute(tx.conn()).await?;
    sqlx::query!("select event_make_months($1, $2)", now, now + Duration::days(93)).fetch_one(tx.conn()).await?;
    sqlx::query!("select event_drop_months($1)", keep_from).fetch_one(tx.conn()).await?;
    tx.commit_unremarkable().await
}
