//! `/api/audit`: what happened in the caller's company.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use super::user::page_size;
use crate::domain::manage::audit;
use crate::domain::manage::caller::Caller;
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::model::cursor::Cursor;
use crate::model::error::{Error, Result};
use crate::model::id::{AccountId, EventId};
use crate::storage::event::{Row, Wanted};

/// One line of the trail.
#[derive(Serialize, ToSchema)]
pub struct Event {
    /// `evt_…`
    pub id: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// A stable word: `sign_in.succeeded`.
    pub action: String,
    /// Whose matter: `usr_…`.
    pub person: Option<String>,
    /// Who did it, when that is somebody else: `usr_…`.
    pub actor: Option<String>,
    /// The client concerned: `cli_…`.
    pub client: Option<String>,
    /// From where.
    pub ip: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// What else there is to say.
    #[schema(value_type = Object)]
    pub detail: Value,
}

impl From<Row> for Event {
    fn from(row: Row) -> Self {
        Self {
            id: EventId(row.id).to_string(),
            at: row.created_at,
            action: row.action,
            person: row.account_id.map(|id| AccountId(id).to_string()),
            actor: row.actor_id.map(|id| AccountId(id).to_string()),
            client: row.client_id,
            ip: row.ip,
            user_agent: row.user_agent,
            request_id: row.request_id,
            detail: row.detail,
        }
    }
}

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Whose matter, or by whom: `usr_…`.
    pub person: Option<String>,
    /// A word, or with a dot at its end every word that begins so: `member.`.
    pub action: Option<String>,
    /// A client: `cli_…`.
    pub client: Option<String>,
    /// Not before: RFC 3339.
    pub from: Option<String>,
    /// Before: RFC 3339.
    pub to: Option<String>,
    /// 1 to 100; 50 by default.
    pub limit: Option<i64>,
    /// What the page before gave.
    pub cursor: Option<String>,
}

impl AuditQuery {
    fn wanted(&self) -> Result<Wanted> {
        let instant = |field: &'static str, text: &Option<String>| {
            let read = |text: &String| OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
            let bad = |_| Error::invalid(field, "must be a time like 2026-01-31T12:00:00Z");
            text.as_ref().map(|text| read(text).map_err(bad)).transpose()
        };
        let person = self
            .person
            .as_ref()
            .map(|text| text.parse().map_err(|_| Error::invalid("person", "must be an id like usr_…")));
        Ok(Wanted {
            person: person.transpose()?,
            action: self.action.clone(),
            client: self.client.clone(),
            from: instant("from", &self.from)?,
            to: instant("to", &self.to)?,
        })
    }
}

/// A page of the trail.
#[derive(Serialize, ToSchema)]
pub struct Events {
    /// The latest first.
    pub items: Vec<Event>,
    /// For the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// The company's audit trail, for admins.
#[utoipa::path(get, path = "/api/audit", tag = "audit", params(AuditQuery), security(("bearer" = [])), responses(
    (status = 200, body = Events), (status = 400, description = "The cursor is none of ours"), (status = 401, description = "No valid token"),
    (status = 403, description = "Not an admin"), (status = 422, description = "A parameter cannot be accepted")))]
pub async fn list(
    State(house): State<Shared>,
    caller: Caller,
    QueryOf(query): QueryOf<AuditQuery>,
) -> Result<Json<Events>> {
    let after = query.cursor.as_deref().map(Cursor::read).transpose()?;
    let (rows, next) =
        audit::list(&house, caller.company, &query.wanted()?, after.as_ref(), page_size(query.limit)?).await?;
    Ok(Json(Events { items: rows.into_iter().map(Event::from).collect(), next_cursor: next.map(|next| next.encode()) }))
}
