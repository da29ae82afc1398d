//! The public keys of clients: inline, or fetched from where they publish them and kept for a few minutes on each node.
//!
//! A key that a client rotated in is found at once: whatever no known key has signed has the keys fetched anew, but not again
//! and again. Symmetric and private keys are never used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use josekit::jwk::Jwk;
use josekit::jwt;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};
use url::Url;

use crate::domain::house::House;
use crate::domain::{ed25519, keys};
use crate::model::client::{Client, registration};
use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::jose::{ED25519, KeyManagement, SigningAlgorithm};

/// How long fetched keys are used.
const LIVE: Duration = Duration::minutes(5);
/// How long a set of keys rests between two fetches that unknown signatures ask for.
const REST: Duration = Duration::seconds(5);
/// Sets that a node remembers.
const SETS: usize = 1000;
/// Keys of one set that are looked at.
const KEYS: usize = 50;

/// Keys of clients as this node last fetched them, by their URL.
#[derive(Debug, Default)]
pub struct ClientKeys {
    sets: Mutex<HashMap<String, Arc<Place>>>,
}

/// One URL. Whoever fetches holds the lock, so that many requests at once fetch once.
#[derive(Debug, Default)]
struct Place {
    fetched: tokio::sync::Mutex<Fetched>,
}

#[derive(Debug, Default)]
struct Fetched {
    /// When it was last tried.
    tried: Option<OffsetDateTime>,
    /// When it was last tried because no known key suited.
    missed: Option<OffsetDateTime>,
    keys: Arc<Vec<Jwk>>,
}

/// Why keys are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// To begin with.
    Any,
    /// None of those that were known suits.
    Newer,
}

/// The claims of a JWT that the client signed with a key of its own and one of these algorithms, whatever the claims say.
/// `None` for anything else.
pub async fn verify(
    house: &House,
    cx: &Context,
    client: &Client,
    jwt: &str,
    allowed: &[SigningAlgorithm],
) -> Result<Option<Map<String, Value>>> {
    let Some(header) = Header::read(jwt).filter(|header| allowed.contains(&header.algorithm)) else { return Ok(None) };
    Ok(found(house, cx, client, |keys| keys.iter().find_map(|key| header.opened_with(key, jwt))).await)
}

/// The key to encrypt to for this client. `None` where it has none that suits.
pub async fn encryption_key(
    house: &House,
    cx: &Context,
    client: &Client,
    management: KeyManagement,
) -> Result<Option<Jwk>> {
    let chosen = |keys: &[Jwk]| {
        let mut suiting = keys.iter().filter(|key| encrypts(key, management));
        let first = suiting.clone().find(|key| key.key_use() == Some("enc"));
        first.or_else(|| suiting.next()).cloned()
    };
    Ok(found(house, cx, client, chosen).await)
}

/// The public keys that `wanted` finds something with: those that are known, and where that is nothing, those of this moment.
pub async fn found<T>(house: &House, cx: &Context, client: &Client, wanted: impl Fn(&[Jwk]) -> Option<T>) -> Option<T> {
    if let Some(jwks) = &client.metadata.jwks {
        return wanted(&read(jwks));
    }
    let url = client.metadata.jwks_uri.as_deref()?;
    let (keys, fresh) = published(house, cx.now, url, Need::Any).await;
    if let Some(found) = wanted(&keys) {
        return Some(found);
    }
    if fresh == Fresh::Now {
        return None;
    }
    // Where another request had them fetched meanwhile, nothing is fetched, and yet they are newer.
    wanted(&published(house, cx.now, url, Need::Newer).await.0)
}

/// When keys were fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fresh {
    Now,
    Earlier,
}

