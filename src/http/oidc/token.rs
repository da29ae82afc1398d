//! `/oauth2/token`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::client::Authenticated;
use crate::domain::metrics::{Given, GrantType};
use crate::domain::oidc::binding::Evidence;
use crate::domain::oidc::dpop::Sent;
use crate::domain::oidc::grant::{Tokens, authorization_code, client_credentials, refresh_token};
use crate::http::Shared;
use crate::http::context::Cx;
use crate::http::dpop::{self, Proofs};
use crate::model::context::Context;
use crate::model::error::{Error, Result};

/// Gives tokens (RFC 6749, section 5).
pub async fn give(State(house): State<Shared>, Cx(cx): Cx, Proofs(proofs): Proofs, sent: Authenticated) -> Response {
    let grant_type = sent.params.get("grant_type").map_or(GrantType::Other, GrantType::read);
    let answer = tokens(&house, &cx, &proofs, sent).await;
    house.metrics.tokens.add((grant_type, Given::of(&answer)));
    dpop::offer(&house, &cx, &proofs, answer.map(|tokens| Json(shown(tokens))).into_response())
}

async fn tokens(house: &Shared, cx: &Context, proofs: &Sent, sent: Authenticated) -> Result<Tokens> {
    let Authenticated { client, params } = sent;
    let grant_type = params.need("grant_type")?;
    if !["authorization_code", "refresh_token", "client_credentials"].contains(&grant_type) {
        return Err(Error::oauth("unsupported_grant_type", "this grant_type is not supported"));
    }
    if !client.may_use(grant_type) {
        return Err(Error::oauth("unauthorized_client", "the client may not use this grant_type"));
    }
    let evidence = Evidence::of(house, cx, &client, proofs).await?;
    match grant_type {
        "authorization_code" => authorization_code::redeem(house, cx, &client, &params, &evidence).await,
        "refresh_token" => refresh_token::refresh(house, cx, &client, &params, &evidence).await,
        _ => client_credentials::give(house, cx, &client, &params, &evidence).await,
    }
}

/// RFC 6749, section 5.1; OpenID Connect Core, section 3.1.3.3.
fn shown(tokens: Tokens) -> Value {
    let mut shown = json!({
        "access_token": tokens.access_token,
        "token_type": tokens.rights.token_type(),
        "expires_in": tokens.rights.lifetime.whole_seconds(),
        "scope": tokens.rights.scopes.to_string(),
    });
    if let Some(map) = shown.as_object_mut() {
        // RFC 9396, section 7.
        let details = tokens.rights.authorization_details;
        map.extend(details.map(|details| ("authorization_details".to_owned(), details)));
        map.extend(tokens.id_token.map(|token| ("id_token".to_owned(), json!(token))));
        map.extend(tokens.refresh_token.map(|token| ("refresh_token".to_owned(), json!(token))));
    }
    shown
}
