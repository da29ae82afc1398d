//! Throttles, shared by all nodes: one row per thing that is limited, changed by one statement.

use time::{Duration, OffsetDateTime};

use super::scope::Db;
use crate::model::error::Result;
use crate::model::secret::Digest;

/// How one limit grows.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Attempts that cost nothing.
    pub free: i32,
    /// What the first attempt beyond them costs; each further one doubles it.
    pub step: Duration,
    /// The most that an attempt costs.
    pub most: Duration,
    /// A quiet time after which all is forgotten.
    pub forgotten_after: Duration,
}

/// Counts an attempt; answers when the next is heard if this one is not. One statement, so that attempts at the same
/// moment are counted one after the other. What costs nothing blocks until long ago, not until now: requests of one moment
/// do not arrive here in the order of their instants.
pub async fn admit(db: &Db, key: &Digest, limit: Limit, now: OffsetDateTime) -> Result<Option<OffsetDateTime>> {
    let admitted = sqlx::query_scalar!(
        r#"insert into throttle as t (key, failures, blocked_until, expires_at) values ($1, 1, 'epoch', $3)
           on conflict (key) do update set
               failures = case when t.expires_at <= $2 then 1 else t.failures + 1 end,
               blocked_until = case when t.expires_at <= $2 or t.failures < $4 then 'epoch'
                   else $2 + make_interval(secs => least($6, $5 * power(2, least(t.failures - $4, 30)))) end,
               expires_at = $3
           where t.blocked_until <= $2
           returning true as "admitted!""#,
        key.as_bytes(),
        now,
        now + limit.forgotten_after,
        limit.free,
        limit.step.as_seconds_f64(),
        limit.most.as_seconds_f64()
    )
    .fetch_optional(db.pool())
    .await?;
    if admitted.is_some() {
        return Ok(None);
    }
    let until = sqlx::query_scalar!("select blocked_until from throttle where key = $1", key.as_bytes());
    Ok(until.fetch_optional(db.pool()).await?)
}

/// The attempts were the owner's own.
pub async fn clear(db: &Db, key: &Digest) -> Result<()> {
    sqlx::query!("delete from throttle where key = $1", key.as_bytes()).execute(db.pool()).await?;
    Ok(())
}
