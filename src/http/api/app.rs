//! `/api/apps`: the apps that the caller let in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::domain::manage::caller::Caller;
use crate::domain::person::consent;
use crate::http::Shared;
use crate::http::body::Named;
use crate::http::context::Cx;
use crate::model::error::Result;
use crate::model::id::CompanyId;

/// An app.
#[derive(Serialize, ToSchema)]
pub struct App {
    /// `cli_…`
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// `com_…`, for which company.
    #[schema(value_type = String)]
    pub company_id: CompanyId,
    /// The company's name.
    pub company_name: String,
    /// What it may do; space-separated.
    pub scope: String,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub granted_at: OffsetDateTime,
}

/// The apps.
#[derive(Serialize, ToSchema)]
pub struct Apps {
    /// All of them.
    pub items: Vec<App>,
}

/// The apps that the caller let in.
#[utoipa::path(get, path = "/api/apps", tag = "apps", security(("bearer" = [])), responses(
    (status = 200, body = Apps), (status = 401, description = "No valid token")))]
pub async fn list(State(house): State<Shared>, Cx(cx): Cx, caller: Caller) -> Result<Json<Apps>> {
    let apps = consent::list(&house, &cx, caller.account).await?;
    let items = apps.into_iter().map(|app| App {
        client_id: app.client_id,
        name: app.name,
        company_id: app.company,
        company_name: app.company_name,
        scope: app.scopes.to_string(),
        granted_at: app.granted_at,
    });
    Ok(Json(Apps { items: items.collect() }))
}

/// Takes everything back that the caller gave an app in the token's company.
#[utoipa::path(delete, path = "/api/apps/{client_id}", tag = "apps", params(("client_id" = String, Path)), security(("bearer" = [])), responses(
    (status = 204), (status = 401, description = "No valid token"), (status = 404, description = "There is nothing to take back")))]
pub async fn withdraw(State(house): State<Shared>, Cx(cx): Cx, caller: Caller, Named(id): Named) -> Result<StatusCode> {
    consent::withdraw(&house, &cx, caller.account, (caller.company, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
