//! Request objects (RFC 9101; OpenID Connect Core, section 6): an authorization request that the client signed, sent along or
//! fetched from where the client registered. An unsigned one proves nothing and is refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::client_keys;
use crate::domain::house::House;
use crate::model::client::{Client, RequestRule};
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::jose::{SigningAlgorithm, numeric_date};
use crate::model::params::Params;

/// How far clocks may stand apart.
const LEEWAY: Duration = Duration::seconds(10);
/// FAPI 2.0 Message Signing, section 5.3.1: how old an object may be, and how long it may live.
const LONGEST_LIFE: Duration = Duration::hours(1);

fn invalid(why: &'static str) -> Error {
    Error::oauth("invalid_request_object", why)
}

/// The parameters of a request, those of its object first. Without an object they are as they came.
///
/// # Errors
/// `invalid_request_object`, `invalid_request_uri`; `request_not_supported` and `request_uri_not_supported` for an object without
/// a signature; `invalid_request` where the client must sign and did not.
pub async fn resolve(house: &House, cx: &Context, client: &Client, outer: &Params) -> Result<Params> {
    let (jwt, unsigned) = match (outer.get("request"), outer.get("request_uri")) {
        (Some(_), Some(_)) => {
            return Err(Error::oauth("invalid_request", "request and request_uri cannot stand beside each other"));
        }
        (Some(jwt), None) => (jwt.to_owned(), "request_not_supported"),
        (None, Some(uri)) => (fetch(house, client, uri).await?, "request_uri_not_supported"),
        (None, None) if client.metadata.require_signed_request_object => {
            return Err(Error::oauth("invalid_request", "this client's requests must be signed (RFC 9101)"));
        }
        (None, None) => return Ok(outer.clone()),
    };
    if algorithm(&jwt).as_deref() == Some("none") {
        return Err(Error::oauth(unsigned, "a request object without a signature is not supported"));
    }
    let claims = client_keys::verify(house, cx, client, &jwt, &allowed(client)).await?;
    let claims = claims.ok_or_else(|| invalid("the request object is not signed by a key of the client"))?;
    beside(client, outer, &read(client, &house.settings.issuer, claims, cx.now)?)
}

/// The parameters of an object whose signature is good. Nobody is asked here, and no claims make it panic.
///
/// # Errors
/// `invalid_request_object`.
pub fn read(client: &Client, issuer: &str, claims: Map<String, Value>, now: OffsetDateTime) -> Result<Params> {
    meant_for_us(issuer, now, client, &claims)?;
    let inner = parameters(claims)?;
    if inner.get("client_id").is_some_and(|named| named != client.id) {
        return Err(invalid("the request object names another client"));
    }
    if inner.get("request").is_some() || inner.get("request_uri").is_some() {
        return Err(invalid("a request object cannot hold another"));
    }
    let id: Params = [("client_id".to_owned(), client.id.clone())].into_iter().collect();
    Ok(id.over(&inner))
}

/// What counts of an object and of the parameters beside it.
fn beside(client: &Client, outer: &Params, inner: &Params) -> Result<Params> {
    if client.metadata.require_signed_request_object || client.rules().requests == RequestRule::PushedOnly {
        // RFC 9101, section 6.3: what is not signed does not count.
        return Ok(inner.clone());
    }
    // OpenID Connect Core, section 6.1: what both say must agree.
    if ["response_type", "client_id"]
        .iter()
        .any(|name| outer.get(name).zip(inner.get(name)).is_some_and(|(beside, inside)| beside != inside))
    {
        return Err(invalid("the request object says otherwise than the parameters beside it"));
    }
    let beside = outer.pairs().filter(|(name, _)| *name != "request" && *name != "request_uri");
    let beside: Params = beside.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(inner.clone().over(&beside))
}

fn allowed(client: &Client) -> Vec<SigningAlgorithm> {
    let signing = client.rules().signing;
    match client.metadata.request_object_signing_alg.as_deref() {
        Some(name) => SigningAlgorithm::read(name).into_iter().filter(|one| signing.contains(one)).collect(),
        None => signing.to_vec(),
    }
}

