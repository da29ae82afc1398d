//! `/api/clients`: the company's own apps, for admins. Metadata goes by its registered names (RFC 7591, section 2).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::user::page_size;
use crate::domain::manage::caller::Caller;
use crate::domain::manage::client::{self, Made, Wishes};
use crate::domain::manage::user::Admin;
use crate::http::Shared;
use crate::http::body::{JsonBody, Named, QueryOf};
use crate::http::context::Cx;
use crate::model::client::{Client, Profile, registration};
use crate::model::cursor::Cursor;
use crate::model::error::{Error, Result};

/// The members that most apps need; every other registered one is read and shown alike (RFC 7591, section 2, and its relatives).
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ClientMetadata {
    /// What people read on the consent page.
    #[schema(example = "Voice Desk")]
    pub client_name: Option<String>,
    /// Where people return to, each exactly as the app will send it: https, or http on localhost.
    #[schema(example = json!(["https://desk.acme.example/callback"]))]
    pub redirect_uris: Option<Vec<String>>,
    /// Where people may be sent after they signed out.
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// How the app proves who it is: `client_secret_basic` (the default), `client_secret_post`, `client_secret_jwt`,
    /// `private_key_jwt`, `tls_client_auth`, `self_signed_tls_client_auth`, or `none` for an app that keeps no secret.
    pub token_endpoint_auth_method: Option<String>,
    /// `authorization_code` (the default), `refresh_token`, `client_credentials`, `implicit` for ID tokens from the front channel.
    #[schema(example = json!(["authorization_code", "refresh_token"]))]
    pub grant_types: Option<Vec<String>>,
    /// `code` (the default), `id_token`, `code id_token`.
    pub response_types: Option<Vec<String>>,
    /// What it may ask for; space-separated.
    pub scope: Option<String>,
    /// `web` (the default) or `native`.
    pub application_type: Option<String>,
    /// Its public keys (RFC 7517).
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// Where it publishes them.
    pub jwks_uri: Option<String>,
    /// Its picture.
    pub logo_uri: Option<String>,
    /// Its privacy policy.
    pub policy_uri: Option<String>,
    /// Its terms.
    pub tos_uri: Option<String>,
    /// Where a sign-in begins that somebody else asked for.
    pub initiate_login_uri: Option<String>,
    /// Its tokens are bound to its key (RFC 9449).
    pub dpop_bound_access_tokens: Option<bool>,
    /// Its requests must be pushed (RFC 9126).
    pub require_pushed_authorization_requests: Option<bool>,
}

/// An app to register, or what changes: null takes a member away, what is left out stays.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ClientWishes {
    /// `standard` (the default), `high` (FAPI 2.0) or `legacy` (account linking of voice assistants).
    pub profile: Option<String>,
    /// Whether it is on.
    pub enabled: Option<bool>,
    /// Its metadata.
    #[serde(flatten)]
    #[schema(inline)]
    pub metadata: ClientMetadata,
}

/// An app, with its metadata as it is in effect.
#[derive(Serialize, ToSchema)]
pub struct ShownClient {
    /// `cli_…`
    pub client_id: String,
    /// Shown when it is made, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// `standard`, `high` or `legacy`.
    pub profile: String,
    /// Whether it is on.
    pub enabled: bool,
    /// `own`, or `dynamic` for one that registered itself.
    pub origin: String,
    /// Its metadata.
    #[serde(flatten)]
    #[schema(value_type = ClientMetadata, inline)]
    pub metadata: Map<String, Value>,
}

impl From<&Client> for ShownClient {
    fn from(client: &Client) -> Self {
        Self {
            client_id: client.id.clone(),
            client_secret: None,
            profile: client.profile.as_str().to_owned(),
            enabled: client.disabled_at.is_none(),
            origin: client.origin.as_str().to_owned(),
            metadata: registration::write(client),
        }
    }
}

impl From<&Made> for ShownClient {
    fn from(made: &Made) -> Self {
        let client_secret = made.secret.as_ref().map(|secret| secret.reveal().to_owned());
        Self { client_secret, ..Self::from(&made.client) }
    }
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// 1 to 100; 50 by default.
    pub limit: Option<i64>,
    /// What the page before gave.
    pub cursor: Option<String>,
}

/// A page of apps.
#[derive(Serialize, ToSchema)]
pub struct Clients {
    /// By name.
    pub items: Vec<ShownClient>,
    /// For the next page; null on the last.
    pub next_cursor: Option<String>,
}

/// An admin at work.
pub(super) fn admin(caller: &Caller) -> Admin {
    Admin { company: caller.company, account: Some(caller.account) }
}

