//! Reads and checks one proof (RFC 9449, section 4.3). Nothing is asked of anybody here: bytes, what is expected and the instant
//! decide, and no bytes make it panic.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};
use url::Url;

use super::key;
use super::nonce::Nonces;
use crate::model::jose::SigningAlgorithm;

/// Bytes of a proof; the longest sane one, with an RSA key of 4096 bits, has half of them.
const LONGEST: usize = 8 * 1024;
/// Characters of `jti`.
const JTI: std::ops::RangeInclusive<usize> = 1..=256;
/// How old a proof may be by the client's clock.
const OLD: Duration = Duration::seconds(60);
/// How old one with a nonce of ours may be: the nonce says when it was made.
const OLD_WITH_NONCE: Duration = Duration::minutes(5);
/// How far ahead the client's clock may be.
const AHEAD: Duration = Duration::seconds(60);

/// What a proof must speak of.
#[derive(Debug)]
pub struct Expected<'a> {
    /// The request's method.
    pub method: &'a str,
    /// The URLs that the endpoint is known by.
    pub urls: &'a [String],
    /// At a resource: the access token that comes with it.
    pub access_token: Option<&'a str>,
    /// The nonces that are good.
    pub nonces: &'a Nonces,
    /// The instant of the request.
    pub now: OffsetDateTime,
}

/// A proof that was checked, but for whether it was used before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The thumbprint of its key (RFC 7638).
    pub jkt: String,
    /// Its name.
    pub jti: String,
    /// How it is signed.
    pub algorithm: SigningAlgorithm,
    /// What says that it is new.
    pub freshness: Freshness,
    /// When it is too old.
    pub good_until: OffsetDateTime,
}

/// What says that a proof is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The client's clock.
    Clock,
    /// A nonce of ours.
    Nonce,
}

/// Why a proof is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It is not what it must be.
    #[error("the DPoP proof {0}")]
    Flawed(&'static str),
    /// It needs a nonce, or another.
    #[error("the DPoP proof must carry the nonce of the header DPoP-Nonce")]
    Nonce,
}

impl ProofError {
    /// The registered code (sections 5, 7.1 and 8).
    pub fn code(self) -> &'static str {
        match self {
            Self::Flawed(_) => "invalid_dpop_proof",
            Self::Nonce => "use_dpop_nonce",
        }
    }
}

/// Checks a proof. The numbers are those of section 4.3.
///
/// # Errors
/// What is wrong with it.
pub fn read(text: &str, expected: &Expected<'_>) -> Result<Proof, ProofError> {
    let flawed = ProofError::Flawed;
    // 2: a single JWT.
    let (head, body, signature) = split(text).ok_or(flawed("is no compact JWS"))?;
    let header = object(head).ok_or(flawed("has a header that cannot be read"))?;
    let claims = object(body).ok_or(flawed("has claims that cannot be read"))?;
    let signature = B64.decode(signature).map_err(|_| flawed("has a signature that cannot be read"))?;
    // 4.
    if header.get("typ").and_then(Value::as_str) != Some("dpop+jwt") {
        return Err(flawed("is not of the type dpop+jwt"));
    }
    // RFC 7515, section 4.1.11: we understand no extension.
    if header.contains_key("crit") {
        return Err(flawed("demands an extension"));
    }
    // 5, 6 and 7: an asymmetric algorithm, and a public key that made the signature.
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(SigningAlgorithm::in_header);
    let algorithm = algorithm.ok_or(flawed("is signed with an algorithm that is not taken"))?;
    let jwk = header.get("jwk").and_then(Value::as_object).ok_or(flawed("has no jwk"))?;
    let (verifier, jkt) = key::read(jwk, algorithm)?;
    let signed = text.rsplit_once('.').map_or("", |(signed, _)| signed);
    verifier.verify(signed.as_bytes(), &signature).map_err(|_| flawed("is not signed by the key that it shows"))?;
    // 3: every claim is there. 8: the method. 9: the address.
    let jti = claims.get("jti").and_then(Value::as_str).filter(|jti| JTI.contains(&jti.len()));
    let jti = jti.ok_or(flawed("has no jti, or one that is too long"))?.to_owned();
    if claims.get("htm").and_then(Value::as_str) != Some(expected.method) {
        return Err(flawed("is for another method"));
    }
    let address = claims.get("htu").and_then(Value::as_str).and_then(address);
    let address = address.ok_or(flawed("has no htu that can be read"))?;
    if !expected.urls.iter().any(|url| self::address(url).as_ref() == Some(&address)) {
        return Err(flawed("is for another address"));
    }
    // 10 and 11: a nonce of ours, and new.
    let freshness = match claims.get("nonce") {
        None => Freshness::Clock,
        Some(Value::String(nonce)) if expected.nonces.knows(nonce, expected.now) => Freshness::Nonce,
        Some(Value::String(_)) => return Err(ProofError::Nonce),
        Some(_) => return Err(flawed("has a nonce that is no text")),
    };
    let iat = claims.get("iat").and_then(Value::as_i64).ok_or(flawed("has no iat in whole seconds"))?;
    let good_until = good_until(iat, freshness, expected.now)?;
    // 12: the token that it comes with. The key is compared by whoever knows what the token is bound to.
    if let Some(token) = expected.access_token {
        let ath = B64.encode(openssl::sha::sha256(token.as_bytes()));
        if claims.get("ath").and_then(Value::as_str) != Some(ath.as_str()) {
            return Err(flawed("is for another access token"));
        }
    }
    Ok(Proof { jkt, jti, algorithm, freshness, good_until })
}

fn split(text: &str) -> Option<(&str, &str, &str)> {
    if text.len() > LONGEST {
        return None;
    }
    let mut parts = text.split('.');
    let found = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(found)
}

fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&B64.decode(part).ok()?).ok()
}

fn good_until(iat: i64, freshness: Freshness, now: OffsetDateTime) -> Result<OffsetDateTime, ProofError> {
    let oldest = match freshness {
        Freshness::Clock => OLD,
        Freshness::Nonce => OLD_WITH_NONCE,
    };
    let age = Duration::seconds(now.unix_timestamp().saturating_sub(iat));
    if age > oldest {
        return Err(ProofError::Flawed("is too old"));
    }
    if age < -AHEAD {
        return Err(ProofError::Flawed("is from the future"));
    }
    Ok(now + (oldest - age))
}

/// An address as RFC 9449 compares it: without query and fragment, in the spelling of RFC 3986, section 6.2.2, default ports left
/// out (section 6.2.3).
fn address(text: &str) -> Option<Url> {
    // The parser forgives what browsers forgive; a proof has no need of it.
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    let mut url = Url::parse(text).ok().filter(|url| url.has_host() && url.username().is_empty())?;
    if url.password().is_some() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}
