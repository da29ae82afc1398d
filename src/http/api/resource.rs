//! `/api/resources`: APIs of the company that tokens can be for (RFC 8707), for admins.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::client::{ListQuery, admin};
use super::company::sent;
use super::user::page_size;
use crate::domain::manage::caller::Caller;
use crate::domain::manage::resource::{self, Wishes};
use crate::http::Shared;
use crate::http::body::{JsonBody, Named, QueryOf};
use crate::http::context::Cx;
use crate::model::cursor::Cursor;
use crate::model::error::{Error, Result};
use crate::model::id::ResourceId;
use crate::storage::resource::Resource as Row;

/// An API that tokens can be for.
#[derive(Serialize, ToSchema)]
pub struct Resource {
    /// `res_…`
    #[schema(value_type = String)]
    pub id: ResourceId,
    /// The `resource` parameter, and the tokens' `aud`.
    pub identifier: String,
    /// What people read on the consent page.
    pub name: String,
    /// What can be asked for there.
    pub scopes: Vec<String>,
    /// How long tokens for it live; null leaves it to the platform.
    pub token_lifetime_seconds: Option<i32>,
    /// Whether it is on.
    pub enabled: bool,
}

impl From<Row> for Resource {
    fn from(row: Row) -> Self {
        Self {
            id: ResourceId(row.id),
            identifier: row.identifier,
            name: row.name,
            scopes: row.scopes.to_vec(),
            token_lifetime_seconds: row.token_lifetime,
            enabled: row.disabled_at.is_none(),
        }
    }
}

/// An API to register, or what changes of one: what is left out stays.
#[derive(Deserialize, ToSchema)]
pub struct ResourceWishes {
    /// An absolute URI without a fragment: https or urn.
    #[schema(example = "https://calls.acme.example/v1")]
    pub identifier: Option<String>,
    /// What people read on the consent page.
    #[schema(example = "Call recordings")]
    pub name: Option<String>,
    /// At most 50.
    #[schema(example = json!(["calls:read"]))]
    pub scopes: Option<Vec<String>>,
    /// 30 to 86400, or null.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<i32>)]
    pub token_lifetime_seconds: Option<Option<i32>>,
    /// Whether it is on.
    pub enabled: Option<bool>,
}

impl From<ResourceWishes> for Wishes {
    fn from(sent: ResourceWishes) -> Self {
        Self {
            identifier: sent.identifier,
            name: sent.name,
            scopes: sent.scopes,
            token_lifetime: sent.token_lifetime_seconds,
            enabled: sent.enabled,
        }
    }
}

/// A page of resources.
#[derive(Serialize, ToSchema)]
pub struct Resources {
    /// By name.
    pub items: Vec<Resource>,
    /// For the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// The id in a path. What is no id names nothing.
fn id(text: &str) -> Result<Uuid> {
    text.parse().map(|ResourceId(id)| id).map_err(|_| Error::NotFound("resource"))
}

/// The company's resources.
#[utoipa::path(get, path = "/api/resources", tag = "resources", params(ListQuery), security(("bearer" = [])), responses(
    (status = 200, body = Resources), (status = 400, description = "The cursor is none of ours"), (status = 401, description = "No valid token"),
    (status = 403, description = "Not an admin"), (status = 422, description = "A parameter cannot be accepted")))]
pub async fn list(
    State(house): State<Shared>,
    caller: Caller,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<Resources>> {
    let after = query.cursor.as_deref().map(Cursor::read).transpose()?;
    let (rows, next) = resource::list(&house, caller.company, after.as_ref(), page_size(query.limit)?).await?;
    let items = rows.into_iter().map(Resource::from).collect();
    Ok(Json(Resources { items, next_cursor: next.map(|cursor| cursor.encode()) }))
}

/// Registers a resource.
#[utoipa::path(post, path = "/api/resources", tag = "resources", request_body = ResourceWishes, security(("bearer" = [])), responses(
    (status = 201, body = Resource), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin"),
    (status = 409, description = "The identifier is taken, or there are too many"), (status = 422, description = "Fields that cannot be accepted")))]
pub async fn create(
    State(house): State<Shared>,
    Cx(cx): Cx,
    caller: Caller,
    JsonBody(sent): JsonBody<ResourceWishes>,
) -> Result<Response> {
    let made = resource::create(&house, &cx, admin(&caller), sent.into()).await?;
    Ok((StatusCode::CREATED, Json(Resource::from(made))).into_response())
}

/// One resource.
#[utoipa::path(get, path = "/api/resources/{id}", tag = "resources", params(("id" = String, Path)), security(("bearer" = [])), responses(
    (status = 200, body = Resource), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin"),
    (status = 404, description = "Not of this company")))]
pub async fn show(State(house): State<Shared>, caller: Caller, Named(text): Named) -> Result<Json<Resource>> {
    Ok(Json(resource::find(&house, caller.company, id(&text)?).await?.into()))
}

/// Changes a resource.
#[utoipa::path(patch, path = "/api/resources/{id}", tag = "resources", params(("id" = String, Path)), request_body = ResourceWishes,
    security(("bearer" = [])), responses((status = 200, body = Resource), (status = 401, description = "No valid token"),
    (status = 403, description = "Not an admin"), (status = 404, description = "Not of this company"),
    (status = 409, description = "The identifier is taken"), (status = 422, description = "Fields that cannot be accepted")))]
pub async fn change(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (caller, Named(text)): (Caller, Named),
    JsonBody(sent): JsonBody<ResourceWishes>,
) -> Result<Json<Resource>> {
    Ok(Json(resource::change(&house, &cx, admin(&caller), id(&text)?, sent.into()).await?.into()))
}

/// Deletes a resource. Tokens for it live on until they expire.
#[utoipa::path(delete, path = "/api/resources/{id}", tag = "resources", params(("id" = String, Path)), security(("bearer" = [])), responses(
    (status = 204), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin"),
    (status = 404, description = "Not of this company")))]
pub async fn remove(State(house): State<Shared>, Cx(cx): Cx, caller: Caller, Named(text): Named) -> Result<StatusCode> {
    resource::remove(&house, &cx, admin(&caller), id(&text)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
