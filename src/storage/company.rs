//! Companies.

use time::OffsetDateTime;
use uuid::Uuid;

use super::consent::Given;
use super::scope::{AccountTx, CompanyTx, Db};
use crate::model::error::{Error, Result};
use crate::model::id::CompanyId;

/// A company.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id.
    pub id: Uuid,
    /// Its short name in URLs and claims.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Branding: an https URL.
    pub logo_url: Option<String>,
    /// Branding: `#rrggbb`.
    pub color: Option<String>,
    /// Whether everybody in it needs a second factor.
    pub require_mfa: bool,
    /// The longest time since sign-in that it accepts.
    pub session_hours: Option<i32>,
    /// Characters.
    pub password_min_length: i32,
    /// When not empty, only addresses of these domains can be added.
    pub mail_domains: Vec<String>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

impl Row {
    /// Its typed id.
    pub fn id(&self) -> CompanyId {
        CompanyId(self.id)
    }
}

/// Keeps a new company, the one of the scope. A slug that is taken is a conflict.
pub async fn insert(tx: &mut CompanyTx, slug: &str, name: &str, now: OffsetDateTime) -> Result<()> {
    let done = sqlx::query!(
        "insert into company (id, slug, name, created_at, updated_at) values ($1, $2, $3, $4, $4)
         on conflict (slug) do nothing",
        tx.company().0,
        slug,
        name,
        now
    )
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Conflict("a company of this name exists already")) }
}

/// The company of a slug, in no scope.
pub async fn find_by_slug(db: &Db, slug: &str) -> Result<Option<CompanyId>> {
    Ok(sqlx::query_scalar!("select find_company($1)", slug).fetch_one(db.pool()).await?.map(CompanyId))
}

/// A line of the operator's list.
#[derive(Debug)]
pub struct Listed {
    /// Its id.
    pub id: Uuid,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Whether everybody in it needs a second factor.
    pub require_mfa: bool,
    /// Living memberships.
    pub members: i64,
}

/// Every company, for the operator.
pub async fn list(db: &Db) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as!(
        Listed,
        r#"select id as "id!", slug as "slug!", name as "name!", require_mfa as "require_mfa!", members as "members!"
           from list_companies()"#
    )
    .fetch_all(db.pool())
    .await?)
}

/// The company of the scope.
pub async fn find(tx: &mut CompanyTx) -> Result<Option<Row>> {
    let id = tx.company().0;
    Ok(sqlx::query_as!(
        Row,
        "select id, slug, name, logo_url, color, require_mfa, session_hours, password_min_length, mail_domains, created_at
         from company where id = $1",
        id
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Writes what may be changed of it.
pub async fn update(tx: &mut CompanyTx, row: &Row, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update company set name = $2, logo_url = $3, color = $4, require_mfa = $5, session_hours = $6,
                            password_min_length = $7, mail_domains = $8, updated_at = $9
         where id = $1",
        tx.company().0,
        row.name,
        row.logo_url,
        row.color,
        row.require_mfa,
        row.session_hours,
        row.password_min_length,
        &row.mail_domains,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A company that the person belongs to, and as what.
#[derive(Debug, Clone)]
pub struct Joined {
    /// The company.
    pub company: Row,
    /// `admin`, `manager`, `user`.
    pub role: String,
    /// What they allowed there, where it was asked for what one client may do.
    pub allowed: Option<Given>,
}

/// Every company that the person of the scope belongs to, by name.
pub async fn of_account(tx: &mut AccountTx) -> Result<Vec<Joined>> {
    let account = tx.account().0;
    let rows = sqlx::query!(
        "select c.id, c.slug, c.name, c.logo_url, c.color, c.require_mfa, c.session_hours, c.password_min_length,
                c.mail_domains, c.created_at, m.role
         from membership m join company c on c.id = m.company_id
         where m.account_id = $1 and m.ended_at is null order by c.name, c.id",
        account
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Joined {
            company: Row {
                id: row.id,
                slug: row.slug,
                name: row.name,
                logo_url: row.logo_url,
                color: row.color,
                require_mfa: row.require_mfa,
                session_hours: row.session_hours,
                password_min_length: row.password_min_length,
                mail_domains: row.mail_domains,
                created_at: row.created_at,
            },
            role: row.role,
            allowed: None,
        })
        .collect())
}
