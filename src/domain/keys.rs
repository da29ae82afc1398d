//! Signing keys: made, published, rotated, and used.
//!
//! `next` is published before it signs and `previous` until its last token has expired, so a client with a cached JWKS never
//! sees an unknown `kid`. The `rsa` crate makes keys (RUSTSEC-2023-0071 keeps it from anything more); OpenSSL, through
//! josekit, signs with keys that were parsed once.

use std::sync::{Arc, RwLock};

use josekit::jws::alg::rsassa::{RsassaJwsAlgorithm, RsassaJwsSigner, RsassaJwsVerifier};
use josekit::jws::{JwsHeader, RS256};
use josekit::jwt::{self, JwtPayload};
use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};
use rsa::traits::PublicKeyParts as _;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

use super::house::House;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::secret::Digest;
use crate::storage::signing_key::{self, Row};

const BITS: usize = 2048;
const ALGORITHM: RsassaJwsAlgorithm = RS256;
/// How long a node may work with what it last read.
const FRESH_FOR: Duration = Duration::seconds(2);
/// Clocks of relying parties, and caches on the way.
const MARGIN: Duration = Duration::minutes(5);

/// The keys as this node last read them.
#[derive(Debug, Default)]
pub struct Keyring {
    read: RwLock<Option<Arc<KeySet>>>,
}

/// One reading of the keys.
pub struct KeySet {
    /// When it was read.
    at: OffsetDateTime,
    signer: Option<(String, RsassaJwsSigner)>,
    verifiers: Vec<(String, RsassaJwsVerifier)>,
    jwks: Value,
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySet").field("at", &self.at).finish_non_exhaustive()
    }
}

/// What a JWT of ours is for; its `typ` header (RFC 8725, section 3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RFC 9068.
    AccessToken,
    /// OpenID Connect Core, section 2.
    IdToken,
    /// Between the two steps of a sign-in by API.
    Step,
}

impl Kind {
    fn typ(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken => "JWT",
            Self::Step => "step+jwt",
        }
    }
}

/// The public keys (RFC 7517).
pub async fn jwks(house: &House, now: OffsetDateTime) -> Result<Value> {
    Ok(current(house, now).await?.jwks.clone())
}

/// Signs claims.
pub async fn sign(house: &House, now: OffsetDateTime, kind: Kind, claims: Map<String, Value>) -> Result<String> {
    let keys = current(house, now).await?;
    let (kid, signer) = keys.signer.as_ref().ok_or_else(|| Error::fault("there is no signing key"))?;
    let mut header = JwsHeader::new();
    header.set_token_type(kind.typ());
    header.set_key_id(kid);
    let payload = JwtPayload::from_map(claims).map_err(Error::fault)?;
    jwt::encode_with_signer(&payload, &header, signer).map_err(Error::fault)
}

/// The claims of a token that we signed, of this kind, whatever its times say. `None` for anything else.
pub async fn verify(house: &House, now: OffsetDateTime, kind: Kind, token: &str) -> Result<Option<Map<String, Value>>> {
    let keys = current(house, now).await?;
    let Ok(header) = jwt::decode_header(token) else {
        return Ok(None);
    };
    let text = |name: &str| header.claim(name).and_then(Value::as_str).map(str::to_owned);
    if text("typ").as_deref() != Some(kind.typ()) || text("alg").as_deref() != Some(ALGORITHM.name()) {
        return Ok(None);
    }
    let kid = text("kid").unwrap_or_default();
    let Some((_, verifier)) = keys.verifiers.iter().find(|(known, _)| *known == kid) else {
        return Ok(None);
    };
    Ok(jwt::decode_with_verifier(token, verifier).ok().map(|(payload, _)| payload.claims_set().clone()))
}

/// As [`verify`], for a token that still lives and that this issuer gave.
pub async fn verify_living(
    house: &House,
    now: OffsetDateTime,
    kind: Kind,
    token: &str,
) -> Result<Option<Map<String, Value>>> {
    let claims = verify(house, now, kind, token).await?;
    Ok(claims.filter(|claims| {
        let lives = claims.get("exp").and_then(Value::as_i64).is_some_and(|exp| exp > now.unix_timestamp());
        lives && claims.get("iss").and_then(Value::as_str) == Some(house.settings.issuer.as_str())
    }))
}

async fn current(house: &House, now: OffsetDateTime) -> Result<Arc<KeySet>> {
    let fresh = |keys: &Arc<KeySet>| keys.signer.is_some() && now - keys.at < FRESH_FOR;
    let known = house.keyring.read.read().ok().and_then(|keys| keys.clone()).filter(fresh);
    if let Some(keys) = known {
        return Ok(keys);
    }
    let keys = Arc::new(read(house, now).await?);
    if let Ok(mut place) = house.keyring.read.write() {
        *place = Some(Arc::clone(&keys));
    }
    Ok(keys)
}

