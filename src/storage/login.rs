//! Logins: one account signed in in one browser, or by one API caller.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::company::{self, Joined};
use super::lane::{self, Lane, Question};
use super::scope::{AccountTx, Db};
use super::{consent, login_client};
use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::event::Line;
use crate::model::id::{AccountId, LoginId, fresh};
use crate::model::scope::Scopes;
use crate::model::secret::Digest;

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

/// How a login begins.
#[derive(Debug)]
pub struct Beginning<'a> {
    /// The login.
    pub row: &'a Row,
    /// The line of the trail.
    pub line: &'a Line,
    /// The throttled attempts that led here, which count no more.
    pub attempts: &'a [Digest],
    /// The client that waits, where one does: what it was allowed comes along.
    pub client: Option<&'a str>,
}

/// Begins a login and says so in the trail, in one statement. Answers who is signed in by it; `None`, and no login, where the account was
/// switched off.
pub async fn begin(db: &Db, cx: &Context, beginning: Beginning<'_>) -> Result<Option<Visiting>> {
    let Beginning { row, line, attempts, client } = beginning;
    let attempts: Vec<&[u8]> = attempts.iter().map(Digest::as_bytes).collect();
    let rows = sqlx::query_as!(
        Visited,
        r#"select n as "n!", auth_time as "auth_time!", amr as "amr!", acr as "acr!", last_seen_at as "last_seen_at!",
                  email as "email!", person_name as "person_name!", home_company_id, has_totp as "has_totp!",
                  company_id, slug, name, logo_url, color, require_mfa, session_hours, password_min_length, mail_domains,
                  created_at, role, consented_scopes, consented_resources
           from sign_in($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"#,
        row.account_id,
        row.id,
        row.created_at,
        row.expires_at,
        &row.amr,
        row.acr,
        row.ip as _,
        row.user_agent as _,
        fresh(cx.now),
        cx.request_id,
        line.action,
        line.detail,
        &attempts as &[&[u8]],
        client as _
    )
    .fetch_all(db.pool())
    .await?;
    Ok(Visited::gather(rows).next().map(|(_, visiting)| visiting))
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
    /// When the login was last used, as far as that was noted.
    pub last_seen_at: OffsetDateTime,
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

/// A login that a browser's session names.
#[derive(Debug)]
pub struct Visit {
    /// Whose.
    pub person: AccountId,
    /// The login.
    pub login: LoginId,
    /// The client that waits, where one does: what it was allowed comes along.
    pub client: Option<String>,
    /// When.
    pub at: OffsetDateTime,
}

/// How long a login may rest before it is noted that it was used again.
const REST: Duration = Duration::minutes(1);

/// Who is signed in by it, where it lives and its account is not switched off; notes that it was seen.
pub async fn visit(db: &Db, visit: Visit) -> Result<Option<Visiting>> {
    let (person, login, at) = (visit.person, visit.login, visit.at);
    let found = lane::ask(db, visit).await?;
    if found.as_ref().is_some_and(|visiting| at - visiting.last_seen_at > REST) {
        sqlx::query!("select note_seen($1, $2, $3)", person.0, login.0, at).execute(db.pool()).await?;
    }
    Ok(found)
}

impl Question for Visit {
    type Answer = Option<Visiting>;
    const READS: bool = true;

    fn lane(db: &Db) -> &Lane<Self> {
        &db.lanes().visit
    }

    async fn ask(questions: &[Self], conn: &mut PgConnection) -> Result<Vec<Self::Answer>, sqlx::Error> {
        let people: Vec<Uuid> = questions.iter().map(|visit| visit.person.0).collect();
        let logins: Vec<Uuid> = questions.iter().map(|visit| visit.login.0).collect();
        let clients: Vec<Option<&str>> = questions.iter().map(|visit| visit.client.as_deref()).collect();
        let ats: Vec<OffsetDateTime> = questions.iter().map(|visit| visit.at).collect();
        let rows = sqlx::query_as!(
            Visited,
            r#"select n as "n!", auth_time as "auth_time!", amr as "amr!", acr as "acr!", last_seen_at as "last_seen_at!",
                      email as "email!", person_name as "person_name!", home_company_id, has_totp as "has_totp!",
                      company_id, slug, name, logo_url, color, require_mfa, session_hours, password_min_length, mail_domains,
                      created_at, role, consented_scopes, consented_resources
               from visitors($1, $2, $3, $4)"#,
            &people,
            &logins,
            &clients as &[Option<&str>],
            &ats
        )
        .fetch_all(conn)
        .await?;
        Ok(lane::by_number(questions, Visited::gather(rows)))
    }
}

/// A row as it comes: one for each company, and one without where the person has none.
struct Visited {
    n: i64,
    auth_time: OffsetDateTime,
    amr: Vec<String>,
    acr: String,
    last_seen_at: OffsetDateTime,
    email: String,
    person_name: String,
    home_company_id: Option<Uuid>,
    has_totp: bool,
    company_id: Option<Uuid>,
    slug: Option<String>,
    name: Option<String>,
    logo_url: Option<String>,
    color: Option<String>,
    require_mfa: Option<bool>,
    session_hours: Option<i32>,
    password_min_length: Option<i32>,
    mail_domains: Option<Vec<String>>,
    created_at: Option<OffsetDateTime>,
    role: Option<String>,
    consented_scopes: Option<Vec<String>>,
    consented_resources: Option<Vec<String>>,
}

impl Visited {
    /// Rows of one question stand together, in the order of the companies.
    fn gather(rows: Vec<Self>) -> impl Iterator<Item = (i64, Visiting)> {
        let mut rows = rows.into_iter().peekable();
        std::iter::from_fn(move || {
            let first = rows.next()?;
            let n = first.n;
            let (mut visiting, joined) = first.split();
            visiting.companies.extend(joined);
            while let Some(row) = rows.next_if(|row| row.n == n) {
                visiting.companies.extend(row.split().1);
            }
            Some((n, visiting))
        })
    }

    /// The person without a company, and the company.
    fn split(self) -> (Visiting, Option<Joined>) {
        let visiting = Visiting {
            auth_time: self.auth_time,
            amr: self.amr,
            acr: self.acr,
            last_seen_at: self.last_seen_at,
            email: self.email,
            name: self.person_name,
            home: self.home_company_id,
            has_totp: self.has_totp,
            companies: Vec::new(),
        };
        let (Some(id), Some(role), Some(created_at)) = (self.company_id, self.role, self.created_at) else {
            return (visiting, None);
        };
        let company = company::Row {
            id,
            slug: self.slug.unwrap_or_default(),
            name: self.name.unwrap_or_default(),
            logo_url: self.logo_url,
            color: self.color,
            require_mfa: self.require_mfa.unwrap_or_default(),
            session_hours: self.session_hours,
            password_min_length: self.password_min_length.unwrap_or_default(),
            mail_domains: self.mail_domains.unwrap_or_default(),
            created_at,
        };
        let allowed = self.consented_scopes.map(|scopes| consent::Given {
            scopes: Scopes::from(scopes),
            resources: self.consented_resources.unwrap_or_default().into_iter().collect(),
        });
        (visiting, Some(Joined { company, role, allowed }))
    }
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
