//! Pushed authorization requests (RFC 9126), found by the digest of the reference that the client got.

use serde_json::Value;
use time::OffsetDateTime;

use super::scope::Db;
use crate::model::error::Result;
use crate::model::secret::Digest;

/// Keeps a request that was checked.
pub async fn insert(
    db: &Db,
    digest: &Digest,
    (client_id, request): (&str, &Value),
    (now, expires_at): (OffsetDateTime, OffsetDateTime),
) -> Result<()> {
    sqlx::query!(
        "insert into pushed_request (digest, client_id, request, created_at, expires_at) values ($1, $2, $3, $4, $5)",
        digest.as_bytes(),
        client_id,
        request,
        now,
        expires_at
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// A request of this client that has not expired and was not used up.
pub async fn find(db: &Db, digest: &Digest, client_id: &str, now: OffsetDateTime) -> Result<Option<Value>> {
    Ok(sqlx::query_scalar!(
        "select request from pushed_request
         where digest = $1 and client_id = $2 and used_at is null and expires_at > $3",
        digest.as_bytes(),
        client_id,
        now
    )
    .fetch_optional(db.pool())
    .await?)
}

/// Uses a request up. `false` where somebody was faster.
pub async fn take(db: &Db, digest: &Digest, now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "update pushed_request set used_at = $2 where digest = $1 and used_at is null",
        digest.as_bytes(),
        now
    )
    .execute(db.pool())
    .await?;
    Ok(done.rows_affected() == 1)
}
