//! Links that were mailed: kept as digests, good once, for a while.

use time::OffsetDateTime;

use super::scope::{AccountTx, Db};
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::id::{AccountId, CompanyId};
use crate::model::role::Role;
use crate::model::secret::Digest;

/// What a link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Confirm the address of a new account.
    VerifyEmail,
    /// Choose a new password.
    ResetPassword,
    /// Confirm a new address.
    ChangeEmail,
    /// Choose the first password.
    Invitation,
    /// Join one more company.
    Join,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
            Self::Invitation => "invitation",
            Self::Join => "join",
        }
    }
}

/// What a link names.
#[derive(Debug)]
pub struct Named {
    /// Whose.
    pub account: AccountId,
    /// The address it was sent to, or that it confirms.
    pub email: Email,
}

/// Keeps a new link of the person of the scope; earlier ones for the same purpose are void.
pub async fn insert(
    tx: &mut AccountTx,
    digest: &Digest,
    purpose: Purpose,
    email: &Email,
    (now, expires_at): (OffsetDateTime, OffsetDateTime),
) -> Result<()> {
    let account = tx.account().0;
    sqlx::query!(
        "update mail_token set used_at = $3 where account_id = $1 and purpose = $2 and used_at is null",
        account,
        purpose.word(),
        now
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "insert into mail_token (digest, account_id, purpose, email, expires_at, created_at) values ($1, $2, $3, $4, $5, $6)",
        digest.as_bytes(),
        account,
        purpose.word(),
        email.as_str(),
        expires_at,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether a link would be good.
pub async fn peek(db: &Db, digest: &Digest, purpose: Purpose, now: OffsetDateTime) -> Result<Option<Named>> {
    let row = sqlx::query!(
        r#"select account_id as "account_id!", email as "email!" from peek_mail_token($1, $2, $3)"#,
        digest.as_bytes(),
        purpose.word(),
        now
    )
    .fetch_optional(db.pool())
    .await?;
    row.map(|row| Ok(Named { account: AccountId(row.account_id), email: row.email.parse().map_err(Error::fault)? }))
        .transpose()
}

/// Uses a link up, in the transaction that does what it is for. `false` where somebody was faster.
pub async fn take(tx: &mut AccountTx, digest: &Digest, purpose: Purpose, now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "update mail_token set used_at = $4
         where digest = $2 and account_id = $1 and purpose = $3 and used_at is null and expires_at > $4",
        tx.account().0,
        digest.as_bytes(),
        purpose.word(),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes every link void that could still give the account of the scope away: to a new password, or to another address.
pub async fn void_keys(tx: &mut AccountTx, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update mail_token set used_at = $2
         where account_id = $1 and purpose in ('reset_password', 'change_email', 'invitation') and used_at is null",
        tx.account().0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes every link of the account of the scope void: the mailbox that they went to is not the owner's any more.
pub async fn void_all(tx: &mut AccountTx, now: OffsetDateTime) -> Result<()> {
    sqlx::query!("update mail_token set used_at = $2 where account_id = $1 and used_at is null", tx.account().0, now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Keeps an invitation of the person of the scope to one more company; an earlier one to the same company is void.
pub async fn insert_join(
    tx: &mut AccountTx,
    digest: &Digest,
    email: &Email,
    (company, role): (CompanyId, Role),
    (now, expires_at): (OffsetDateTime, OffsetDateTime),
) -> Result<()> {
    let account = tx.account().0;
    sqlx::query!(
        "update mail_token set used_at = $3
         where account_id = $1 and purpose = 'join' and company_id = $2 and used_at is null",
        account,
        company.0,
        now
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "insert into mail_token (digest, account_id, purpose, email, company_id, role, expires_at, created_at)
         values ($1, $2, 'join', $3, $4, $5, $6, $7)",
        digest.as_bytes(),
        account,
        email.as_str(),
        company.0,
        role.as_str(),
        expires_at,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What an invitation of the person of the scope invites to.
pub async fn find_join(tx: &mut AccountTx, digest: &Digest) -> Result<Option<(CompanyId, Role)>> {
    let account = tx.account().0;
    let row = sqlx::query!(
        r#"select company_id as "company_id!", role as "role!" from mail_token
           where digest = $1 and account_id = $2 and purpose = 'join'"#,
        digest.as_bytes(),
        account
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| Ok((CompanyId(row.company_id), row.role.parse().map_err(Error::fault)?))).transpose()
}
