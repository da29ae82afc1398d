//! The key in a proof's header: public, of a sane size, and named by its thumbprint (RFC 7638).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use josekit::jwk::Jwk;
use josekit::jws::JwsVerifier;
use serde_json::{Map, Value};

use super::proof::ProofError;
use crate::domain::keys;
use crate::model::jose::SigningAlgorithm;

/// Members of private and of symmetric keys (RFC 7518, section 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The verifier of a public key, and the key's thumbprint.
///
/// # Errors
/// It is private or symmetric, does not suit the algorithm, or is of a size that nobody uses.
pub fn read(
    jwk: &Map<String, Value>,
    algorithm: SigningAlgorithm,
) -> Result<(Box<dyn JwsVerifier>, String), ProofError> {
    if PRIVATE.iter().any(|member| jwk.contains_key(*member)) {
        return Err(ProofError::Flawed("shows a private key"));
    }
    let unsuited = || ProofError::Flawed("has a jwk that does not suit its alg");
    // Larger keys make checking slow, and keys of 2048 to 4096 bits are those in use.
    let named: &[(&str, Member)] = match algorithm {
        SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
            &[("kty", Member::Word("RSA")), ("n", Member::Bytes(256, 512)), ("e", Member::Bytes(1, 4))]
        }
        SigningAlgorithm::Es256 => &[
            ("kty", Member::Word("EC")),
            ("crv", Member::Word("P-256")),
            ("x", Member::Bytes(32, 32)),
            ("y", Member::Bytes(32, 32)),
        ],
        SigningAlgorithm::EdDsa => {
            &[("kty", Member::Word("OKP")), ("crv", Member::Word("Ed25519")), ("x", Member::Bytes(32, 32))]
        }
    };
    let mut required = Map::new();
    for (name, member) in named {
        let value = jwk.get(*name).and_then(Value::as_str).filter(|text| member.fits(text)).ok_or_else(unsuited)?;
        required.insert((*name).to_owned(), Value::from(value));
    }
    let whole = Jwk::from_map(jwk.clone()).map_err(|_| unsuited())?;
    let verifier = keys::verifier(algorithm, &whole).map_err(|_| unsuited())?;
    Ok((verifier, keys::thumbprint(&required)))
}

/// What a member must be.
#[derive(Debug, Clone, Copy)]
enum Member {
    Word(&'static str),
    /// Base64url of at least and at most so many bytes.
    Bytes(usize, usize),
}

impl Member {
    fn fits(self, text: &str) -> bool {
        match self {
            Self::Word(word) => text == word,
            Self::Bytes(least, most) => B64.decode(text).is_ok_and(|bytes| (least..=most).contains(&bytes.len())),
        }
    }
}
