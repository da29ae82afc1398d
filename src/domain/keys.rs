//! Signing keys: made, published, rotated, and used.
//!
//! `next` is published before it signs and `previous` until its last token has expired, so a client with a cached JWKS never
//! sees an unknown `kid`. Every algorithm has keys of its own, and all of them rotate alike. The `rsa` crate makes RSA keys
//! (RUSTSEC-2023-0071 keeps it from anything more); OpenSSL, through josekit, signs with keys that were parsed once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::{EcCurve, EcKeyPair};
use josekit::jwk::alg::ed::{EdCurve, EdKeyPair};
use josekit::jwk::alg::rsa::RsaKeyPair;
use josekit::jws::{ES256, EdDSA, JwsHeader, JwsSigner, JwsVerifier, PS256, RS256};
use josekit::jwt::{self, JwtPayload};
use rsa::pkcs8::EncodePrivateKey as _;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;
use tokio::time::timeout;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;

use super::ed25519;
use super::house::House;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::jose::SigningAlgorithm;
use crate::model::secret::Digest;
use crate::storage::signing_key::{self, Row};

const BITS: usize = 2048;
/// How long a node may work with what it last read.
const FRESH_FOR: Duration = Duration::seconds(2);
/// How long a request waits for another one to read them.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(250);
/// How many verified tokens are remembered.
const REMEMBERED: usize = 2048;
/// Clocks of relying parties, and caches on the way.
const MARGIN: Duration = Duration::minutes(5);

/// The keys as this node last read them, and what it verified with them.
#[derive(Debug, Default)]
pub struct Keyring {
    read: RwLock<Option<KeySet>>,
    reading: Mutex<()>,
    verified: RwLock<HashMap<[u8; 32], Arc<Verified>>>,
    changes: AtomicU64,
}

/// One reading of the keys.
#[derive(Debug, Clone)]
struct KeySet {
    /// When it was read.
    at: OffsetDateTime,
    keys: Arc<Parsed>,
}

/// Keys that were parsed once, for as long as they stay the same.
struct Parsed {
    /// Their ids and states.
    rows: Vec<(String, String)>,
    signers: Vec<(SigningAlgorithm, String, Box<dyn JwsSigner>)>,
    verifiers: Vec<(SigningAlgorithm, String, Box<dyn JwsVerifier>)>,
    jwks: String,
}

/// A JWT whose signature was good. It stays so for as long as its key counts; what it says is judged anew each time.
#[derive(Debug)]
struct Verified {
    kind: Kind,
    kid: String,
    claims: Claims,
}

/// What a token says, shared by all who read it.
pub type Claims = Arc<Map<String, Value>>;

impl std::fmt::Debug for Parsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parsed").field("rows", &self.rows).finish_non_exhaustive()
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
    /// OpenID Connect Core, section 5.3.2.
    Userinfo,
    /// RFC 9701.
    Introspection,
    /// JARM.
    AuthorizationResponse,
    /// Back-Channel Logout 1.0, section 2.4.
    Logout,
}

impl Kind {
    fn typ(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::IdToken => "JWT",
            Self::Step => "step+jwt",
            Self::Userinfo => "userinfo+jwt",
            Self::Introspection => "token-introspection+jwt",
            Self::AuthorizationResponse => "oauth-authz-resp+jwt",
            Self::Logout => "logout+jwt",
        }
    }
}

/// The public keys (RFC 7517), as JSON.
pub async fn jwks(house: &House, now: OffsetDateTime) -> Result<String> {
    Ok(current(house, now).await?.jwks.clone())
}

/// Signs claims.
#[tracing::instrument(target = "countersign_parts", level = "debug", skip_all)]
pub async fn sign(
    house: &House,
    now: OffsetDateTime,
    (kind, algorithm): (Kind, SigningAlgorithm),
    claims: Map<String, Value>,
) -> Result<String> {
    let keys = current(house, now).await?;
    let found = keys.signers.iter().find(|(of, ..)| *of == algorithm);
    let (_, kid, signer) = found.ok_or_else(|| Error::fault("there is no signing key of this algorithm"))?;
    let mut header = JwsHeader::new();
    header.set_token_type(kind.typ());
    header.set_key_id(kid);
    let payload = JwtPayload::from_map(claims).map_err(Error::fault)?;
    jwt::encode_with_signer(&payload, &header, signer.as_ref()).map_err(Error::fault)
}

