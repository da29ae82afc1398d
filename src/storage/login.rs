//! Logins: one account signed in in one browser, or by one API caller.

use time::OffsetDateTime;
use uuid::Uuid;

use super::company::{self, Joined};
use super::login_client;
use super::scope::{AccountTx, Db};
use crate::model::error::Result;
use crate::model::id::{AccountId, LoginId};

/// A login.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id, the `sid` of tokens.
    pub id: Uuid,
    /// Whose.
    pub account_id: Uuid,
    /// When the person last proved who they are.
    pub auth_time: OffsetDateTime,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// How strongly.
    pub acr: String,
    /// From where.
    pub ip: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When it was last used.
    pub last_seen_at: OffsetDateTime,
    /// When it ends by itself.
    pub expires_at: OffsetDateTime,
}

impl Row {
    /// Its typed id.
    pub fn id(&self) -> LoginId {
        LoginId(self.id)
    }

    /// Whose, typed.
    pub fn account(&self) -> AccountId {
        AccountId(self.account_id)
    }
}

/// Keeps a new login of the person of the scope.
pub async fn insert(tx: &mut AccountTx, row: &Row) -> Result<()> {
    sqlx::query!(
        "insert into login (id, account_id, auth_time, amr, acr, ip, user_agent, created_at, last_seen_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        row.id,
        tx.account().0,
        row.auth_time,
        &row.amr,
        row.acr,
        row.ip,
        row.user_agent,
        row.created_at,
        row.last_seen_at,
        row.expires_at
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Who is signed in by a login.
#[derive(Debug)]
pub struct Visiting {
    /// When the person last proved who they are.
    pub auth_time: OffsetDateTime,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// How strongly.
    pub acr: String,
    /// The address.
    pub email: String,
    /// The name.
    pub name: String,
    /// The company that made the account.
    pub home: Option<Uuid>,
    /// Whether a second factor is on.
    pub has_totp: bool,
    /// Every company of the person, by name.
    pub companies: Vec<Joined>,
}

/// Who is signed in by this login, where it lives and its account is not switched off, and notes that it was seen.
pub async fn visit(db: &Db, person: AccountId, id: LoginId, now: OffsetDateTime) -> Result<Option<Visiting>> {
    let rows = sqlx::query!(
        r#"select auth_time as "auth_time!", amr as "amr!", acr as "acr!", email as "email!", person_name as "person_name!",
                  home_company_id, has_totp as "has_totp!", company_id, slug, name, logo_url, color, require_mfa, session_hours,
                  password_min_length, mail_domains, created_at, role
           from visiting($1, $2, $3)"#,
        person.0,
        id.0,
        now
    )
    .fetch_all(db.pool())
    .await?;
    let mut found: Option<Visiting> = None;
    for row in rows {
        let visiting = found.get_or_insert_with(|| Visiting {
            auth_time: row.auth_time,
            amr: row.amr,
            acr: row.acr,
            email: row.email,
            name: row.person_name,
            home: row.home_company_id,
            has_totp: row.has_totp,
            companies: Vec::new(),
        });
        // One row without a company, where the person has none.
        let (Some(id), Some(role), Some(created_at)) = (row.company_id, row.role, row.created_at) else { continue };
        visiting.companies.push(Joined {
            company: company::Row {
                id,
                slug: row.slug.unwrap_or_default(),
                name: row.name.unwrap_or_default(),
                logo_url: row.logo_url,
                color: row.color,
                require_mfa: row.require_mfa.unwrap_or_default(),
                session_hours: row.session_hours,
                password_min_length: row.password_min_length.unwrap_or_default(),
                mail_domains: row.mail_domains.unwrap_or_default(),
                created_at,
            },
            role,
        });
    }
    Ok(found)
}

/// Every living login of the person of the scope, the latest first.
pub async fn living(tx: &mut AccountTx, now: OffsetDateTime) -> Result<Vec<Row>> {
    let account = tx.account().0;
    Ok(sqlx::query_as!(
        Row,
        "select id, account_id, auth_time, amr, acr, ip, user_agent, created_at, last_seen_at, expires_at
         from login where account_id = $1 and ended_at is null and expires_at > $2 order by last_seen_at desc limit 100",
        account,
        now
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The login proved more than before. When the person signed in stays as it was: a code alone is no fresh sign-in.
pub async fn strengthen(tx: &mut AccountTx, id: LoginId, amr: &[String], acr: &str, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update login set amr = $2, acr = $3, last_seen_at = $4 where id = $1 and account_id = $5",
        id.0,
        amr,
        acr,
        now,
        tx.account().0
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends a login with the grants that hang from it, and writes the notices to its clients. `false` where there was none to end.
pub async fn end(tx: &mut AccountTx, id: LoginId, now: OffsetDateTime) -> Result<bool> {
    let account = tx.account().0;
    let done = sqlx::query!(
        "with ended as (update login set ended_at = $2 where id = $1 and account_id = $3 and ended_at is null returning id)
         select count(*) as \"count!\" from ended",
        id.0,
        now,
        account
    )
    .fetch_one(tx.conn())
    .await?;
    sqlx::query!(
        "update authorization_grant set ended_at = $2 where login_id = $1 and account_id = $3 and ended_at is null",
        id.0,
        now,
        account
    )
    .execute(tx.conn())
    .await?;
    login_client::tell_of_login(tx, id, now).await?;
    Ok(done.count == 1)
}

/// Ends every login of the person of the scope, but for one that is named, with the grants that hang from them, and writes the
/// notices to their clients.
pub async fn end_others(tx: &mut AccountTx, kept: Option<LoginId>, now: OffsetDateTime) -> Result<()> {
    let account = tx.account().0;
    let kept = kept.map(|id| id.0);
    sqlx::query!(
        "update login set ended_at = $2 where account_id = $1 and ended_at is null and id is distinct from $3",
        account,
        now,
        kept
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!(
        "update authorization_grant set ended_at = $2
         where account_id = $1 and ended_at is null and login_id is distinct from $3",
        account,
        now,
        kept
    )
    .execute(tx.conn())
    .await?;
    login_client::tell_of_others(tx, kept.map(LoginId), now).await
}
