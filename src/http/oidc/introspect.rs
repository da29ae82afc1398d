//! `/oauth2/introspect`.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::client::Authenticated;
use crate::domain::oidc::introspect;
use crate::http::Shared;
use crate::http::context::Cx;
use crate::model::error::Result;

/// Says what a token stands for.
pub async fn show(State(house): State<Shared>, Cx(cx): Cx, sent: Authenticated) -> Result<Json<Value>> {
    Ok(Json(introspect::of(&house, &cx, &sent.client, sent.params.need("token")?).await?))
}