/// The claims of a token that we signed, of this kind, whatever its times say. `None` for anything else.
pub async fn verify(house: &House, now: OffsetDateTime, kind: Kind, token: &str) -> Result<Option<Claims>> {
    let keys = current(house, now).await?;
    // Callers show the same token again and again, and its signature does not change.
    let digest = openssl::sha::sha256(token.as_bytes());
    let known = house.keyring.verified.read().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
    if let Some(known) = known
        && keys.verifiers.iter().any(|(_, kid, _)| *kid == known.kid)
    {
        return Ok((known.kind == kind).then(|| Arc::clone(&known.claims)));
    }
    let Some(found) = verify_anew(&keys, kind, token) else { return Ok(None) };
    let claims = Arc::clone(&found.claims);
    let mut verified = house.keyring.verified.write().unwrap_or_else(PoisonError::into_inner);
    if verified.len() >= REMEMBERED {
        verified.clear();
    }
    verified.insert(digest, Arc::new(found));
    Ok(Some(claims))
}

fn verify_anew(keys: &Parsed, kind: Kind, token: &str) -> Option<Verified> {
    let header = jwt::decode_header(token).ok()?;
    let text = |name: &str| header.claim(name).and_then(Value::as_str);
    if text("typ") != Some(kind.typ()) {
        return None;
    }
    let (kid, alg) = (text("kid").unwrap_or_default(), text("alg").unwrap_or_default());
    let named = keys.verifiers.iter().find(|(algorithm, known, _)| *known == kid && algorithm.as_str() == alg);
    let (_, kid, verifier) = named?;
    let (payload, _) = jwt::decode_with_verifier(token, verifier.as_ref()).ok()?;
    Some(Verified { kind, kid: kid.clone(), claims: Arc::new(payload.claims_set().clone()) })
}

/// As [`verify`], for a token that still lives and that this issuer gave.
pub async fn verify_living(house: &House, now: OffsetDateTime, kind: Kind, token: &str) -> Result<Option<Claims>> {
    let claims = verify(house, now, kind, token).await?;
    Ok(claims.filter(|claims| {
        let lives = claims.get("exp").and_then(Value::as_i64).is_some_and(|exp| exp > now.unix_timestamp());
        lives && claims.get("iss").and_then(Value::as_str) == Some(house.settings.issuer.as_str())
    }))
}

async fn current(house: &House, now: OffsetDateTime) -> Result<Arc<Parsed>> {
    let known = house.keyring.known();
    if let Some(keys) = known.as_ref().filter(|keys| keys.is_fresh(now)) {
        return Ok(Arc::clone(&keys.keys));
    }
    // One request reads for all that come meanwhile.
    let turn = timeout(PATIENCE, house.keyring.reading.lock()).await;
    let latest = house.keyring.known();
    match (turn, latest) {
        (_, Some(keys)) if keys.is_fresh(now) => Ok(keys.keys),
        (Ok(_turn), latest) => match (read(house, now).await, latest) {
            (Ok(keys), _) => Ok(keys),
            // Without the database nothing is given or taken anyway; but relying parties may go on with what they hold.
            (Err(_), Some(keys)) => Ok(keys.keys),
            (Err(error), None) => Err(error),
        },
        (Err(_), Some(keys)) => Ok(keys.keys),
        (Err(_), None) => Err(Error::Busy(Duration::seconds(2))),
    }
}

/// Reads the keys, so that no request needs to. For a job.
pub async fn refresh(house: &House) -> Result<()> {
    let _turn = house.keyring.reading.lock().await;
    read(house, house.clock.now()).await.map(drop)
}

