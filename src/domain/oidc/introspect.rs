//! Token introspection (RFC 7662). A client learns of the tokens that were given to it; one of the platform's own, of any.

use serde_json::{Map, Value, json};

use super::{access, binding};
use crate::domain::house::House;
use crate::domain::keys::{self, Claims, Kind};
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::secret::Secret;
use crate::storage::client;
use crate::storage::held::{self, Asked};

/// What a token stands for at this moment; only `active: false` for one that is dead, unknown or none of the client's
/// business (section 2.2).
///
/// # Errors
/// `invalid_client` for a public client, which proves nothing.
pub async fn of(house: &House, cx: &Context, asking: &Client, token: &str) -> Result<Value> {
    if asking.is_public() {
        return Err(Error::oauth("invalid_client", "only a client with a secret may introspect"));
    }
    let found = match access::read(house, cx, token).await? {
        Some(claims) => access_token(house, cx, claims).await?,
        None => refresh(house, cx, token).await?,
    };
    let own = |found: &Map<String, Value>| {
        asking.is_platforms_own() || found.get("client_id").and_then(Value::as_str) == Some(asking.id.as_str())
    };
    let Some(mut found) = found.filter(own) else { return Ok(json!({ "active": false })) };
    found.insert("active".to_owned(), json!(true));
    Ok(Value::Object(found))
}

/// The answer as a JWT for the client that asks, in which nothing can be taken for a token itself (RFC 9701, section 5).
pub async fn signed(house: &House, cx: &Context, asking: &Client, found: Value) -> Result<String> {
    let claims = json!({
        "iss": house.settings.issuer,
        "aud": asking.id,
        "iat": cx.now.unix_timestamp(),
        "token_introspection": found,
    });
    let algorithm = asking.metadata.introspection_signed_response_alg.unwrap_or_default();
    let claims = claims.as_object().cloned().unwrap_or_default();
    keys::sign(house, cx.now, (Kind::Introspection, algorithm), claims).await
}

async fn access_token(house: &House, cx: &Context, claims: Claims) -> Result<Option<Map<String, Value>>> {
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut found = if claims.get("client_id").and_then(Value::as_str) == Some(subject.as_str()) {
        // A client's own token lives as long as the client is on.
        let client = client::find(&house.db, &subject, cx.now).await?;
        if client.is_none_or(|client| client.disabled_at.is_some()) {
            return Ok(None);
        }
        Map::clone(&claims)
    } else {
        let Some(held) = access::hold(house, cx, claims).await? else { return Ok(None) };
        let mut claims = Map::clone(&held.claims);
        claims.insert("roles".to_owned(), json!([held.living.role]));
        claims.insert("company".to_owned(), json!(held.living.company_slug));
        claims
    };
    let kind = binding::token_type(found.get("cnf"));
    found.insert("token_type".to_owned(), json!(kind));
    Ok(Some(found))
}

async fn refresh(house: &House, cx: &Context, token: &str) -> Result<Option<Map<String, Value>>> {
    let digest = Secret::received(token).digest();
    let Some(held) = held::find(&house.db, Asked::RefreshToken(digest), cx.now).await? else { return Ok(None) };
    let (Some(living), Some(expires_at)) = (held.living, held.expires_at) else { return Ok(None) };
    if held.revoked_at.is_some() || held.successor_used || expires_at <= cx.now {
        return Ok(None);
    }
    let (living, _) = *living;
    let said = json!({
        "iss": house.settings.issuer,
        "sub": living.sub(),
        "client_id": living.client_id,
        "scope": living.scopes.to_string(),
        "exp": expires_at.unix_timestamp(),
        "company_id": living.company,
        "company": living.company_slug,
        "roles": [living.role],
    });
    let mut said = said.as_object().cloned().unwrap_or_default();
    said.extend(living.confirmation.map(|cnf| ("cnf".to_owned(), cnf)));
    Ok(Some(said))
}
