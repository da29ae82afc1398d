//! `/.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;

use crate::domain::oidc::discovery;
use crate::http::Shared;

/// Shows the metadata.
pub async fn show(State(house): State<Shared>) -> impl IntoResponse {
    ([(CACHE_CONTROL, "public, max-age=300")], Json(discovery::document(&house)))
}
