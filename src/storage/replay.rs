//! Proofs that work once, on all nodes: assertions of clients, DPoP proofs, request objects.

use time::OffsetDateTime;

use super::scope::Db;
use crate::model::error::Result;
use crate::model::secret::Digest;

/// Takes note of a proof until it expires by itself. `false` where it was seen before. One atomic insert.
pub async fn first_use(db: &Db, proof: &Digest, expires_at: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "insert into replay (digest, expires_at) values ($1, $2) on conflict do nothing",
        proof.as_bytes(),
        expires_at
    )
    .execute(db.pool())
    .await?;
    Ok(done.rows_affected() == 1)
}
