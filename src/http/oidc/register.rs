//! `/oauth2/register`: clients that register themselves (RFC 7591), and `/oauth2/register/{client_id}`, where they manage that
//! (RFC 7592). Bodies are read here by hand, because whatever is wrong with them has a code of its own.

use axum::Json;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use crate::domain::oidc::registration::dynamic::{self, Registered};
use crate::http::Shared;
use crate::http::body::{JsonBody, Named};
use crate::http::context::Cx;
use crate::model::client::registration;
use crate::model::error::{Error, Result};

type Sent = Result<JsonBody<Map<String, Value>>>;

/// These tokens are no access tokens: they are never bound to a key (RFC 7591, section 3; RFC 7592, section 2).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// What is no JSON object is no metadata (RFC 7591, section 3.2.2).
fn read(sent: Sent) -> Result<Map<String, Value>> {
    match sent {
        Ok(JsonBody(members)) => Ok(members),
        Err(Error::Malformed(why)) => Err(Error::oauth("invalid_client_metadata", why)),
        Err(other) => Err(other),
    }
}

/// Registers a client.
pub async fn create(State(house): State<Shared>, Cx(cx): Cx, headers: HeaderMap, sent: Sent) -> Result<Response> {
    let (registered, manages) = dynamic::register(&house, &cx, bearer(&headers), &read(sent)?).await?;
    Ok(shown(&house, StatusCode::CREATED, &registered, manages.reveal()))
}

/// Shows a registration.
pub async fn show(State(house): State<Shared>, Named(id): Named, headers: HeaderMap) -> Result<Response> {
    let token = bearer(&headers);
    let client = dynamic::identify(&house, &id, token).await?;
    Ok(shown(&house, StatusCode::OK, &Registered { client, secret: None }, token.unwrap_or_default()))
}

/// Replaces a registration.
pub async fn replace(
    State(house): State<Shared>,
    Cx(cx): Cx,
    Named(id): Named,
    headers: HeaderMap,
    sent: Sent,
) -> Result<Response> {
    let token = bearer(&headers);
    let known = dynamic::identify(&house, &id, token).await?;
    let registered = dynamic::replace(&house, &cx, known, &read(sent)?).await?;
    Ok(shown(&house, StatusCode::OK, &registered, token.unwrap_or_default()))
}

/// Deletes a registration.
pub async fn remove(
    State(house): State<Shared>,
    Cx(cx): Cx,
    Named(id): Named,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let known = dynamic::identify(&house, &id, bearer(&headers)).await?;
    dynamic::remove(&house, &cx, &known).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// RFC 7591, section 3.2.1; RFC 7592, section 3. A secret is shown when it is made, and the token that was sent comes back.
fn shown(house: &Shared, status: StatusCode, registered: &Registered, manages: &str) -> Response {
    let client = &registered.client;
    let mut members = registration::write(client);
    let mut set = |name: &str, value: Value| drop(members.insert(name.to_owned(), value));
    set("client_id", json!(client.id));
    set("registration_client_uri", json!(format!("{}/oauth2/register/{}", house.settings.issuer, client.id)));
    set("registration_access_token", json!(manages));
    if let Some(secret) = &registered.secret {
        set("client_secret", json!(secret.reveal()));
        set("client_secret_expires_at", json!(0));
    }
    (status, [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")], Json(members)).into_response()
}
