//! Nonces that the server gives for proofs (RFC 9449, sections 8 and 9). They are computed from `SECRET_KEY` and the minute, so
//! that every node knows those of every other and none is kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use time::{Duration, OffsetDateTime};

use crate::domain::sealing;
use crate::model::error::{Error, Result};
use crate::model::settings::Settings;

/// How long the same nonce is given.
const STEP_SECONDS: i64 = 60;
/// How many steps after its own a nonce is taken.
const STEPS: i64 = 5;
/// How long a nonce is good for at most.
pub const LIVES: Duration = Duration::seconds(STEP_SECONDS * (STEPS + 1));

/// Gives nonces and knows them again.
pub struct Nonces {
    /// The first gives; all know.
    keys: Vec<[u8; 32]>,
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Nonces(…)")
    }
}

impl Nonces {
    /// Derives the keys.
    ///
    /// # Errors
    /// OpenSSL refuses.
    pub fn new(settings: &Settings) -> Result<Self> {
        let keys = sealing::derive(settings, "nonces of DPoP proofs")?;
        Ok(Self { keys: keys.into_iter().map(|derived| derived.key).collect() })
    }

    /// The nonce of this moment.
    ///
    /// # Errors
    /// OpenSSL refuses.
    pub fn current(&self, now: OffsetDateTime) -> Result<String> {
        let key = self.keys.first().ok_or_else(|| Error::fault("no key for nonces"))?;
        Ok(of(key, step(now))?)
    }

    /// Whether this is a nonce of ours that is still good.
    pub fn knows(&self, nonce: &str, now: OffsetDateTime) -> bool {
        // One step ahead: another node's clock.
        let steps = || (step(now) - STEPS)..=(step(now) + 1);
        self.keys.iter().flat_map(|key| steps().map(move |step| of(key, step))).any(|known| {
            known.is_ok_and(|known| {
                known.len() == nonce.len() && openssl::memcmp::eq(known.as_bytes(), nonce.as_bytes())
            })
        })
    }
}

fn step(now: OffsetDateTime) -> i64 {
    now.unix_timestamp().div_euclid(STEP_SECONDS)
}

fn of(key: &[u8; 32], step: i64) -> std::result::Result<String, openssl::error::ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
    Ok(B64.encode(signer.sign_oneshot_to_vec(&step.to_be_bytes())?))
}