/// What stands beside the metadata is taken out of it.
fn wishes(mut sent: Map<String, Value>) -> Result<Wishes> {
    if sent.remove("skip_consent").is_some_and(|wish| wish != Value::Bool(false)) {
        return Err(Error::invalid("skip_consent", "is for the platform's own apps"));
    }
    let profile = match sent.remove("profile") {
        None | Some(Value::Null) => None,
        Some(word) => {
            let known = word.as_str().and_then(Profile::read);
            Some(known.ok_or_else(|| Error::invalid("profile", "must be standard, high or legacy"))?)
        }
    };
    let enabled = match sent.remove("enabled") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(on)) => Some(on),
        Some(_) => return Err(Error::invalid("enabled", "must be true or false")),
    };
    Ok(Wishes { metadata: sent, profile, enabled })
}

/// The company's apps.
#[utoipa::path(get, path = "/api/clients", tag = "clients", params(ListQuery), security(("bearer" = [])), responses(
    (status = 200, body = Clients), (status = 400, description = "The cursor is none of ours"), (status = 401, description = "No valid token"),
    (status = 403, description = "Not an admin"), (status = 422, description = "A parameter cannot be accepted")))]
pub async fn list(
    State(house): State<Shared>,
    caller: Caller,
    QueryOf(query): QueryOf<ListQuery>,
) -> Result<Json<Clients>> {
    let after = query.cursor.as_deref().map(Cursor::read).transpose()?;
    let (clients, next) = client::list(&house, caller.company, after.as_ref(), page_size(query.limit)?).await?;
    let items = clients.iter().map(ShownClient::from).collect();
    Ok(Json(Clients { items, next_cursor: next.map(|cursor| cursor.encode()) }))
}

/// Registers an app. Its secret is in this answer and in no other.
#[utoipa::path(post, path = "/api/clients", tag = "clients", request_body = ClientWishes, security(("bearer" = [])), responses(
    (status = 201, body = ShownClient), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin"),
    (status = 409, description = "Too many apps"), (status = 422, description = "Fields that cannot be accepted")))]
pub async fn create(
    State(house): State<Shared>,
    Cx(cx): Cx,
    caller: Caller,
    JsonBody(sent): JsonBody<Map<String, Value>>,
) -> Result<Response> {
    let made = client::create(&house, &cx, admin(&caller), wishes(sent)?).await?;
    Ok((StatusCode::CREATED, Json(ShownClient::from(&made))).into_response())
}

/// One app.
#[utoipa::path(get, path = "/api/clients/{client_id}", tag = "clients", params(("client_id" = String, Path)), security(("bearer" = [])), responses(
    (status = 200, body = ShownClient), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin"),
    (status = 404, description = "Not of this company")))]
pub async fn show(State(house): State<Shared>, caller: Caller, Named(id): Named) -> Result<Json<ShownClient>> {
    Ok(Json(ShownClient::from(&client::find(&house, caller.company, &id).await?)))
}

/// Changes an app. Where the new method needs another secret, the answer has it.
#[utoipa::path(patch, path = "/api/clients/{client_id}", tag = "clients", params(("client_id" = String, Path)), request_body = ClientWishes,
    security(("bearer" = [])), responses((status = 200, body = ShownClient), (status = 401, description = "No valid token"),
    (status = 403, description = "Not an admin"), (status = 404, description = "Not of this company"),
    (status = 422, description = "Fields that cannot be accepted")))]
pub async fn change(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (caller, Named(id)): (Caller, Named),
    JsonBody(sent): JsonBody<Map<String, Value>>,
) -> Result<Json<ShownClient>> {
    let made = client::change(&house, &cx, admin(&caller), &id, wishes(sent)?).await?;
    Ok(Json(ShownClient::from(&made)))
}

/// Deletes an app, with everything that people gave it.
#[utoipa::path(delete, path = "/api/clients/{client_id}", tag = "clients", params(("client_id" = String, Path)), security(("bearer" = [])), responses(
    (status = 204), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin"),
    (status = 404, description = "Not of this company")))]
pub async fn remove(State(house): State<Shared>, Cx(cx): Cx, caller: Caller, Named(id): Named) -> Result<StatusCode> {
    client::remove(&house, &cx, admin(&caller), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new secret; the old one is void here at once, and at other nodes within two seconds.
#[utoipa::path(post, path = "/api/clients/{client_id}/rotate-secret", tag = "clients", params(("client_id" = String, Path)), security(("bearer" = [])), responses(
    (status = 200, body = ShownClient), (status = 401, description = "No valid token"), (status = 403, description = "Not an admin"),
    (status = 404, description = "Not of this company"), (status = 409, description = "It has no secret")))]
pub async fn rotate_secret(
    State(house): State<Shared>,
    Cx(cx): Cx,
    caller: Caller,
    Named(id): Named,
) -> Result<Json<ShownClient>> {
    let made = client::rotate_secret(&house, &cx, admin(&caller), &id).await?;
    Ok(Json(ShownClient::from(&made)))
}