impl Keyring {
    fn known(&self) -> Option<KeySet> {
        self.read.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A number that is another one when the keys are others.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn keep(&self, keys: Option<KeySet>) {
        let same = keys.as_ref().zip(self.known()).is_some_and(|(new, old)| Arc::ptr_eq(&new.keys, &old.keys));
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = keys;
        if !same {
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl KeySet {
    fn is_fresh(&self, now: OffsetDateTime) -> bool {
        !self.keys.signers.is_empty() && now - self.at < FRESH_FOR
    }
}

async fn read(house: &House, now: OffsetDateTime) -> Result<Arc<Parsed>> {
    let mut rows = signing_key::all(&house.db).await?;
    rows.retain(|row| row.state != "previous" || row.retires_at.is_some_and(|at| at >= now));
    let known = house.keyring.known().map(|known| known.keys);
    let same = known.filter(|known| {
        known.rows.len() == rows.len()
            && known.rows.iter().zip(&rows).all(|((kid, state), row)| *kid == row.kid && *state == row.state)
    });
    let keys = match same {
        Some(keys) => keys,
        None => Arc::new(parse(house, rows)?),
    };
    house.keyring.keep(Some(KeySet { at: now, keys: Arc::clone(&keys) }));
    Ok(keys)
}

fn parse(house: &House, rows: Vec<Row>) -> Result<Parsed> {
    let names = rows.iter().map(|row| (row.kid.clone(), row.state.clone())).collect();
    let mut keys = Parsed { rows: names, signers: Vec::new(), verifiers: Vec::new(), jwks: String::new() };
    let mut shown = Vec::new();
    for row in rows {
        // A later version may know more algorithms.
        let Some(algorithm) = SigningAlgorithm::read(&row.algorithm) else { continue };
        if row.state == "current" {
            let private = house.sealer.open(&place(&row.kid), &row.private_sealed)?;
            keys.signers.push((algorithm, row.kid.clone(), signer(algorithm, &private)?));
        }
        let jwk = Jwk::from_map(row.public_jwk.as_object().cloned().unwrap_or_default()).map_err(Error::fault)?;
        keys.verifiers.push((algorithm, row.kid, verifier(algorithm, &jwk).map_err(Error::fault)?));
        shown.push(row.public_jwk);
    }
    keys.jwks = json!({ "keys": shown }).to_string();
    Ok(keys)
}

/// Signs with the key of this PKCS#8 DER.
fn signer(algorithm: SigningAlgorithm, private: &[u8]) -> Result<Box<dyn JwsSigner>> {
    let signer: Result<Box<dyn JwsSigner>, _> = match algorithm {
        SigningAlgorithm::Rs256 => RS256.signer_from_der(private).map(|signer| Box::new(signer) as _),
        // josekit takes DER for PSS only where it names PSS; ours names RSA, like the keys of RS256.
        SigningAlgorithm::Ps256 => RsaKeyPair::from_der(private)
            .and_then(|pair| PS256.signer_from_jwk(&pair.to_jwk_private_key()))
            .map(|signer| Box::new(signer) as _),
        SigningAlgorithm::Es256 => ES256.signer_from_der(private).map(|signer| Box::new(signer) as _),
        SigningAlgorithm::EdDsa => EdDSA.signer_from_der(private).map(|signer| Box::new(signer) as _),
    };
    signer.map_err(Error::fault)
}

/// Verifies with a public key, ours or a client's. The key must suit the algorithm.
pub fn verifier(algorithm: SigningAlgorithm, jwk: &Jwk) -> Result<Box<dyn JwsVerifier>, josekit::JoseError> {
    Ok(match algorithm {
        SigningAlgorithm::Rs256 => Box::new(RS256.verifier_from_jwk(jwk)?),
        SigningAlgorithm::Ps256 => Box::new(PS256.verifier_from_jwk(jwk)?),
        SigningAlgorithm::Es256 => Box::new(ES256.verifier_from_jwk(jwk)?),
        SigningAlgorithm::EdDsa => Box::new(ed25519::older_named(jwk)?),
    })
}

/// RFC 7638: names a public key by the members that its type requires, in lexical order. Other members of the map with the names
/// of such members would count, so a stranger's key is stripped to those of its type first.
pub fn thumbprint(jwk: &Map<String, Value>) -> String {
    let members: std::collections::BTreeMap<&String, &Value> =
        jwk.iter().filter(|(name, _)| ["crv", "e", "kty", "n", "x", "y"].contains(&name.as_str())).collect();
    let text = json!(members).to_string();
    B64.encode(Digest::of(text.as_bytes()).as_bytes())
}

fn place(kid: &str) -> String {
    format!("signing_key/{kid}")
}

/// Which keys there must be.
fn wanted() -> impl Iterator<Item = (SigningAlgorithm, &'static str)> {
    SigningAlgorithm::ALL.into_iter().flat_map(|algorithm| ["current", "next"].map(|state| (algorithm, state)))
}

fn is_there(rows: &[Row], (algorithm, state): (SigningAlgorithm, &str)) -> bool {
    rows.iter().any(|row| row.algorithm == algorithm.as_str() && row.state == state)
}

/// Makes what is missing of current and next. For the start of a server and for the rotation job; safe on many nodes.
pub async fn ensure(house: &House, cx: &Context) -> Result<()> {
    let rows = signing_key::all(&house.db).await?;
    let missing: Vec<_> = wanted().filter(|key| !is_there(&rows, *key)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    // Made before the lock is taken: finding primes takes a while.
    let mut made = Vec::new();
    for (algorithm, state) in missing {
        made.push(((algorithm, state), make(house, cx.now, algorithm, state).await?));
    }
    let mut tx = house.db.platform().await?;
    signing_key::lock(&mut tx).await?;
    let rows = signing_key::all_locked(&mut tx).await?;
    for (key, row) in made {
        if !is_there(&rows, key) {
            signing_key::insert(&mut tx, &row).await?;
        }
    }
    tx.commit_unremarkable().await
}

/// Moves the keys on, those of every algorithm: the one that waited signs, the one that signed is kept until its tokens have
/// expired, and a new one waits. Answers the ids of the keys that sign now.
pub async fn rotate(house: &House, cx: &Context) -> Result<Vec<String>> {
    Ok(rotate_older(house, cx, None).await?.unwrap_or_default())
}

/// The same where a key that signs is older than this. `None` where there is none: another node was faster.
async fn rotate_older(house: &House, cx: &Context, age: Option<Duration>) -> Result<Option<Vec<String>>> {
    ensure(house, cx).await?;
    let mut waiting = Vec::new();
    for algorithm in SigningAlgorithm::ALL {
        waiting.push((algorithm, make(house, cx.now, algorithm, "next").await?));
    }
    let mut tx = house.db.platform().await?;
    signing_key::lock(&mut tx).await?;
    // Asked again under the lock: to rotate twice would let a key sign that nobody has heard of.
    let rows = signing_key::all_locked(&mut tx).await?;
    if age.is_some_and(|age| !is_due(&rows, age, cx.now)) {
        return Ok(None);
    }
    let retires_at = cx.now + house.settings.access_token_lifetime + MARGIN;
    let mut signing = Vec::new();
    for (algorithm, row) in waiting {
        signing_key::retire_current(&mut tx, algorithm.as_str(), retires_at).await?;
        let promoted = signing_key::promote_next(&mut tx, algorithm.as_str(), cx.now).await?;
        signing.push(promoted.ok_or_else(|| Error::fault("no key was waiting"))?);
        signing_key::insert(&mut tx, &row).await?;
    }
    tx.commit(cx, Event::KeysRotated { kids: signing.clone() }).await?;
    house.keyring.keep(None);
    Ok(Some(signing))
}

fn is_due(rows: &[Row], age: Duration, now: OffsetDateTime) -> bool {
    rows.iter().any(|row| row.state == "current" && row.activated_at.is_none_or(|at| at + age < now))
}

/// Rotates when a key that signs is older than the setting says. The next key has then been published long enough.
pub async fn rotate_when_due(house: &House, cx: &Context) -> Result<()> {
    let age = Duration::days(i64::from(house.settings.signing_key_days));
    let rows = signing_key::all(&house.db).await?;
    if is_due(&rows, age, cx.now) {
        rotate_older(house, cx, Some(age)).await?;
    }
    signing_key::forget_retired(&house.db, cx.now).await?;
    Ok(())
}

/// Seals every key anew whose seal was made with an earlier `SECRET_KEY`. Answers how many.
pub async fn reseal(house: &House) -> Result<u64> {
    let mut done = 0;
    let mut tx = house.db.platform().await?;
    signing_key::lock(&mut tx).await?;
    for row in signing_key::all_locked(&mut tx).await? {
        if house.sealer.is_stale(&row.private_sealed) {
            let private = house.sealer.open(&place(&row.kid), &row.private_sealed)?;
            signing_key::reseal(&mut tx, &row.kid, &house.sealer.seal(&place(&row.kid), &private)?).await?;
            done += 1;
        }
    }
    tx.commit_unremarkable().await?;
    Ok(done)
}

async fn make(house: &House, now: OffsetDateTime, algorithm: SigningAlgorithm, state: &str) -> Result<Row> {
    // Not on a thread that serves requests.
    let (private, public) = tokio::task::spawn_blocking(move || generate(algorithm)).await.map_err(Error::fault)??;
    let mut public_jwk = public.as_ref().clone();
    let kid = thumbprint(&public_jwk);
    for (name, value) in [("use", "sig"), ("alg", algorithm.as_str()), ("kid", kid.as_str())] {
        public_jwk.insert(name.to_owned(), json!(value));
    }
    Ok(Row {
        private_sealed: house.sealer.seal(&place(&kid), &private)?,
        kid,
        algorithm: algorithm.as_str().to_owned(),
        public_jwk: Value::Object(public_jwk),
        state: state.to_owned(),
        created_at: now,
        activated_at: (state == "current").then_some(now),
        retires_at: None,
    })
}

/// A private key as PKCS#8 DER, and its public half.
fn generate(algorithm: SigningAlgorithm) -> Result<(Vec<u8>, Jwk)> {
    Ok(match algorithm {
        SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
            let mut random = rsa::rand_core::UnwrapErr(getrandom::SysRng);
            let key = rsa::PrivateKey::new(&mut random, BITS).map_err(Error::fault)?;
            let private = key.to_pkcs8_der().map_err(Error::fault)?.as_bytes().to_vec();
            let public = RsaKeyPair::from_der(&private).map_err(Error::fault)?.to_jwk_public_key();
            (private, public)
        }
        SigningAlgorithm::Es256 => {
            let pair = EcKeyPair::generate(EcCurve::P256).map_err(Error::fault)?;
            (pair.to_der_private_key(), pair.to_jwk_public_key())
        }
        SigningAlgorithm::EdDsa => {
            let pair = EdKeyPair::generate(EdCurve::Ed25519).map_err(Error::fault)?;
            (pair.to_der_private_key(), pair.to_jwk_public_key())
        }
    })
}
