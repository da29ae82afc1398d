//! Memberships: account × company × role.

use time::OffsetDateTime;

use super::scope::CompanyTx;
use crate::model::error::{Error, Result};
use crate::model::id::AccountId;
use crate::model::role::Role;

/// Makes a membership, or begins an ended one again with this role.
pub async fn insert(tx: &mut CompanyTx, account: AccountId, role: Role, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "insert into membership (company_id, account_id, role, created_at, updated_at) values ($1, $2, $3, $4, $4)
         on conflict (company_id, account_id) do update set role = excluded.role, ended_at = null, updated_at = $4",
        tx.company().0,
        account.0,
        role.as_str(),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether there was never a membership of this person.
pub async fn is_new(tx: &mut CompanyTx, account: AccountId) -> Result<bool> {
    let company = tx.company().0;
    let there = sqlx::query_scalar!(
        r#"select exists (select from membership where company_id = $1 and account_id = $2) as "there!""#,
        company,
        account.0
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(!there)
}

/// The role of a living membership.
pub async fn role(tx: &mut CompanyTx, account: AccountId) -> Result<Option<Role>> {
    let company = tx.company().0;
    let word = sqlx::query_scalar!(
        "select role from membership where company_id = $1 and account_id = $2 and ended_at is null",
        company,
        account.0
    )
    .fetch_optional(tx.conn())
    .await?;
    word.map(|word| word.parse().map_err(Error::fault)).transpose()
}
