//! `/oauth2/revoke`.

use axum::extract::State;
use axum::http::StatusCode;

use super::client::Authenticated;
use crate::domain::oidc::revoke;
use crate::http::Shared;
use crate::http::context::Cx;
use crate::model::error::Result;

/// Takes a token back.
pub async fn take(State(house): State<Shared>, Cx(cx): Cx, sent: Authenticated) -> Result<StatusCode> {
    revoke::revoke(&house, &cx, &sent.client, sent.params.need("token")?).await?;
    Ok(StatusCode::OK)
}
