//! `/api/sessions`: where the caller is signed in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::manage::caller::Caller;
use crate::domain::person::sign_out;
use crate::http::Shared;
use crate::http::body::Named;
use crate::http::context::Cx;
use crate::model::error::{Error, Result};
use crate::model::id::LoginId;

/// A login.
#[derive(Serialize, ToSchema)]
pub struct Session {
    /// `log_…`, the `sid` of its tokens.
    #[schema(value_type = String)]
    pub id: LoginId,
    /// Whether it is the one of this token.
    pub current: bool,
    /// When the person last proved who they are.
    #[serde(with = "time::serde::rfc3339")]
    pub auth_time: OffsetDateTime,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// From where.
    pub ip: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last used.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// The caller's logins.
#[derive(Serialize, ToSchema)]
pub struct Sessions {
    /// The last used first.
    pub items: Vec<Session>,
}

/// Where the caller is signed in.
#[utoipa::path(get, path = "/api/sessions", tag = "sessions", security(("bearer" = [])), responses(
    (status = 200, body = Sessions), (status = 401, description = "No valid token")))]
pub async fn list(State(house): State<Shared>, Cx(cx): Cx, caller: Caller) -> Result<Json<Sessions>> {
    let rows = sign_out::living(&house, &cx, caller.account).await?;
    let items = rows.into_iter().map(|row| Session {
        id: row.id(),
        current: row.id() == caller.login,
        auth_time: row.auth_time,
        amr: row.amr,
        ip: row.ip,
        user_agent: row.user_agent,
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        expires_at: row.expires_at,
    });
    Ok(Json(Sessions { items: items.collect() }))
}

/// Signs the caller out everywhere else.
#[utoipa::path(delete, path = "/api/sessions", tag = "sessions", security(("bearer" = [])), responses(
    (status = 204), (status = 401, description = "No valid token")))]
pub async fn end_others(State(house): State<Shared>, Cx(cx): Cx, caller: Caller) -> Result<StatusCode> {
    sign_out::end_others(&house, &cx, caller.account, Some(caller.login)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one login of the caller, with its tokens.
#[utoipa::path(delete, path = "/api/sessions/{id}", tag = "sessions", params(("id" = String, Path)), security(("bearer" = [])), responses(
    (status = 204), (status = 401, description = "No valid token"), (status = 404, description = "Not one of the caller's")))]
pub async fn end(State(house): State<Shared>, Cx(cx): Cx, caller: Caller, Named(id): Named) -> Result<StatusCode> {
    let id = id.parse().map_err(|_| Error::NotFound("session"))?;
    sign_out::end(&house, &cx, caller.account, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