fn algorithm(jwt: &str) -> Option<String> {
    let header = josekit::jwt::decode_header(jwt).ok()?;
    header.claim("alg").and_then(Value::as_str).map(str::to_owned)
}

/// OpenID Connect Core, section 6.2: only from where the client registered; the fragment is the client's own matter.
async fn fetch(house: &House, client: &Client, uri: &str) -> Result<String> {
    let bad = |why: &'static str| Error::oauth("invalid_request_uri", why);
    let bare = |uri: &str| uri.split('#').next().unwrap_or_default().to_owned();
    if !client.metadata.request_uris.iter().any(|known| known == uri || bare(known) == bare(uri)) {
        return Err(bad("the request_uri is not one that the client registered"));
    }
    let url = url::Url::parse(&bare(uri)).map_err(|_| bad("the request_uri is no URL"))?;
    let body = house.guarded.get(&url).await.map_err(|error| {
        tracing::info!(client = %client.id, %error, "a request object could not be fetched");
        bad("the request object could not be fetched")
    })?;
    let text = String::from_utf8(body).map_err(|_| bad("the request object is no text"))?;
    Ok(text.trim().to_owned())
}

/// RFC 9101, section 4, and RFC 7519, section 4.1. Profile `high` needs every one of these claims (FAPI 2.0 Message Signing,
/// section 5.3.1).
fn meant_for_us(issuer: &str, now: OffsetDateTime, client: &Client, claims: &Map<String, Value>) -> Result<()> {
    let strict = client.rules().requests == RequestRule::PushedOnly;
    let holds = match claims.get("aud") {
        Some(Value::String(aud)) => aud == issuer,
        Some(Value::Array(several)) => several.iter().any(|aud| aud == issuer),
        Some(_) => false,
        None => !strict,
    };
    if !holds {
        return Err(invalid("the request object is not meant for this issuer"));
    }
    match claims.get("iss") {
        None if !strict => {}
        Some(Value::String(iss)) if *iss == client.id => {}
        _ => return Err(invalid("the issuer of the request object is not the client")),
    }
    // RFC 9101, section 10.8: it could be taken for a client assertion.
    if claims.get("sub").and_then(Value::as_str) == Some(client.id.as_str()) {
        return Err(invalid("the request object has the client as its subject"));
    }
    let time = |name: &str| {
        let read = |value| numeric_date(value).ok_or_else(|| invalid("a time of the request object is no instant"));
        claims.get(name).map(read).transpose()
    };
    let (exp, nbf, iat) = (time("exp")?, time("nbf")?, time("iat")?);
    if exp.is_some_and(|exp| exp <= now) {
        return Err(invalid("the request object has expired"));
    }
    if nbf.or(iat).is_some_and(|begin| begin > now + LEEWAY) {
        return Err(invalid("the request object is not good yet"));
    }
    if strict {
        let nbf = nbf.ok_or_else(|| invalid("the request object has no nbf"))?;
        let exp = exp.ok_or_else(|| invalid("the request object has no exp"))?;
        if now - nbf > LONGEST_LIFE || exp - nbf > LONGEST_LIFE {
            return Err(invalid("the request object lives longer than an hour"));
        }
    }
    Ok(())
}

/// The claims as parameters: text as it is, numbers in digits, objects as JSON, lists for what may come several times.
fn parameters(claims: Map<String, Value>) -> Result<Params> {
    let standing = ["iss", "aud", "exp", "nbf", "iat", "jti", "sub"];
    let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in claims.into_iter().filter(|(name, _)| !standing.contains(&name.as_str())) {
        let values = match value {
            Value::Null => continue,
            Value::String(text) => vec![text],
            Value::Array(list) if name == "resource" => {
                list.into_iter().filter_map(|one| one.as_str().map(str::to_owned)).collect()
            }
            other => vec![other.to_string()],
        };
        if name.contains('\0') || values.iter().any(|value| value.contains('\0')) {
            return Err(invalid("a parameter holds a NUL character"));
        }
        pairs.insert(name, values);
    }
    Ok(pairs
        .into_iter()
        .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)))
        .collect())
}
