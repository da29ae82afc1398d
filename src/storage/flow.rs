//! Flows: authorization requests in flight, found by the digest of the flow's name in the URL.

use serde_json::Value;
use time::OffsetDateTime;

use super::scope::Db;
use crate::model::error::Result;
use crate::model::secret::Digest;

/// A flow as it is kept.
#[derive(Debug)]
pub struct Row {
    /// The request and how far it came.
    pub request: Value,
    /// When it began.
    pub created_at: OffsetDateTime,
}

/// Keeps a new flow of this browser.
pub async fn insert(
    db: &Db,
    (digest, browser): (&Digest, &Digest),
    request: &Value,
    (now, expires_at): (OffsetDateTime, OffsetDateTime),
) -> Result<()> {
    sqlx::query!(
        "insert into flow (digest, browser_digest, request, created_at, expires_at) values ($1, $2, $3, $4, $5)",
        digest.as_bytes(),
        browser.as_bytes(),
        request,
        now,
        expires_at
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// A living flow of this browser.
pub async fn find(db: &Db, digest: &Digest, browser: &Digest, now: OffsetDateTime) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "select request, created_at from flow
         where digest = $1 and browser_digest = $2 and finished_at is null and expires_at > $3",
        digest.as_bytes(),
        browser.as_bytes(),
        now
    )
    .fetch_optional(db.pool())
    .await?)
}

/// Keeps how far a flow came.
pub async fn save(db: &Db, digest: &Digest, request: &Value) -> Result<()> {
    sqlx::query!("update flow set request = $2 where digest = $1 and finished_at is null", digest.as_bytes(), request)
        .execute(db.pool())
        .await?;
    Ok(())
}

/// Ends a flow. `false` where another request was faster: a flow gives one answer.
pub async fn finish(db: &Db, digest: &Digest, now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "update flow set finished_at = $2 where digest = $1 and finished_at is null",
        digest.as_bytes(),
        now
    )
    .execute(db.pool())
    .await?;
    Ok(done.rows_affected() == 1)
}
