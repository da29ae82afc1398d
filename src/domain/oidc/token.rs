//! The one place where tokens are minted: access tokens (RFC 9068) and ID tokens (OpenID Connect Core, section 2).
//!
//! Exactly one company stands in each, with the role that the person has there at this moment.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::domain::house::House;
use crate::domain::keys::{self, Kind};
use crate::model::client::Client;
use crate::model::error::Result;
use crate::model::id::{CompanyId, GrantId};
use crate::model::scope::Scopes;
use crate::model::secret::random;
use crate::storage::grant::Living;

/// The `jti` of an access token: the grant, then 128 random bits.
fn jti(grant: GrantId) -> String {
    format!("{grant}.{}", B64.encode(random::<16>()))
}

/// The grant that an access token's `jti` names.
pub fn grant_of(jti: &str) -> Option<GrantId> {
    jti.split_once('.').and_then(|(grant, _)| grant.parse().ok())
}

/// An access token for a person. `scopes` is what this one carries: the grant's, or fewer.
pub async fn access_token(house: &House, now: OffsetDateTime, granted: &Living, scopes: &Scopes) -> Result<String> {
    let claims = json!({
        "iss": house.settings.issuer,
        "sub": granted.account,
        "aud": granted.audience,
        "client_id": granted.client_id,
        "iat": now.unix_timestamp(),
        "nbf": now.unix_timestamp(),
        "exp": (now + house.settings.access_token_lifetime).unix_timestamp(),
        "jti": jti(granted.id),
        "sid": granted.login,
        "scope": scopes.to_string(),
        "auth_time": granted.auth_time.unix_timestamp(),
        "acr": granted.acr,
        "amr": granted.amr,
        "company_id": granted.company,
        "company": granted.company_slug,
        "roles": [granted.role],
    });
    keys::sign(house, now, Kind::AccessToken, object(claims)).await
}

/// An access token for a client that speaks for itself (RFC 6749, section 4.4), in one company, without a role: it is nobody.
pub async fn client_token(
    house: &House,
    now: OffsetDateTime,
    client: &Client,
    (company, slug): (CompanyId, &str),
    scopes: &Scopes,
) -> Result<String> {
    let claims = json!({
        "iss": house.settings.issuer,
        "sub": client.id,
        "aud": house.settings.issuer,
        "client_id": client.id,
        "iat": now.unix_timestamp(),
        "nbf": now.unix_timestamp(),
        "exp": (now + house.settings.access_token_lifetime).unix_timestamp(),
        "jti": B64.encode(random::<16>()),
        "scope": scopes.to_string(),
        "company_id": company,
        "company": slug,
        "roles": [],
    });
    keys::sign(house, now, Kind::AccessToken, object(claims)).await
}

/// An ID token, bound to the access token that goes with it by `at_hash` (OpenID Connect Core, section 3.1.3.6).
/// `more` holds what scopes and the claims request add, and the nonce.
pub async fn id_token(
    house: &House,
    now: OffsetDateTime,
    granted: &Living,
    access_token: &str,
    more: Map<String, Value>,
) -> Result<String> {
    let mut claims = more;
    claims.extend(object(json!({
        "iss": house.settings.issuer,
        "sub": granted.account,
        "aud": granted.client_id,
        "azp": granted.client_id,
        "iat": now.unix_timestamp(),
        "exp": (now + house.settings.access_token_lifetime).unix_timestamp(),
        "auth_time": granted.auth_time.unix_timestamp(),
        "acr": granted.acr,
        "amr": granted.amr,
        "at_hash": left_half(access_token),
        "sid": granted.login,
        "company_id": granted.company,
        "company": granted.company_slug,
        "roles": [granted.role],
    })));
    keys::sign(house, now, Kind::IdToken, claims).await
}

/// Base64url of the left half of the SHA-256 of a token.
fn left_half(token: &str) -> String {
    let digest = openssl::sha::sha256(token.as_bytes());
    B64.encode(digest.get(..16).unwrap_or_default())
}

/// `expires_in` of an access token, in seconds (RFC 6749, section 5.1).
pub fn expires_in(house: &House) -> i64 {
    house.settings.access_token_lifetime.whole_seconds()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
