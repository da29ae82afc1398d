//! Password hashes. Seen only in the scope of the person they belong to.

use time::OffsetDateTime;

use super::scope::AccountTx;
use crate::model::error::Result;

/// Keeps the hash of a new password.
pub async fn set(tx: &mut AccountTx, hash: &str, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "insert into password (account_id, hash, changed_at) values ($1, $2, $3)
         on conflict (account_id) do update set hash = excluded.hash, changed_at = excluded.changed_at",
        tx.account().0,
        hash,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Keeps the same password's hash, made anew with today's parameters. Only where nobody changed it meanwhile.
pub async fn upgrade(tx: &mut AccountTx, old: &str, new: &str) -> Result<()> {
    sqlx::query!("update password set hash = $3 where account_id = $1 and hash = $2", tx.account().0, old, new)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The hash of the person of the scope.
pub async fn find(tx: &mut AccountTx) -> Result<Option<String>> {
    let account = tx.account().0;
    Ok(sqlx::query_scalar!("select hash from password where account_id = $1", account)
        .fetch_optional(tx.conn())
        .await?)
}
