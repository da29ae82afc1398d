//! Signing keys: at most one `next` and one `current` of an algorithm, and the `previous` ones whose tokens still live.

use serde_json::Value;
use time::OffsetDateTime;

use super::scope::{Db, PlatformTx};
use crate::model::error::Result;

/// A key as it is kept.
#[derive(Debug)]
pub struct Row {
    /// RFC 7517 `kid`.
    pub kid: String,
    /// RFC 7518 `alg`.
    pub algorithm: String,
    /// PKCS#8 DER, sealed with the kid.
    pub private_sealed: Vec<u8>,
    /// The public half, as JWKS shows it.
    pub public_jwk: Value,
    /// `next`, `current` or `previous`.
    pub state: String,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it began to sign.
    pub activated_at: Option<OffsetDateTime>,
    /// When the last token it signed has expired.
    pub retires_at: Option<OffsetDateTime>,
}

/// Every key.
pub async fn all(db: &Db) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "select kid, algorithm, private_sealed, public_jwk, state, created_at, activated_at, retires_at
         from signing_key order by created_at, kid"
    )
    .fetch_all(db.pool())
    .await?)
}

/// Every key, as the transaction sees them.
pub async fn all_locked(tx: &mut PlatformTx) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "select kid, algorithm, private_sealed, public_jwk, state, created_at, activated_at, retires_at
         from signing_key order by created_at, kid"
    )
    .fetch_all(tx.conn())
    .await?)
}

/// One rotation at a time, on all nodes: holds until the transaction ends.
pub async fn lock(tx: &mut PlatformTx) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('countersign.signing_key'))").execute(tx.conn()).await?;
    Ok(())
}

/// Keeps a new key.
pub async fn insert(tx: &mut PlatformTx, row: &Row) -> Result<()> {
    sqlx::query!(
        "insert into signing_key (kid, algorithm, private_sealed, public_jwk, state, created_at, activated_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        row.kid,
        row.algorithm,
        row.private_sealed,
        row.public_jwk,
        row.state,
        row.created_at,
        row.activated_at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The key that signs becomes a previous one, until `retires_at`.
pub async fn retire_current(tx: &mut PlatformTx, algorithm: &str, retires_at: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update signing_key set state = 'previous', retires_at = $2 where algorithm = $1 and state = 'current'",
        algorithm,
        retires_at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The key that waited signs from now on. Answers its id.
pub async fn promote_next(tx: &mut PlatformTx, algorithm: &str, now: OffsetDateTime) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!(
        "update signing_key set state = 'current', activated_at = $2 where algorithm = $1 and state = 'next'
         returning kid",
        algorithm,
        now
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Seals a key anew.
pub async fn reseal(tx: &mut PlatformTx, kid: &str, private_sealed: &[u8]) -> Result<()> {
    sqlx::query!("update signing_key set private_sealed = $2 where kid = $1", kid, private_sealed)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets the previous keys whose tokens have all expired. Answers how many.
pub async fn forget_retired(db: &Db, now: OffsetDateTime) -> Result<u64> {
    let done = sqlx::query!("delete from signing_key where state = 'previous' and retires_at < $1", now)
        .execute(db.pool())
        .await?;
    Ok(done.rows_affected())
}
