//! `GET /oauth2/jwks`: the public keys (RFC 7517).

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

use crate::domain::keys;
use crate::http::Shared;
use crate::http::context::Cx;
use crate::model::error::Error;

/// Shows them. Caches may keep them for five minutes: a key is published long before it signs.
pub async fn show(State(house): State<Shared>, Cx(cx): Cx) -> Result<impl IntoResponse, Error> {
    let keys = keys::jwks(&house, cx.now).await?;
    Ok(([(CACHE_CONTROL, "public, max-age=300"), (CONTENT_TYPE, "application/json")], keys))
}
