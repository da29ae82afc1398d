//! `POST /oauth2/par`: pushed authorization requests (RFC 9126).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::client::Authenticated;
use crate::domain::oidc::binding::Evidence;
use crate::domain::oidc::dpop::Sent;
use crate::domain::oidc::par;
use crate::http::Shared;
use crate::http::context::Cx;
use crate::http::dpop::{self, Proofs};
use crate::model::context::Context;
use crate::model::error::Result;

/// Keeps a request, and gives its reference (section 2.2). A proof that comes along binds the code (RFC 9449, section 10.1).
pub async fn push(State(house): State<Shared>, Cx(cx): Cx, Proofs(proofs): Proofs, sent: Authenticated) -> Response {
    let answer = keep(&house, &cx, &proofs, sent).await;
    dpop::offer(&house, &cx, &proofs, answer.map(|given| (StatusCode::CREATED, Json(given))).into_response())
}

async fn keep(house: &Shared, cx: &Context, proofs: &Sent, sent: Authenticated) -> Result<Value> {
    let evidence = Evidence::of(house, cx, &sent.client, proofs).await?;
    let dpop_jkt = evidence.jkt().map(str::to_owned);
    let reference = par::push(house, cx, &sent.client, (&sent.params, dpop_jkt)).await?;
    Ok(json!({ "request_uri": reference, "expires_in": par::LIVES.whole_seconds() }))
}
