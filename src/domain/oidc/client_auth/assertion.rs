//! `private_key_jwt` and `client_secret_jwt`: a JWT that the client signed, for us, good once (RFC 7523, sections 2.2 and 3;
//! OpenID Connect Core, section 9).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use josekit::jws::{HS256, HS384, HS512};
use josekit::jwt;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::refused;
use crate::domain::house::House;
use crate::domain::oidc::client_keys;
use crate::model::client::{AudienceRule, AuthMethod, Client};
use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::jose::{SigningAlgorithm, numeric_date};
use crate::model::secret::Digest;
use crate::storage::replay;

/// The one `client_assertion_type`.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What `client_secret_jwt` may be signed with.
pub const SYMMETRIC: [&str; 3] = ["HS256", "HS384", "HS512"];
/// How far the client's clock may be ahead of ours.
const AHEAD: Duration = Duration::seconds(10);
/// Clocks of our own nodes: one that is late must not take what one that is early has forgotten.
const MARGIN: Duration = Duration::minutes(1);
/// How long an assertion may live, and so how long it is remembered.
const LIVES: Duration = Duration::hours(1);

/// The `sub` of an assertion, unverified: whose keys to look at.
pub fn subject(jwt: &str) -> Option<String> {
    let payload = B64.decode(jwt.split('.').nth(1)?).ok()?;
    let claims: Map<String, Value> = serde_json::from_slice(&payload).ok()?;
    claims.get("sub")?.as_str().map(str::to_owned)
}

/// Checks the assertion of a client at the endpoint of this path, and uses it up.
///
/// # Errors
/// `invalid_client`.
pub async fn check(house: &House, cx: &Context, client: &Client, (jwt, path): (&str, &str)) -> Result<()> {
    let claims = match client.auth_method {
        AuthMethod::SecretJwt => signed_with_secret(house, client, jwt)?,
        _ => client_keys::verify(house, cx, client, jwt, &algorithms(client)).await?,
    };
    let claims = claims.ok_or_else(|| refused("the assertion is not signed with a key of the client"))?;
    let here = Here { issuer: &house.settings.issuer, alias: house.settings.mtls.url.as_deref(), path };
    let (jti, expires_at) = read(client, here, &claims, cx.now)?;
    // RFC 7523, section 3, point 7, made a duty: each works once, on all nodes.
    let digest = Digest::of(format!("client_assertion\0{}\0{jti}", client.id).as_bytes());
    if !replay::first_use(&house.db, &digest, expires_at + MARGIN).await? {
        return Err(refused("the assertion was used before"));
    }
    Ok(())
}

/// Where an assertion is shown.
#[derive(Debug, Clone, Copy)]
pub struct Here<'a> {
    /// The provider's URL.
    pub issuer: &'a str,
    /// What stands before the endpoints' paths for clients with a certificate (RFC 8705, section 5).
    pub alias: Option<&'a str>,
    /// The endpoint's path.
    pub path: &'a str,
}

/// Name and end of an assertion that says what it must at this moment. Nobody is asked here, and no claims make it panic.
///
/// # Errors
/// `invalid_client`.
pub fn read<'a>(
    client: &Client,
    here: Here<'_>,
    claims: &'a Map<String, Value>,
    now: OffsetDateTime,
) -> Result<(&'a str, OffsetDateTime)> {
    // RFC 7523, section 3, points 1 and 2.
    for name in ["iss", "sub"] {
        if claims.get(name).and_then(Value::as_str) != Some(client.id.as_str()) {
            return Err(refused("iss and sub of the assertion must be the client's id"));
        }
    }
    if !is_for_us(here, client, claims) {
        return Err(refused("the assertion is meant for somebody else"));
    }
    let expires_at = lives(claims, now)?;
    let jti = claims.get("jti").and_then(Value::as_str).filter(|jti| !jti.is_empty());
    Ok((jti.ok_or_else(|| refused("the assertion has no jti"))?, expires_at))
}

/// What the client may sign with: what its profile allows, and of that only what it registered.
fn algorithms(client: &Client) -> Vec<SigningAlgorithm> {
    let registered = client.metadata.token_endpoint_auth_signing_alg.as_deref();
    let allowed = client.rules().signing.iter().copied();
    allowed.filter(|algorithm| registered.is_none_or(|only| only == algorithm.as_str())).collect()
}

/// Where the secret of a `client_secret_jwt` client is sealed for.
pub fn sealed_place(client_id: &str) -> String {
    format!("client_secret/{client_id}")
}

fn signed_with_secret(house: &House, client: &Client, jwt: &str) -> Result<Option<Map<String, Value>>> {
    // A client that was given its secret for another method, of which a digest is kept and no more.
    let sealed = client.secret_sealed.as_deref();
    let sealed = sealed.ok_or_else(|| refused("the client's secret is not kept for signatures: give it a new one"))?;
    let secret = house.sealer.open(&sealed_place(&client.id), sealed)?;
    let Ok(header) = jwt::decode_header(jwt) else { return Ok(None) };
    let algorithm = header.claim("alg").and_then(Value::as_str).unwrap_or_default();
    let registered = client.metadata.token_endpoint_auth_signing_alg.as_deref();
    if registered.is_some_and(|only| only != algorithm) {
        return Ok(None);
    }
    let chosen = match algorithm {
        "HS256" => HS256,
        "HS384" => HS384,
        "HS512" => HS512,
        _ => return Ok(None),
    };
    // RFC 7518, section 3.2: a key that is shorter than the hash is refused.
    let Ok(verifier) = chosen.verifier_from_bytes(secret) else { return Ok(None) };
    Ok(jwt::decode_with_verifier(jwt, &verifier).ok().map(|(payload, _)| payload.claims_set().clone()))
}

/// RFC 7523, section 3, point 3.
fn is_for_us(Here { issuer, alias, path }: Here<'_>, client: &Client, claims: &Map<String, Value>) -> bool {
    let audience = claims.get("aud");
    match client.rules().assertion_audience {
        // FAPI 2.0 Security Profile, section 5.3.2.1: one string, so that no other endpoint can be meant too.
        AudienceRule::IssuerOnly => audience.and_then(Value::as_str) == Some(issuer),
        AudienceRule::IssuerOrEndpoint => {
            let bases = [Some(issuer), alias];
            let at = |base: &str, named: &str| {
                named.strip_prefix(base).is_some_and(|rest| ["/oauth2/token", path].contains(&rest))
            };
            let ours = |named: &str| named == issuer || bases.into_iter().flatten().any(|base| at(base, named));
            match audience {
                Some(Value::String(only)) => ours(only),
                Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).any(ours),
                _ => false,
            }
        }
    }
}

/// When the assertion expires, where it is good at this moment (RFC 7523, section 3, points 4 to 6).
fn lives(claims: &Map<String, Value>, now: OffsetDateTime) -> Result<OffsetDateTime> {
    let expires_at = claims.get("exp").and_then(numeric_date).ok_or_else(|| refused("the assertion has no exp"))?;
    if expires_at <= now {
        return Err(refused("the assertion has expired"));
    }
    if expires_at > now + LIVES + AHEAD {
        return Err(refused("the assertion lives for more than an hour"));
    }
    for name in ["nbf", "iat"] {
        let Some(said) = claims.get(name) else { continue };
        if numeric_date(said).is_none_or(|at| at > now + AHEAD) {
            return Err(refused("nbf or iat of the assertion is in the future"));
        }
    }
    Ok(expires_at)
}