async fn published(house: &House, now: OffsetDateTime, url: &str, need: Need) -> (Arc<Vec<Jwk>>, Fresh) {
    let place = house.client_keys.place(url, now);
    let mut fetched = place.fetched.lock().await;
    let rested = |last: Option<OffsetDateTime>| last.is_none_or(|at| now - at >= REST);
    let due = match need {
        Need::Any => {
            fetched.tried.is_none_or(|at| now - at >= LIVE) || (fetched.keys.is_empty() && rested(fetched.tried))
        }
        Need::Newer => rested(fetched.missed),
    };
    if !due {
        return (Arc::clone(&fetched.keys), Fresh::Earlier);
    }
    if need == Need::Newer {
        fetched.missed = Some(now);
    }
    let expired = fetched.tried.is_none_or(|at| now - at >= LIVE);
    fetched.tried = Some(now);
    match fetch(house, url).await {
        Ok(keys) => fetched.keys = Arc::new(keys),
        Err(why) => {
            tracing::info!(url, why, "keys of a client were not fetched");
            if expired {
                fetched.keys = Arc::default();
            }
        }
    }
    (Arc::clone(&fetched.keys), Fresh::Now)
}

async fn fetch(house: &House, url: &str) -> std::result::Result<Vec<Jwk>, String> {
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    let body = house.guarded.get(&url).await.map_err(|error| error.to_string())?;
    let jwks: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    Ok(read(&jwks))
}

impl ClientKeys {
    fn place(&self, url: &str, now: OffsetDateTime) -> Arc<Place> {
        let mut sets = self.sets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(place) = sets.get(url) {
            return Arc::clone(place);
        }
        if sets.len() >= SETS {
            make_room(&mut sets, now);
        }
        let place = Arc::<Place>::default();
        sets.insert(url.to_owned(), Arc::clone(&place));
        place
    }
}

/// Forgets what has expired; where that is nothing, the set that was fetched first.
fn make_room(sets: &mut HashMap<String, Arc<Place>>, now: OffsetDateTime) {
    let fetched_at = |place: &Place| place.fetched.try_lock().ok().and_then(|fetched| fetched.tried);
    sets.retain(|_, place| fetched_at(place).is_none_or(|at| now - at < LIVE));
    if sets.len() >= SETS {
        let oldest = sets.iter().min_by_key(|(_, place)| fetched_at(place).unwrap_or(now)).map(|(url, _)| url.clone());
        sets.remove(&oldest.unwrap_or_default());
    }
}

/// The keys of a JWK set (RFC 7517, section 5) that are public ones of a pair. What cannot be read is passed over.
fn read(jwks: &Value) -> Vec<Jwk> {
    let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let public = keys.iter().filter_map(Value::as_object).filter(|key| {
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"].iter().any(|name| key.contains_key(*name));
        !private && ["RSA", "EC", "OKP"].iter().any(|kind| key.get("kty").and_then(Value::as_str) == Some(kind))
    });
    // As small as what is registered inline: larger ones make checking slow, and other members fill the memory.
    let kept = public.filter_map(|key| registration::public_key(&Value::Object(key.clone())).ok());
    kept.filter_map(|key| Jwk::from_map(key.as_object()?.clone()).ok()).take(KEYS).collect()
}

/// Whether a key is there to encrypt to: `use`, `key_ops` and `alg` allow it where they are there.
fn encrypts(key: &Jwk, management: KeyManagement) -> bool {
    let curve = key.parameter("crv").and_then(Value::as_str);
    let kind = match management {
        KeyManagement::RsaOaep256 => key.key_type() == "RSA",
        KeyManagement::EcdhEs => match key.key_type() {
            "EC" => curve.is_some_and(|curve| ["P-256", "P-384", "P-521"].contains(&curve)),
            "OKP" => curve == Some("X25519"),
            _ => false,
        },
    };
    let operations = ["wrapKey", "encrypt", "deriveKey", "deriveBits"];
    kind && key.key_use().is_none_or(|purpose| purpose == "enc")
        && key.algorithm().is_none_or(|algorithm| algorithm == management.as_str())
        && (key.parameter("key_ops").is_none() || operations.iter().any(|name| key.is_for_key_operation(name)))
}

