//! What is sealed at rest, as a change of `SECRET_KEY` finds and replaces it, row by row. A seal is replaced only where it is still the
//! one that was opened: whoever enrols or is given a new secret at the same moment wins.

use sqlx::types::Uuid;

use super::scope::{AccountTx, Db, OwnerTx, PlatformTx};
use crate::model::error::Result;

/// A client's secret.
#[derive(Debug)]
pub struct ClientSecret {
    /// Whose.
    pub id: String,
    /// Who owns the client; `None` is the platform.
    pub company: Option<Uuid>,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
}

/// The next accounts behind this one whose seeds were not sealed with this key, and the seeds.
pub async fn stale_seeds(db: &Db, key: &[u8], after: Uuid) -> Result<Vec<(Uuid, Vec<u8>)>> {
    let rows = sqlx::query!(
        r#"select account_id as "account_id!", seed_sealed as "seed_sealed!" from stale_seeds($1, $2)"#,
        key,
        after
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.seed_sealed)).collect())
}

/// The next clients behind this one whose secrets were not sealed with this key.
pub async fn stale_client_secrets(db: &Db, key: &[u8], after: &str) -> Result<Vec<ClientSecret>> {
    Ok(sqlx::query_as!(
        ClientSecret,
        r#"select id as "id!", company_id as company, secret_sealed as "sealed!" from stale_client_secrets($1, $2)"#,
        key,
        after
    )
    .fetch_all(db.pool())
    .await?)
}

/// The next letters behind this one that wait and were not sealed with this key.
pub async fn stale_letters(db: &Db, key: &[u8], after: Uuid) -> Result<Vec<(Uuid, Vec<u8>)>> {
    let rows = sqlx::query!(
        "select id, message_sealed from outbox
         where sent_at is null and id > $2 and substr(message_sealed, 1, octet_length($1::bytea)) <> $1::bytea order by id limit 500",
        key,
        after
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.message_sealed)).collect())
}

/// How many passwords were hashed under another key than this.
pub async fn passwords_of_other_keys(db: &Db, key: &str) -> Result<i64> {
    let count = sqlx::query_scalar!(r#"select passwords_of_other_keys($1) as "count!""#, key).fetch_one(db.pool());
    Ok(count.await?)
}

/// Replaces the seal of the seed of the person of the scope. `false` where it is another one by now.
pub async fn replace_seed(tx: &mut AccountTx, old: &[u8], new: &[u8]) -> Result<bool> {
    let account = tx.account().0;
    let done =
        sqlx::query!("update totp set seed_sealed = $3 where account_id = $1 and seed_sealed = $2", account, old, new)
            .execute(tx.conn())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces the seal of the secret of a client of the owner of the scope. `false` where it is another one by now.
pub async fn replace_client_secret(tx: &mut OwnerTx, secret: &ClientSecret, new: &[u8]) -> Result<bool> {
    let company = tx.company().map(|company| company.0);
    let done = sqlx::query!(
        "update client set secret_sealed = $4
         where company_id is not distinct from $1 and id = $2 and secret_sealed = $3",
        company,
        secret.id,
        secret.sealed,
        new
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces the seal of a letter that waits. `false` where it went meanwhile.
pub async fn replace_letter(tx: &mut PlatformTx, id: Uuid, old: &[u8], new: &[u8]) -> Result<bool> {
    let done = sqlx::query!(
        "update outbox set message_sealed = $3 where id = $1 and message_sealed = $2 and sent_at is null",
        id,
        old,
        new
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}
