//! A key of a client's own: shows its public half as a JWK and signs JWTs with the other.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign::model::jose::SigningAlgorithm;
use josekit::jwk::Jwk;
use josekit::jws::{self, ES256, EdDSA, JwsHeader, JwsSigner, PS256, RS256};
use serde_json::{Value, json};

#[derive(Clone)]
pub struct Signer {
    pub algorithm: SigningAlgorithm,
    pub kid: Option<String>,
    pair: Jwk,
}

impl Signer {
    /// A fresh key.
    pub fn new(algorithm: SigningAlgorithm, kid: &str) -> Self {
        use josekit::jwk::alg::{ec::EcCurve::P256, ed::EdCurve::Ed25519};
        let pair = match algorithm {
            SigningAlgorithm::Es256 => Jwk::generate_ec_key(P256),
            SigningAlgorithm::EdDsa => Jwk::generate_ed_key(Ed25519),
            _ => Jwk::generate_rsa_key(2048),
        };
        Self { algorithm, kid: Some(kid.to_owned()), pair: pair.unwrap() }
    }

    /// The same key, without a name.
    pub fn nameless(mut self) -> Self {
        self.kid = None;
        self
    }

    /// The same key, for another algorithm that it suits.
    pub fn with(mut self, algorithm: SigningAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Its public half.
    pub fn jwk(&self) -> Value {
        let mut jwk = self.pair.to_public_key().unwrap().as_ref().clone();
        jwk.extend(self.kid.as_ref().map(|kid| ("kid".to_owned(), json!(kid))));
        Value::Object(jwk)
    }

    /// Both halves, as a client's own library reads its key.
    pub fn private_jwk(&self) -> Value {
        let mut jwk = self.pair.as_ref().clone();
        jwk.extend(self.kid.as_ref().map(|kid| ("kid".to_owned(), json!(kid))));
        jwk.insert("alg".to_owned(), json!(self.algorithm.as_str()));
        Value::Object(jwk)
    }

    /// A JWT.
    pub fn sign(&self, claims: &Value) -> String {
        let mut header = JwsHeader::new();
        if let Some(kid) = &self.kid {
            header.set_key_id(kid);
        }
        self.sign_with(&header, claims)
    }

    /// A JWT with this header.
    pub fn sign_with(&self, header: &JwsHeader, claims: &Value) -> String {
        let signer: Box<dyn JwsSigner> = match self.algorithm {
            SigningAlgorithm::Rs256 => Box::new(RS256.signer_from_jwk(&self.pair).unwrap()),
            SigningAlgorithm::Ps256 => Box::new(PS256.signer_from_jwk(&self.pair).unwrap()),
            SigningAlgorithm::Es256 => Box::new(ES256.signer_from_jwk(&self.pair).unwrap()),
            SigningAlgorithm::EdDsa => Box::new(EdDSA.signer_from_jwk(&self.pair).unwrap()),
        };
        jws::serialize_compact(claims.to_string().as_bytes(), header, signer.as_ref()).unwrap()
    }
}

/// A JWK set of these.
pub fn jwks(signers: &[&Signer]) -> Value {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() })
}

/// A JWT without a signature.
pub fn unsigned(claims: &Value) -> String {
    format!("{}.{}.", B64.encode(json!({ "alg": "none" }).to_string()), B64.encode(claims.to_string()))
}
