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

/// Limits, column by column, as they go to the database.
#[derive(Debug)]
pub(in crate::storage) struct Columns<'a> {
    pub keys: Vec<&'a [u8]>,
    pub free: Vec<i32>,
    pub step: Vec<f64>,
    pub most: Vec<f64>,
    pub forgotten: Vec<OffsetDateTime>,
}

impl<'a> Columns<'a> {
    pub fn of(limits: &'a [(Digest, Limit)], now: OffsetDateTime) -> Self {
        let each = || limits.iter().map(|(_, limit)| limit);
        Self {
            keys: limits.iter().map(|(key, _)| key.as_bytes()).collect(),
            free: each().map(|limit| limit.free).collect(),
            step: each().map(|limit| limit.step.as_seconds_f64()).collect(),
            most: each().map(|limit| limit.most.as_seconds_f64()).collect(),
            forgotten: each().map(|limit| now + limit.forgotten_after).collect(),
        }
    }
}

/// Counts an attempt under each of these limits, until one says no; answers when the next is heard then. One statement, so that
/// attempts at the same moment are counted one after the other.
pub async fn admit(db: &Db, limits: &[(Digest, Limit)], now: OffsetDateTime) -> Result<Option<OffsetDateTime>> {
    let Columns { keys, free, step, most, forgotten } = Columns::of(limits, now);
    let until = sqlx::query_scalar!(
        "select throttle_admit($1, $2, $3, $4, $5, $6)",
        &keys as &[&[u8]],
        &free,
        &step,
        &most,
        &forgotten,
        now
    );
    Ok(until.fetch_one(db.pool()).await?)
}

/// The attempts were the owner's own.
pub async fn clear(db: &Db, keys: &[Digest]) -> Result<()> {
    let keys: Vec<&[u8]> = keys.iter().map(Digest::as_bytes).collect();
    sqlx::query!("delete from throttle where key = any($1)", &keys as &[&[u8]]).execute(db.pool()).await?;
    Ok(())
}
