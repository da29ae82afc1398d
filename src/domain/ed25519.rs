//! EdDSA by the name of its curve: RFC 9864 renames the algorithm `EdDSA` to `Ed25519`, and libraries that follow it already sign
//! so. josekit knows the older name only. What we sign ourselves keeps it, because every reader knows it.

use josekit::JoseError;
use josekit::jwk::Jwk;
use josekit::jws::alg::eddsa::EddsaJwsVerifier;
use josekit::jws::{EdDSA, JwsAlgorithm, JwsVerifier};
use serde_json::Value;

use crate::model::jose::ED25519;

#[derive(Debug, Clone)]
struct Ed25519;

impl JwsAlgorithm for Ed25519 {
    fn name(&self) -> &str {
        ED25519
    }

    fn box_clone(&self) -> Box<dyn JwsAlgorithm> {
        Box::new(self.clone())
    }
}

/// Verifies a JWS whose header says `Ed25519`.
#[derive(Debug, Clone)]
pub struct Verifier(EddsaJwsVerifier);

impl Verifier {
    /// With this key, which must be one of that curve.
    ///
    /// # Errors
    /// Another kind of key.
    pub fn new(jwk: &Jwk) -> Result<Self, JoseError> {
        older_named(jwk).map(Self)
    }
}

impl JwsVerifier for Verifier {
    fn algorithm(&self) -> &dyn JwsAlgorithm {
        &Ed25519
    }

    fn key_id(&self) -> Option<&str> {
        self.0.key_id()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), JoseError> {
        self.0.verify(message, signature)
    }

    fn box_clone(&self) -> Box<dyn JwsVerifier> {
        Box::new(self.clone())
    }
}

/// Verifies a JWS whose header says `EdDSA`, with a key that may call its algorithm by either name.
///
/// # Errors
/// Another kind of key.
pub fn older_named(jwk: &Jwk) -> Result<EddsaJwsVerifier, JoseError> {
    let mut jwk = jwk.clone();
    if jwk.algorithm() == Some(ED25519) && jwk.parameter("crv").and_then(Value::as_str) == Some(ED25519) {
        jwk.set_algorithm(EdDSA.name());
    }
    EdDSA.verifier_from_jwk(&jwk)
}
