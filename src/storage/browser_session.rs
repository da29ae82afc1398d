//! Browser sessions as tower-sessions keeps them, found by the digest of the cookie's value.

use serde_json::Value;
use time::OffsetDateTime;

use super::scope::Db;
use crate::model::error::Result;
use crate::model::secret::Digest;

/// Keeps a new session; `false` where the id is taken.
pub async fn insert(db: &Db, digest: &Digest, data: &Value, expires_at: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "insert into browser_session (digest, data, expires_at) values ($1, $2, $3) on conflict do nothing",
        digest.as_bytes(),
        data,
        expires_at
    )
    .execute(db.pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps what a session holds now.
pub async fn save(db: &Db, digest: &Digest, data: &Value, expires_at: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "insert into browser_session (digest, data, expires_at) values ($1, $2, $3)
         on conflict (digest) do update set data = excluded.data, expires_at = excluded.expires_at",
        digest.as_bytes(),
        data,
        expires_at
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// What a living session holds.
pub async fn find(db: &Db, digest: &Digest, now: OffsetDateTime) -> Result<Option<(Value, OffsetDateTime)>> {
    let row = sqlx::query!(
        "select data, expires_at from browser_session where digest = $1 and expires_at > $2",
        digest.as_bytes(),
        now
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(row.map(|row| (row.data, row.expires_at)))
}

/// Forgets a session.
pub async fn delete(db: &Db, digest: &Digest) -> Result<()> {
    sqlx::query!("delete from browser_session where digest = $1", digest.as_bytes()).execute(db.pool()).await?;
    Ok(())
}
