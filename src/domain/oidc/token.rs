//! The one place where tokens are minted: access tokens (RFC 9068) and ID tokens (OpenID Connect Core, section 2).
//!
//! Exactly one company stands in each, with the role that the person has there at this moment.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use super::binding;
use super::encrypt;
use crate::domain::house::House;
use crate::domain::keys::{self, Kind};
use crate::model::client::Client;
use crate::model::context::Context;
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

/// What an access token is given for.
#[derive(Debug, Clone)]
pub struct AccessRights {
    /// What this one carries: the grant's scopes, or fewer.
    pub scopes: Scopes,
    /// Whom it is for: one resource, or several (RFC 9068, section 3).
    pub audience: Vec<String>,
    /// How long it lives.
    pub lifetime: Duration,
    /// RFC 7800 `cnf`: the key or certificate that it is bound to.
    pub confirmation: Option<Value>,
    /// RFC 9396.
    pub authorization_details: Option<Value>,
}

impl AccessRights {
    /// All that a grant gives, bound as the grant is.
    pub fn of(house: &House, granted: &Living, scopes: Scopes) -> Self {
        Self {
            scopes,
            audience: vec![granted.audience.clone()],
            lifetime: house.settings.access_token_lifetime,
            confirmation: granted.confirmation.clone(),
            authorization_details: granted.authorization_details.clone(),
        }
    }

    /// RFC 6749, section 5.1; RFC 9449, section 5.
    pub fn token_type(&self) -> &'static str {
        binding::token_type(self.confirmation.as_ref())
    }

    fn add_to(&self, claims: &mut Map<String, Value>, now: OffsetDateTime) {
        let audience = match self.audience.as_slice() {
            [only] => json!(only),
            several => json!(several),
        };
        claims.insert("aud".to_owned(), audience);
        claims.insert("scope".to_owned(), json!(self.scopes.to_string()));
        claims.insert("exp".to_owned(), json!((now + self.lifetime).unix_timestamp()));
        claims.extend(self.confirmation.clone().map(|cnf| ("cnf".to_owned(), cnf)));
        claims.extend(self.authorization_details.clone().map(|details| ("authorization_details".to_owned(), details)));
    }
}

/// An access token for a person.
pub async fn access_token(
    house: &House,
    now: OffsetDateTime,
    client: &Client,
    granted: &Living,
    rights: &AccessRights,
) -> Result<String> {
    let mut claims = object(json!({
        "iss": house.settings.issuer,
        "sub": granted.sub(),
        "client_id": granted.client_id,
        "iat": now.unix_timestamp(),
        "nbf": now.unix_timestamp(),
        "jti": jti(granted.id),
        "sid": granted.login,
        "auth_time": granted.auth_time.unix_timestamp(),
        "acr": granted.acr,
        "amr": granted.amr,
        "company_id": granted.company,
        "company": granted.company_slug,
        "roles": [granted.role],
    }));
    rights.add_to(&mut claims, now);
    keys::sign(house, now, (Kind::AccessToken, client.metadata.id_token_signed_response_alg), claims).await
}

/// An access token for a client that speaks for itself (RFC 6749, section 4.4), in one company, without a role: it is nobody.
pub async fn client_token(
    house: &House,
    now: OffsetDateTime,
    client: &Client,
    (company, slug): (CompanyId, &str),
    rights: &AccessRights,
) -> Result<String> {
    let mut claims = object(json!({
        "iss": house.settings.issuer,
        "sub": client.id,
        "client_id": client.id,
        "iat": now.unix_timestamp(),
        "nbf": now.unix_timestamp(),
        "jti": B64.encode(random::<16>()),
        "company_id": company,
        "company": slug,
        "roles": [],
    }));
    rights.add_to(&mut claims, now);
    keys::sign(house, now, (Kind::AccessToken, client.metadata.id_token_signed_response_alg), claims).await
}

/// What an ID token is bound to (OpenID Connect Core, sections 3.1.3.6 and 3.3.2.11).
#[derive(Debug, Clone, Copy, Default)]
pub struct Bound<'a> {
    /// `at_hash`
    pub access_token: Option<&'a str>,
    /// `c_hash`
    pub code: Option<&'a str>,
    /// `s_hash` (FAPI)
    pub state: Option<&'a str>,
}

/// An ID token, encrypted where the client wants it so. `more` holds what scopes and the claims request add, and the nonce.
///
/// # Errors
/// `invalid_request` where it cannot be encrypted.
pub async fn id_token(
    house: &House,
    cx: &Context,
    client: &Client,
    granted: &Living,
    (bound, more): (Bound<'_>, Map<String, Value>),
) -> Result<String> {
    let now = cx.now;
    let mut claims = more;
    claims.extend(object(json!({
        "iss": house.settings.issuer,
        "sub": granted.sub(),
        "aud": granted.client_id,
        "azp": granted.client_id,
        "iat": now.unix_timestamp(),
        "exp": (now + house.settings.access_token_lifetime).unix_timestamp(),
        "auth_time": granted.auth_time.unix_timestamp(),
        "acr": granted.acr,
        "amr": granted.amr,
        "sid": granted.login,
        "company_id": granted.company,
        "company": granted.company_slug,
        "roles": [granted.role],
    })));
    for (name, what) in [("at_hash", bound.access_token), ("c_hash", bound.code), ("s_hash", bound.state)] {
        claims.extend(what.map(|what| (name.to_owned(), json!(left_half(what)))));
    }
    let signed = keys::sign(house, now, (Kind::IdToken, client.metadata.id_token_signed_response_alg), claims).await?;
    match client.metadata.id_token_encrypted_response_alg {
        Some(management) => encrypt::to_client(house, cx, client, management, &signed).await,
        None => Ok(signed),
    }
}

/// Base64url of the left half of the SHA-256 of a token: every algorithm of ours hashes with it, but for Ed25519.
fn left_half(token: &str) -> String {
    let digest = openssl::sha::sha256(token.as_bytes());
    B64.encode(digest.get(..16).unwrap_or_default())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
