//! Which clients must hear when a login ends: those that it signed somebody in at and that have a logout URI. A row goes when its
//! client is told.

use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{AccountTx, CompanyTx};
use crate::model::error::Result;
use crate::model::id::{AccountId, LoginId};

/// The clients of a login of the person of the scope.
pub async fn of_login(tx: &mut AccountTx, login: LoginId) -> Result<Vec<String>> {
    let account = tx.account().0;
    Ok(sqlx::query_scalar!(
        "select distinct client_id from login_client where login_id = $1 and account_id = $2 order by client_id",
        login.0,
        account
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Writes the notices of one login of the person of the scope.
pub(in crate::storage) async fn tell_of_login(tx: &mut AccountTx, login: LoginId, now: OffsetDateTime) -> Result<()> {
    let account = tx.account().0;
    sqlx::query!(
        "with gone as (delete from login_client where login_id = $1 and account_id = $2
                       returning client_id, login_id, account_id, subject)
         insert into logout_notice (id, client_id, login_id, account_id, subject, next_attempt_at, created_at)
         select gen_random_uuid(), client_id, login_id, account_id, min(subject), $3, $3
         from gone group by client_id, login_id, account_id",
        login.0,
        account,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes the notices of every login of the person of the scope, but for one that is named.
pub(in crate::storage) async fn tell_of_others(
    tx: &mut AccountTx,
    kept: Option<LoginId>,
    now: OffsetDateTime,
) -> Result<()> {
    let account = tx.account().0;
    sqlx::query!(
        "with gone as (delete from login_client where account_id = $1 and login_id is distinct from $2
                       returning client_id, login_id, account_id, subject)
         insert into logout_notice (id, client_id, login_id, account_id, subject, next_attempt_at, created_at)
         select gen_random_uuid(), client_id, login_id, account_id, min(subject), $3, $3
         from gone group by client_id, login_id, account_id",
        account,
        kept.map(|id| id.0),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes the notices of a member: the logins go on, but not for this company.
pub(in crate::storage) async fn tell_of_member(
    tx: &mut CompanyTx,
    account: AccountId,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "with gone as (delete from login_client where company_id = $1 and account_id = $2
                       returning client_id, login_id, account_id, subject)
         insert into logout_notice (id, client_id, login_id, account_id, subject, next_attempt_at, created_at)
         select gen_random_uuid(), client_id, login_id, account_id, subject, $3, $3 from gone",
        tx.company().0,
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes the notices of one client that the person of the scope shows the door, in one company.
pub(in crate::storage) async fn tell_client(
    tx: &mut AccountTx,
    (company, client_id): (Uuid, &str),
    now: OffsetDateTime,
) -> Result<()> {
    let account = tx.account().0;
    sqlx::query!(
        "with gone as (delete from login_client where company_id = $1 and account_id = $2 and client_id = $3
                       returning client_id, login_id, account_id, subject)
         insert into logout_notice (id, client_id, login_id, account_id, subject, next_attempt_at, created_at)
         select gen_random_uuid(), client_id, login_id, account_id, subject, $4, $4 from gone",
        company,
        account,
        client_id,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
