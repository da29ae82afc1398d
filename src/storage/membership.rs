//! Memberships: account × company × role.

use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::CompanyTx;
use crate::model::cursor::Cursor;
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

/// A member as the company sees them.
#[derive(Debug, Clone)]
pub struct Member {
    /// Who.
    pub id: Uuid,
    /// The address.
    pub email: String,
    /// Whether the address is confirmed.
    pub email_verified: bool,
    /// The name.
    pub name: String,
    /// As what.
    pub role: String,
    /// Whether the membership lives and the account is not switched off.
    pub active: bool,
    /// Whether this company made the account.
    pub at_home: bool,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// What the list is sorted by.
    pub key: String,
}

impl Member {
    /// Typed.
    pub fn role(&self) -> Result<Role> {
        self.role.parse().map_err(Error::fault)
    }
}

/// What a list of members shows.
#[derive(Debug, Default)]
pub struct Wanted {
    /// A part of the name or the address.
    pub text: Option<String>,
    /// A role.
    pub role: Option<Role>,
    /// Only living memberships, or only the others.
    pub active: Option<bool>,
    /// One person.
    pub account: Option<AccountId>,
}

/// What a list of members is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// The name, from A.
    Name,
    /// The address, from A.
    Email,
    /// The day of joining, the first first.
    Created,
    /// The day of joining, the last first.
    CreatedLast,
}

/// A page of the members of the company of the scope.
pub async fn list(
    tx: &mut CompanyTx,
    wanted: &Wanted,
    sort: Sort,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Vec<Member>> {
    let company = tx.company().0;
    // `like` reads these three as patterns.
    let text = wanted.text.as_ref().map(|text| {
        let plain = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        format!("%{plain}%")
    });
    let role = wanted.role.map(Role::as_str);
    let account = wanted.account.map(|account| account.0);
    let (key, id) = after.map(|cursor| (cursor.key.clone(), cursor.id)).unzip();
    let by = match sort {
        Sort::Name => "name",
        Sort::Email => "email",
        Sort::Created | Sort::CreatedLast => "created_at",
    };
    let rows = if sort == Sort::CreatedLast {
        sqlx::query_as!(
            Member,
            r#"select id, email, email_verified as "email_verified!", name, role, active as "active!", at_home as "at_home!",
                      created_at, key as "key!" from (
                 select a.id, a.email, a.email_verified_at is not null as email_verified, a.name, m.role,
                        m.ended_at is null and a.disabled_at is null as active,
                        a.home_company_id is not distinct from m.company_id as at_home, m.created_at,
                        to_char(m.created_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS') as key
                 from membership m join account a on a.id = m.account_id where m.company_id = $1) member
               where ($2::text is null or lower(name) like $2 or email like $2) and ($3::text is null or role = $3)
                 and ($4::bool is null or active = $4) and ($5::uuid is null or id = $5)
                 and ($6::text is null or (key, id) < ($6, $7::uuid))
               order by key desc, id desc limit $8"#,
            company,
            text,
            role,
            wanted.active,
            account,
            key,
            id,
            limit
        )
        .fetch_all(tx.conn())
        .await?
    } else {
        sqlx::query_as!(
            Member,
            r#"select id, email, email_verified as "email_verified!", name, role, active as "active!", at_home as "at_home!",
                      created_at, key as "key!" from (
                 select a.id, a.email, a.email_verified_at is not null as email_verified, a.name, m.role,
                        m.ended_at is null and a.disabled_at is null as active,
                        a.home_company_id is not distinct from m.company_id as at_home, m.created_at,
                        (case $9 when 'name' then lower(a.name) when 'email' then a.email
                         else to_char(m.created_at at time zone 'UTC', 'YYYYMMDDHH24MISSUS') end) collate "C" as key
                 from membership m join account a on a.id = m.account_id where m.company_id = $1) member
               where ($2::text is null or lower(name) like $2 or email like $2) and ($3::text is null or role = $3)
                 and ($4::bool is null or active = $4) and ($5::uuid is null or id = $5)
                 and ($6::text is null or (key, id) > ($6 collate "C", $7::uuid))
               order by key, id limit $8"#,
            company,
            text,
            role,
            wanted.active,
            account,
            key,
            id,
            limit,
            by
        )
        .fetch_all(tx.conn())
        .await?
    };
    Ok(rows)
}

/// Which of these members have a second factor.
pub async fn with_second_factor(tx: &mut CompanyTx, accounts: &[Uuid]) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(r#"select members_with_second_factor($1) as "id!""#, accounts).fetch_all(tx.conn()).await?)
}

/// Holds the company's memberships until the transaction ends, so that two admins cannot remove each other at once.
pub async fn lock(tx: &mut CompanyTx) -> Result<()> {
    sqlx::query!("select id from company where id = $1 for update", tx.company().0).fetch_optional(tx.conn()).await?;
    Ok(())
}

/// How many living admins there are besides this person.
pub async fn other_admins(tx: &mut CompanyTx, account: AccountId) -> Result<i64> {
    let company = tx.company().0;
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!" from membership m join account a on a.id = m.account_id and a.disabled_at is null
           where m.company_id = $1 and m.account_id <> $2 and m.role = 'admin' and m.ended_at is null"#,
        company,
        account.0
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Gives a member another role.
pub async fn set_role(tx: &mut CompanyTx, account: AccountId, role: Role, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update membership set role = $3, updated_at = $4 where company_id = $1 and account_id = $2",
        tx.company().0,
        account.0,
        role.as_str(),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends a membership. It can begin again.
pub async fn end(tx: &mut CompanyTx, account: AccountId, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update membership set ended_at = $3, updated_at = $3
         where company_id = $1 and account_id = $2 and ended_at is null",
        tx.company().0,
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
