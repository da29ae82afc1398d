//! TOTP seeds, sealed, and the last time step that was accepted.

use time::OffsetDateTime;

use super::scope::AccountTx;
use crate::model::error::Result;

/// A person's second factor.
#[derive(Debug)]
pub struct Row {
    /// The seed, sealed for `totp/<account>`.
    pub seed_sealed: Vec<u8>,
    /// When a first code was right; before that it is only being set up.
    pub confirmed_at: Option<OffsetDateTime>,
}

/// Keeps a new seed that waits for its first code. One that is on already stays: `false`.
pub async fn begin(tx: &mut AccountTx, seed_sealed: &[u8], now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "insert into totp (account_id, seed_sealed, created_at) values ($1, $2, $3)
         on conflict (account_id) do update set seed_sealed = excluded.seed_sealed, last_step = 0, created_at = $3
         where totp.confirmed_at is null",
        tx.account().0,
        seed_sealed,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The second factor of the person of the scope, on or being set up.
pub async fn find(tx: &mut AccountTx) -> Result<Option<Row>> {
    let account = tx.account().0;
    Ok(sqlx::query_as!(Row, "select seed_sealed, confirmed_at from totp where account_id = $1", account)
        .fetch_optional(tx.conn())
        .await?)
}

/// Accepts a time step, once (RFC 6238, section 5.2): on every node, whatever arrives at the same moment.
pub async fn take_step(tx: &mut AccountTx, step: i64) -> Result<bool> {
    let done = sqlx::query!(
        "update totp set last_step = $2 where account_id = $1 and confirmed_at is not null and last_step < $2",
        tx.account().0,
        step
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The first code was right: the second factor is on, and that code is used up.
pub async fn confirm(tx: &mut AccountTx, step: i64, now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "update totp set confirmed_at = $3, last_step = $2 where account_id = $1 and confirmed_at is null",
        tx.account().0,
        step,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes the second factor away. `false` where there was none.
pub async fn delete(tx: &mut AccountTx) -> Result<bool> {
    let account = tx.account().0;
    let done = sqlx::query!("delete from totp where account_id = $1", account).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}