async fn read(house: &House, now: OffsetDateTime) -> Result<KeySet> {
    let mut set = KeySet { at: now, signer: None, verifiers: Vec::new(), jwks: Value::Null };
    let mut shown = Vec::new();
    for row in signing_key::all(&house.db).await? {
        if row.state == "previous" && row.retires_at.is_none_or(|at| at < now) {
            continue;
        }
        if row.state == "current" {
            let private = house.sealer.open(&place(&row.kid), &row.private_sealed)?;
            let signer = ALGORITHM.signer_from_der(private).map_err(Error::fault)?;
            set.signer = Some((row.kid.clone(), signer));
        }
        let jwk = josekit::jwk::Jwk::from_map(row.public_jwk.as_object().cloned().unwrap_or_default());
        let verifier = ALGORITHM.verifier_from_jwk(&jwk.map_err(Error::fault)?).map_err(Error::fault)?;
        set.verifiers.push((row.kid, verifier));
        shown.push(row.public_jwk);
    }
    set.jwks = json!({ "keys": shown });
    Ok(set)
}

fn place(kid: &str) -> String {
    format!("signing_key/{kid}")
}

/// Makes what is missing of current and next. For the start of a server and for the rotation job; safe on many nodes.
pub async fn ensure(house: &House, cx: &Context) -> Result<()> {
    let rows = signing_key::all(&house.db).await?;
    if ["current", "next"].iter().all(|state| rows.iter().any(|row| row.state == *state)) {
        return Ok(());
    }
    let mut tx = house.db.platform().await?;
    signing_key::lock(&mut tx).await?;
    let rows = signing_key::all_locked(&mut tx).await?;
    for state in ["current", "next"] {
        if !rows.iter().any(|row| row.state == state) {
            let row = make(house, cx.now, state).await?;
            signing_key::insert(&mut tx, &row).await?;
        }
    }
    tx.commit_unremarkable().await
}

/// Moves the keys on: the one that waited signs, the one that signed is kept until its tokens have expired, and a new one
/// waits. Answers the id of the key that signs now.
pub async fn rotate(house: &House, cx: &Context) -> Result<String> {
    ensure(house, cx).await?;
    let waiting = make(house, cx.now, "next").await?;
    let mut tx = house.db.platform().await?;
    signing_key::lock(&mut tx).await?;
    let retires_at = cx.now + house.settings.access_token_lifetime + MARGIN;
    signing_key::retire_current(&mut tx, ALGORITHM.name(), retires_at).await?;
    let promoted = signing_key::promote_next(&mut tx, ALGORITHM.name(), cx.now).await?;
    let kid = promoted.ok_or_else(|| Error::fault("no key was waiting"))?;
    signing_key::insert(&mut tx, &waiting).await?;
    tx.commit(cx, Event::KeysRotated { kid: kid.clone() }).await?;
    if let Ok(mut known) = house.keyring.read.write() {
        *known = None;
    }
    Ok(kid)
}

/// Rotates when the key that signs is older than the setting says. The next key has then been published long enough.
pub async fn rotate_when_due(house: &House, cx: &Context) -> Result<()> {
    let age = Duration::days(i64::from(house.settings.signing_key_days));
    let rows = signing_key::all(&house.db).await?;
    let due = rows.iter().any(|row| row.state == "current" && row.activated_at.is_none_or(|at| at + age < cx.now));
    if due {
        rotate(house, cx).await?;
    }
    signing_key::forget_retired(&house.db, cx.now).await?;
    Ok(())
}

/// Seals every key anew whose seal was made with an earlier `SECRET_KEY`.
pub async fn reseal(house: &House) -> Result<()> {
    let mut tx = house.db.platform().await?;
    signing_key::lock(&mut tx).await?;
    for row in signing_key::all_locked(&mut tx).await? {
        if house.sealer.is_stale(&row.private_sealed) {
            let private = house.sealer.open(&place(&row.kid), &row.private_sealed)?;
            signing_key::reseal(&mut tx, &row.kid, &house.sealer.seal(&place(&row.kid), &private)?).await?;
        }
    }
    tx.commit_unremarkable().await
}

async fn make(house: &House, now: OffsetDateTime, state: &str) -> Result<Row> {
    // Finding primes takes a while; not on a thread that serves requests.
    let key = tokio::task::spawn_blocking(generate).await.map_err(Error::fault)??;
    let private = key.to_pkcs8_der().map_err(Error::fault)?;
    let public = key.to_public_key();
    let der = public.to_public_key_der().map_err(Error::fault)?;
    let kid = B64.encode(Digest::of(der.as_bytes()).as_bytes());
    let public_jwk = json!({
        "kty": "RSA",
        "use": "sig",
        "alg": ALGORITHM.name(),
        "kid": kid,
        "n": B64.encode(public.n_bytes()),
        "e": B64.encode(public.e_bytes()),
    });
    Ok(Row {
        private_sealed: house.sealer.seal(&place(&kid), private.as_bytes())?,
        kid,
        algorithm: ALGORITHM.name().to_owned(),
        public_jwk,
        state: state.to_owned(),
        created_at: now,
        activated_at: (state == "current").then_some(now),
        retires_at: None,
    })
}

fn generate() -> Result<rsa::PrivateKey> {
    rsa::PrivateKey::new(&mut rsa::rand_core::UnwrapErr(getrandom::SysRng), BITS).map_err(Error::fault)
}
