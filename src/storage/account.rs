//! Accounts: one row a human being, known by a unique address.

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{AccountTx, Db};
use super::throttle::{Columns, Limit};
use super::violates;
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::id::{AccountId, CompanyId};
use crate::model::secret::Digest;

/// An account with everything that claims can be made of (OpenID Connect Core, section 5.1).
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the columns are the standard claims of the same names")]
pub struct Row {
    pub id: Uuid,
    pub email: String,
    pub email_verified_at: Option<OffsetDateTime>,
    pub name: String,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub middle_name: Option<String>,
    pub nickname: Option<String>,
    pub preferred_username: Option<String>,
    pub profile: Option<String>,
    pub picture: Option<String>,
    pub website: Option<String>,
    pub gender: Option<String>,
    pub birthdate: Option<String>,
    pub zoneinfo: Option<String>,
    pub locale: Option<String>,
    pub phone_number: Option<String>,
    pub phone_number_verified: bool,
    pub address: Option<Value>,
    pub home_company_id: Option<Uuid>,
    pub disabled_at: Option<OffsetDateTime>,
    pub created_at: Option<OffsetDateTime>,
    pub updated_at: Option<OffsetDateTime>,
}

impl Row {
    /// Its typed id.
    pub fn id(&self) -> AccountId {
        AccountId(self.id)
    }
}

/// What must be known about an address before anybody is signed in.
#[derive(Debug)]
pub struct Credentials {
    /// Whose.
    pub account: AccountId,
    /// PHC string (or bcrypt of the old system); `None` where a password was never chosen.
    pub password_hash: Option<String>,
    /// The address is confirmed.
    pub email_verified: bool,
    /// Switched off everywhere.
    pub disabled: bool,
    /// A second factor is on.
    pub has_totp: bool,
    /// The company that made the account.
    pub home: Option<CompanyId>,
}

/// What became of an attempt to sign in.
#[derive(Debug)]
pub enum Admitted {
    /// It is not heard before then.
    Blocked(OffsetDateTime),
    /// It is, and this is the account of the address, where there is one.
    Heard(Option<Credentials>),
}

/// Counts an attempt to sign in under each of these limits, and finds the account of the address, in no scope.
pub async fn admit(db: &Db, limits: &[(Digest, Limit)], email: &Email, now: OffsetDateTime) -> Result<Admitted> {
    let Columns { keys, free, step, most, forgotten } = Columns::of(limits, now);
    let row = sqlx::query!(
        "select blocked_until, account_id, password_hash, email_verified, disabled, has_totp, home_company_id
         from admit_credentials($1, $2, $3, $4, $5, $6, $7)",
        &keys as &[&[u8]],
        &free,
        &step,
        &most,
        &forgotten,
        now,
        email.as_str()
    )
    .fetch_one(db.pool())
    .await?;
    if let Some(until) = row.blocked_until {
        return Ok(Admitted::Blocked(until));
    }
    Ok(Admitted::Heard(row.account_id.map(|id| Credentials {
        account: AccountId(id),
        password_hash: row.password_hash,
        email_verified: row.email_verified.unwrap_or_default(),
        disabled: row.disabled.unwrap_or_default(),
        has_totp: row.has_totp.unwrap_or_default(),
        home: row.home_company_id.map(CompanyId),
    })))
}

/// Finds the account of an address, in no scope.
pub async fn find_credentials(db: &Db, email: &Email) -> Result<Option<Credentials>> {
    let row = sqlx::query!(
        r#"select account_id as "account_id!", password_hash, email_verified as "email_verified!",
                  disabled as "disabled!", has_totp as "has_totp!", home_company_id
           from find_credentials($1)"#,
        email.as_str()
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(row.map(|row| Credentials {
        account: AccountId(row.account_id),
        password_hash: row.password_hash,
        email_verified: row.email_verified,
        disabled: row.disabled,
        has_totp: row.has_totp,
        home: row.home_company_id.map(CompanyId),
    }))
}

/// Keeps a new account, the one of the scope. An address that is taken is a conflict.
pub async fn insert(
    tx: &mut AccountTx,
    email: &Email,
    name: &str,
    verified_at: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<()> {
    let done = sqlx::query!(
        "insert into account (id, email, name, email_verified_at, created_at, updated_at) values ($1, $2, $3, $4, $5, $5)",
        tx.account().0,
        email.as_str(),
        name,
        verified_at,
        now
    )
    .execute(tx.conn())
    .await;
    match done {
        Ok(_) => Ok(()),
        Err(error) if violates(&error, "account_email_key") => {
            Err(Error::Conflict("this address has an account already"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Says which company made it.
pub async fn set_home(tx: &mut AccountTx, company: CompanyId) -> Result<()> {
    sqlx::query!("update account set home_company_id = $2 where id = $1", tx.account().0, company.0)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The person of the scope.
pub async fn find(tx: &mut AccountTx) -> Result<Option<Row>> {
    let id = tx.account().0;
    Ok(sqlx::query_as!(
        Row,
        r#"select id, email, email_verified_at, name, given_name, family_name, middle_name, nickname, preferred_username,
                  profile, picture, website, gender, birthdate, zoneinfo, locale, phone_number, phone_number_verified,
                  address, home_company_id, disabled_at, created_at as "created_at?", updated_at as "updated_at?"
           from account where id = $1"#,
        id
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Writes name and claims of the person of the scope.
pub async fn update_profile(tx: &mut AccountTx, row: &Row, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update account set name = $2, given_name = $3, family_name = $4, middle_name = $5, nickname = $6,
            preferred_username = $7, profile = $8, picture = $9, website = $10, gender = $11, birthdate = $12,
            zoneinfo = $13, locale = $14, phone_number = $15, phone_number_verified = $16, address = $17, updated_at = $18
         where id = $1",
        tx.account().0,
        row.name,
        row.given_name,
        row.family_name,
        row.middle_name,
        row.nickname,
        row.preferred_username,
        row.profile,
        row.picture,
        row.website,
        row.gender,
        row.birthdate,
        row.zoneinfo,
        row.locale,
        row.phone_number,
        row.phone_number_verified,
        row.address,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The address is the person's own.
pub async fn set_email_verified(tx: &mut AccountTx, now: OffsetDateTime) -> Result<()> {
    sqlx::query!("update account set email_verified_at = $2, updated_at = $2 where id = $1", tx.account().0, now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A confirmed new address. One that is taken is a conflict.
pub async fn set_email(tx: &mut AccountTx, email: &Email, now: OffsetDateTime) -> Result<()> {
    let done = sqlx::query!(
        "update account set email = $2, email_verified_at = $3, updated_at = $3 where id = $1",
        tx.account().0,
        email.as_str(),
        now
    )
    .execute(tx.conn())
    .await;
    match done {
        Ok(_) => Ok(()),
        Err(error) if violates(&error, "account_email_key") => {
            Err(Error::Conflict("this address has an account already"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Switches the person of the scope off everywhere, or on again.
pub async fn set_disabled(tx: &mut AccountTx, at: Option<OffsetDateTime>, now: OffsetDateTime) -> Result<()> {
    sqlx::query!("update account set disabled_at = $2, updated_at = $3 where id = $1", tx.account().0, at, now)
        .execute(tx.conn())
        .await?;
    Ok(())
}
