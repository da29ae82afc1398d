//! The audit trail. Lines are added by the commit of the transaction that they report, and never changed.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{AccountTx, CompanyTx};
use crate::model::context::Context;
use crate::model::cursor::Cursor;
use crate::model::error::{Error, Result};
use crate::model::event::{Event, Line, Whose};
use crate::model::id::{AccountId, CompanyId, fresh};

pub(super) async fn insert(conn: &mut PgConnection, cx: &Context, whose: Whose, line: &Line) -> Result<()> {
    let account = line.subject.or(whose.account);
    let actor = line.subject.and(whose.account);
    sqlx::query!(
        "insert into event (id, company_id, account_id, actor_id, client_id, action, ip, user_agent, request_id, detail,
                            created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        fresh(cx.now),
        whose.company.map(|id| id.0),
        account.map(|id| id.0),
        actor.map(|id| id.0),
        line.client,
        line.action,
        cx.ip.map(|ip| ip.to_string()),
        cx.user_agent,
        cx.request_id,
        line.detail,
        cx.now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A line that a hot statement writes beside what it reports.
#[derive(Debug)]
pub struct Noted {
    at: OffsetDateTime,
    id: Uuid,
    ip: Option<String>,
    user_agent: Option<String>,
    request_id: String,
    line: Line,
    otherwise: &'static str,
}

impl Noted {
    /// What is reported of this request where it goes well, and what otherwise.
    pub fn of(cx: &Context, event: &Event, otherwise: &Event) -> Self {
        Self {
            at: cx.now,
            id: fresh(cx.now),
            ip: cx.ip.map(|ip| ip.to_string()),
            user_agent: cx.user_agent.clone(),
            request_id: cx.request_id.clone(),
            line: event.line(),
            otherwise: otherwise.line().action,
        }
    }
}

/// Several such lines, column by column.
#[derive(Default)]
pub(super) struct Lines<'a> {
    pub at: Vec<OffsetDateTime>,
    pub id: Vec<Uuid>,
    pub client: Vec<Option<&'a str>>,
    pub ip: Vec<Option<&'a str>>,
    pub user_agent: Vec<Option<&'a str>>,
    pub request_id: Vec<&'a str>,
    pub action: Vec<&'a str>,
    pub detail: Vec<&'a Value>,
    pub otherwise: Vec<&'a str>,
}

impl<'a> Lines<'a> {
    pub fn add(&mut self, noted: &'a Noted) {
        self.at.push(noted.at);
        self.id.push(noted.id);
        self.client.push(noted.line.client.as_deref());
        self.ip.push(noted.ip.as_deref());
        self.user_agent.push(noted.user_agent.as_deref());
        self.request_id.push(&noted.request_id);
        self.action.push(noted.line.action);
        self.detail.push(&noted.line.detail);
        self.otherwise.push(noted.otherwise);
    }
}

/// The company whose trail hears of what a person does outside any company: the home company, while the person is
/// still a member.
pub(super) async fn home_of(conn: &mut PgConnection, account: AccountId) -> Result<Option<CompanyId>> {
    let home = sqlx::query_scalar!(
        "select m.company_id from account a
         join membership m on m.account_id = a.id and m.company_id = a.home_company_id and m.ended_at is null
         where a.id = $1",
        account.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(home.map(CompanyId))
}

/// A line of the trail.
#[derive(Debug, Clone)]
pub struct Row {
    /// Which.
    pub id: Uuid,
    /// Whose matter.
    pub account_id: Option<Uuid>,
    /// Who did it, when that is somebody else.
    pub actor_id: Option<Uuid>,
    /// The client concerned.
    pub client_id: Option<String>,
    /// A stable word.
    pub action: String,
    /// From where.
    pub ip: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What else there is to say.
    pub detail: Value,
    /// When.
    pub created_at: OffsetDateTime,
    /// The name of whose matter it is, where the scope may see it.
    pub person: Option<String>,
    /// The name of who did it, where the scope may see it.
    pub actor: Option<String>,
}

impl Row {
    /// Where a page ends that ends with this line.
    pub fn cursor(&self) -> Cursor {
        Cursor { key: self.created_at.unix_timestamp_nanos().to_string(), id: self.id }
    }
}

/// What a list of events shows.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Whose matter, or by whom.
    pub person: Option<AccountId>,
    /// The word, or with a dot at its end every word that begins so.
    pub action: Option<String>,
    /// The client concerned.
    pub client: Option<String>,
    /// Not before.
    pub from: Option<OffsetDateTime>,
    /// Before.
    pub to: Option<OffsetDateTime>,
}

/// A page of the trail of the company of the scope, the latest first.
pub async fn list(tx: &mut CompanyTx, wanted: &Wanted, after: Option<&Cursor>, limit: i64) -> Result<Vec<Row>> {
    let company = tx.company().0;
    let (at, id) = place(after)?;
    Ok(sqlx::query_as!(
        Row,
        r#"select e.id as "id!", e.account_id, e.actor_id, e.client_id, e.action as "action!", e.ip, e.user_agent, e.request_id,
                  e.detail as "detail!", e.created_at as "created_at!", p.name as "person?", a.name as "actor?"
           from (select id, account_id, actor_id, client_id, action, ip, user_agent, request_id, detail, created_at from event
                 where company_id = $1 and ($2::uuid is null or account_id = $2 or actor_id = $2)
                   and ($3::text is null or action = $3 or (right($3, 1) = '.' and starts_with(action, $3)))
                   and ($4::text is null or client_id = $4)
                   and created_at >= coalesce($5, '-infinity'::timestamptz) and created_at < coalesce($6, 'infinity'::timestamptz)
                   and created_at <= coalesce($7, 'infinity'::timestamptz)
                   and ($7::timestamptz is null or (created_at, id) < ($7, $8::uuid))
                 order by created_at desc, id desc limit $9) e
           left join account p on p.id = e.account_id left join account a on a.id = e.actor_id
           order by e.created_at desc, e.id desc"#,
        company,
        wanted.person.map(|account| account.0),
        wanted.action,
        wanted.client,
        wanted.from,
        wanted.to,
        at,
        id,
        limit
    )
    .fetch_all(tx.conn())
    .await?)
}

/// The latest lines that are the matter of the person of the scope.
pub async fn of_account(tx: &mut AccountTx, limit: i64) -> Result<Vec<Row>> {
    let account = tx.account().0;
    Ok(sqlx::query_as!(
        Row,
        r#"select id, account_id, actor_id, client_id, action, ip, user_agent, request_id, detail, created_at,
                  null::text as person, null::text as actor
           from event where account_id = $1 order by created_at desc, id desc limit $2"#,
        account,
        limit
    )
    .fetch_all(tx.conn())
    .await?)
}

fn place(after: Option<&Cursor>) -> Result<(Option<OffsetDateTime>, Option<Uuid>)> {
    let Some(cursor) = after else { return Ok((None, None)) };
    let bad = || Error::Malformed("the cursor is none that this list gave".into());
    let nanos: i128 = cursor.key.parse().map_err(|_| bad())?;
    let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| bad())?;
    Ok((Some(at), Some(cursor.id)))
}
