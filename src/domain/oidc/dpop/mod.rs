//! Demonstrating proof of possession (RFC 9449): whoever asks for a token, or uses one, shows that they hold a key. A proof is
//! good for one request, once, on all nodes.

mod key;
pub mod nonce;
pub mod proof;

use time::Duration;

use crate::domain::house::House;
use crate::model::client::{Client, NonceRule};
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::secret::Digest;
use crate::storage::replay;
use proof::{Expected, Freshness, Proof, ProofError};

/// The request header that carries a proof, and the scheme that a bound token is presented with.
pub const NAME: &str = "DPoP";
/// Clocks of our own nodes.
const MARGIN: Duration = Duration::minutes(1);

/// What a request sent of DPoP, and where it was sent.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    /// Every `DPoP` header, as it came.
    pub proofs: Vec<String>,
    /// The request's method.
    pub method: String,
    /// The request's path, below the issuer.
    pub path: String,
}

impl From<ProofError> for Error {
    fn from(error: ProofError) -> Self {
        Self::oauth(error.code(), error.to_string())
    }
}

/// The proof of a request, checked and used up. `None` where the request has none. At a resource the proof must name the access
/// token that it comes with.
///
/// # Errors
/// `invalid_dpop_proof`; `use_dpop_nonce` where it must carry a nonce of ours, or carries another (sections 8 and 9).
pub async fn check(
    house: &House,
    cx: &Context,
    client: &Client,
    sent: &Sent,
    access_token: Option<&str>,
) -> Result<Option<Proof>> {
    let text = match sent.proofs.as_slice() {
        [] => return Ok(None),
        [only] => only,
        // Section 4.3, check 1.
        _ => return Err(ProofError::Flawed("comes more than once").into()),
    };
    let urls = urls(house, &sent.path);
    let nonces = &house.dpop_nonces;
    let proof = proof::read(text, &Expected { method: &sent.method, urls: &urls, access_token, nonces, now: cx.now })?;
    if !client.rules().signing.contains(&proof.algorithm) {
        return Err(ProofError::Flawed("is signed with an algorithm that is not taken from this client").into());
    }
    if client.rules().dpop_nonce == NonceRule::Demanded && proof.freshness == Freshness::Clock {
        return Err(ProofError::Nonce.into());
    }
    // Section 11.1. Nobody but the holder of the key can use a `jti` up.
    let digest = Digest::of(format!("dpop {} {}", proof.jkt, proof.jti).as_bytes());
    if !replay::first_use(&house.db, &digest, proof.good_until + MARGIN).await? {
        return Err(ProofError::Flawed("was used before").into());
    }
    Ok(Some(proof))
}

/// The URLs that a path of ours is known by, the alias for clients with a certificate among them (RFC 8705, section 5). They
/// follow from the settings and not from what a request says of its host.
fn urls(house: &House, path: &str) -> Vec<String> {
    let bases = [Some(&house.settings.issuer), house.settings.mtls.url.as_ref()];
    bases.into_iter().flatten().map(|base| format!("{base}{path}")).collect()
}