/// What the header of a JWT says of its signature.
struct Header {
    algorithm: SigningAlgorithm,
    /// Whether it calls the algorithm as RFC 9864 does.
    renamed: bool,
    kid: Option<String>,
}

impl Header {
    fn read(jwt: &str) -> Option<Self> {
        let header = jwt::decode_header(jwt).ok()?;
        let name = header.claim("alg")?.as_str()?;
        let algorithm = SigningAlgorithm::in_header(name)?;
        let kid = match header.claim("kid") {
            None => None,
            Some(kid) => Some(kid.as_str()?.to_owned()),
        };
        Some(Self { algorithm, renamed: name == ED25519, kid })
    }

    /// The claims, where this key signed them. Where the header names a key, only that one will do, or one without a name.
    fn opened_with(&self, key: &Jwk, jwt: &str) -> Option<Map<String, Value>> {
        if self.kid.is_some() && key.key_id().is_some() && key.key_id() != self.kid.as_deref() {
            return None;
        }
        // EdDSA is Ed25519 here (RFC 8037 has Ed448 too).
        if self.algorithm == SigningAlgorithm::EdDsa && key.parameter("crv").and_then(Value::as_str) != Some("Ed25519")
        {
            return None;
        }
        // Named keys verify named signatures only; which key it is was decided above.
        let mut key = key.clone();
        key.set_parameter("kid", None).ok()?;
        let verifier = if self.renamed {
            Box::new(ed25519::Verifier::new(&key).ok()?)
        } else {
            keys::verifier(self.algorithm, &key).ok()?
        };
        Some(jwt::decode_with_verifier(jwt, verifier.as_ref()).ok()?.0.claims_set().clone())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
    use josekit::jwk::alg::ec::{EcCurve, EcKeyPair};
    use josekit::jwk::alg::ed::{EdCurve, EdKeyPair};
    use josekit::jws::{ES256, HS256, JwsHeader};
    use josekit::jwt::JwtPayload;
    use serde_json::json;

    use super::*;

    fn signed(pair: &EcKeyPair, kid: Option<&str>) -> String {
        let mut header = JwsHeader::new();
        if let Some(kid) = kid {
            header.set_key_id(kid);
        }
        jwt::encode_with_signer(
            &JwtPayload::new(),
            &header,
            &ES256.signer_from_jwk(&pair.to_jwk_private_key()).unwrap(),
        )
        .unwrap()
    }

    fn public(pair: &EcKeyPair, more: &Value) -> Value {
        let mut jwk = pair.to_jwk_public_key().as_ref().clone();
        jwk.extend(more.as_object().unwrap().clone());
        Value::Object(jwk)
    }

    fn opens(jwk: &Value, jwt: &str) -> bool {
        let keys = read(&json!({ "keys": [jwk] }));
        Header::read(jwt).is_some_and(|header| keys.iter().any(|key| header.opened_with(key, jwt).is_some()))
    }

    #[test]
    fn names_of_keys_must_agree_only_where_both_have_one() {
        let pair = EcKeyPair::generate(EcCurve::P256).unwrap();
        let (bare, named) = (signed(&pair, None), signed(&pair, Some("one")));
        // Behaviour 54.
        for (jwk, jwt, good) in [
            (json!({}), &bare, true),
            (json!({}), &named, true),
            (json!({ "kid": "one" }), &bare, true),
            (json!({ "kid": "one" }), &named, true),
            (json!({ "kid": "two" }), &named, false),
        ] {
            assert_eq!(opens(&public(&pair, &jwk), jwt), good, "{jwk}");
        }
    }

    #[test]
    fn what_a_key_says_of_its_use_is_heeded() {
        let pair = EcKeyPair::generate(EcCurve::P256).unwrap();
        let jwt = signed(&pair, None);
        for (jwk, good) in [
            (json!({ "use": "sig", "alg": "ES256", "key_ops": ["verify"] }), true),
            (json!({ "use": "enc" }), false),
            (json!({ "alg": "ES384" }), false),
            (json!({ "key_ops": ["encrypt"] }), false),
        ] {
            assert_eq!(opens(&public(&pair, &jwk), &jwt), good, "{jwk}");
        }
    }

    #[test]
    fn symmetric_and_private_keys_are_not_keys_of_a_client() {
        let pair = EcKeyPair::generate(EcCurve::P256).unwrap();
        let jwt = signed(&pair, None);
        let private = Value::Object(pair.to_jwk_private_key().as_ref().clone());
        assert!(!opens(&private, &jwt));
        let secret = b"0123456789abcdef0123456789abcdef";
        let signer = HS256.signer_from_bytes(secret).unwrap();
        let forged = jwt::encode_with_signer(&JwtPayload::new(), &JwsHeader::new(), &signer).unwrap();
        assert!(!opens(&json!({ "kty": "oct", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY" }), &forged));
        assert!(!opens(&public(&pair, &json!({})), &forged));
        let unsigned = jwt::encode_unsecured(&JwtPayload::new(), &JwsHeader::new()).unwrap();
        assert!(!opens(&public(&pair, &json!({})), &unsigned));
    }

    #[test]
    fn of_fetched_keys_only_those_of_a_sane_size_and_what_makes_them_are_kept() {
        let rsa = |n: usize, e: usize| {
            let member = |length: usize| B64.encode(vec![0xff; length]);
            json!({ "keys": [{ "kty": "RSA", "n": member(n), "e": member(e), "junk": "x".repeat(1000) }] })
        };
        for (n, e, good) in [(256, 3, 1), (1024, 3, 1), (2048, 3, 0), (128, 3, 0), (256, 256, 0)] {
            let keys = read(&rsa(n, e));
            assert_eq!(keys.len(), good, "{n} {e}");
            assert!(keys.iter().all(|key| key.parameter("junk").is_none()));
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_key() {
        for jwks in
            [json!(null), json!([]), json!({ "keys": 1 }), json!({ "keys": [1, {}, { "kty": 1 }, { "kty": "AKP" }] })]
        {
            assert!(read(&jwks).is_empty(), "{jwks}");
        }
        let ed = EdKeyPair::generate(EdCurve::Ed25519).unwrap().to_jwk_public_key();
        assert_eq!(read(&json!({ "keys": [1, ed.as_ref()] })).len(), 1);
    }

    #[test]
    fn a_key_that_encrypts_is_of_the_right_kind_and_meant_for_it() {
        let pair = EcKeyPair::generate(EcCurve::P256).unwrap();
        for (jwk, good) in [
            (json!({}), true),
            (json!({ "use": "enc", "alg": "ECDH-ES", "key_ops": ["deriveKey"] }), true),
            (json!({ "use": "sig" }), false),
            (json!({ "alg": "ECDH-ES+A128KW" }), false),
            (json!({ "key_ops": ["verify"] }), false),
            (json!({ "crv": "secp256k1" }), false),
        ] {
            let keys = read(&json!({ "keys": [public(&pair, &jwk)] }));
            assert_eq!(encrypts(&keys[0], KeyManagement::EcdhEs), good, "{jwk}");
            assert!(!encrypts(&keys[0], KeyManagement::RsaOaep256));
        }
    }

    #[test]
    fn a_node_remembers_no_more_than_so_many_sets() {
        let (kept, now) = (ClientKeys::default(), OffsetDateTime::UNIX_EPOCH);
        for number in 0..SETS + 10 {
            let place = kept.place(&format!("https://app.example/{number}"), now);
            place.fetched.try_lock().unwrap().tried =
                Some(now + Duration::milliseconds(i64::try_from(number).unwrap()));
        }
        let sets = kept.sets.lock().unwrap();
        assert_eq!(sets.len(), SETS);
        assert!(
            sets.contains_key(&format!("https://app.example/{}", SETS + 9))
                && !sets.contains_key("https://app.example/0")
        );
    }
}
