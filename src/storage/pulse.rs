//! How the database is: whether it answers and takes writes, how full the pool is, and what waits. Small statements, for whoever watches.

use time::OffsetDateTime;

use super::connections::{Conn, Shelf};
use super::scope::Db;
use crate::model::error::Result;

/// Beyond this many, nobody needs the number.
const MANY: i64 = 100_000;

/// What waits.
#[derive(Debug, Clone)]
pub struct Pulse {
    /// Letters to be sent.
    pub letters: i64,
    /// Since when the oldest of them waits.
    pub letters_since: Option<OffsetDateTime>,
    /// Letters that are not tried again.
    pub letters_given_up: i64,
    /// Logout notices to be taken.
    pub notices: i64,
    /// Since when the oldest of them waits.
    pub notices_since: Option<OffsetDateTime>,
    /// Since when the oldest key signs that signs now.
    pub key_since: Option<OffsetDateTime>,
}

/// Connections of the pool.
#[derive(Debug, Clone, Copy)]
pub struct Connections {
    /// Those that are open.
    pub open: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// The most there can be.
    pub most: u32,
}

/// How full the pool is. Asks nobody.
pub fn connections(db: &Db) -> Connections {
    let (open, idle, most) = db.pool().count();
    Connections { open, idle: u32::try_from(idle).unwrap_or(u32::MAX), most }
}

/// Whether the database answers, and takes writes: a standby, or one whose disk is full, may do only the first.
pub async fn takes_writes(db: &Db) -> Result<bool> {
    let writable = sqlx::query_scalar!(r#"select current_setting('transaction_read_only') = 'off' as "writable!""#);
    Ok(writable.fetch_one(db.pool()).await?)
}

/// A connection of the pool.
#[derive(Debug)]
pub struct Taken(Conn);

/// Takes a connection, so that the wait for it can be measured.
pub async fn take(db: &Db) -> Result<Taken> {
    Ok(Taken(db.pool().take(Shelf::Common).await?))
}

/// What waits. A letter whose next try is at `given_up_from` or later is not tried again.
pub async fn read(mut taken: Taken, given_up_from: OffsetDateTime) -> Result<Pulse> {
    let row = sqlx::query!(
        r#"select letter.waiting as "letters!", letter.since as letters_since, lost.count as "letters_given_up!",
                  notice.waiting as "notices!", notice.since as notices_since,
                  (select min(coalesce(activated_at, created_at)) from signing_key where state = 'current') as key_since
           from (select count(*) as waiting, min(created_at) as since from
                    (select created_at from outbox where sent_at is null and next_attempt_at < $1
                     order by next_attempt_at limit $2) as few) as letter,
                (select count(*) as count from outbox where sent_at is null and next_attempt_at >= $1) as lost,
                (select count(*) as waiting, min(created_at) as since from
                    (select created_at from logout_notice order by next_attempt_at limit $2) as few) as notice"#,
        given_up_from,
        MANY
    )
    .fetch_one(&mut *taken.0)
    .await?;
    taken.0.keep();
    Ok(Pulse {
        letters: row.letters,
        letters_since: row.letters_since,
        letters_given_up: row.letters_given_up,
        notices: row.notices,
        notices_since: row.notices_since,
        key_since: row.key_since,
    })
}
