//! Somebody who holds a key and proves it (RFC 9449).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign::domain::keys;
use countersign::model::jose::SigningAlgorithm;
use countersign::model::secret::random;
use josekit::jwk::Jwk;
use josekit::jws::{ES256, EdDSA, JwsSigner, PS256, RS256};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{App, Provider};

pub struct Prover {
    pub algorithm: SigningAlgorithm,
    /// Public.
    pub jwk: Map<String, Value>,
    /// Private.
    pub whole: Map<String, Value>,
    signer: Box<dyn JwsSigner>,
}

/// A proof before it is signed.
#[derive(Debug, Clone)]
pub struct Draft {
    pub header: Value,
    pub claims: Value,
}

impl Draft {
    /// With this claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    /// With this member of the header.
    pub fn head(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    /// Without this claim, or this member of the header.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name);
        self.header.as_object_mut().unwrap().remove(name);
        self
    }

    /// For a use of this access token.
    pub fn with_token(self, token: &str) -> Self {
        self.claim("ath", B64.encode(openssl::sha::sha256(token.as_bytes())))
    }
}

impl Default for Prover {
    fn default() -> Self {
        Self::new(SigningAlgorithm::Es256)
    }
}

impl Prover {
    pub fn new(algorithm: SigningAlgorithm) -> Self {
        let (whole, signer): (Jwk, Box<dyn JwsSigner>) = match algorithm {
            SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
                let jwk = Jwk::generate_rsa_key(2048).unwrap();
                let signer: Box<dyn JwsSigner> = if algorithm == SigningAlgorithm::Rs256 {
                    Box::new(RS256.signer_from_jwk(&jwk).unwrap())
                } else {
                    Box::new(PS256.signer_from_jwk(&jwk).unwrap())
                };
                (jwk, signer)
            }
            SigningAlgorithm::Es256 => {
                let jwk = Jwk::generate_ec_key(josekit::jwk::alg::ec::EcCurve::P256).unwrap();
                let signer = Box::new(ES256.signer_from_jwk(&jwk).unwrap());
                (jwk, signer)
            }
            SigningAlgorithm::EdDsa => {
                let jwk = Jwk::generate_ed_key(josekit::jwk::alg::ed::EdCurve::Ed25519).unwrap();
                let signer = Box::new(EdDSA.signer_from_jwk(&jwk).unwrap());
                (jwk, signer)
            }
        };
        let whole: Map<String, Value> = whole.as_ref().clone();
        let public = ["kty", "crv", "x", "y", "n", "e"];
        let jwk = whole.iter().filter(|(name, _)| public.contains(&name.as_str()));
        let jwk = jwk.map(|(name, value)| (name.clone(), value.clone())).collect();
        Self { algorithm, jwk, whole, signer }
    }

    /// RFC 7638.
    pub fn jkt(&self) -> String {
        keys::thumbprint(&self.jwk)
    }

    /// A proof as it should be.
    pub fn draft(&self, method: &str, url: &str, now: OffsetDateTime) -> Draft {
        Draft {
            header: json!({ "typ": "dpop+jwt", "alg": self.algorithm.as_str(), "jwk": self.jwk }),
            claims: json!({
                "jti": B64.encode(random::<16>()), "htm": method, "htu": url, "iat": now.unix_timestamp()
            }),
        }
    }

    /// Signs whatever the draft says.
    pub fn sign(&self, draft: &Draft) -> String {
        let signed = format!("{}.{}", B64.encode(draft.header.to_string()), B64.encode(draft.claims.to_string()));
        let signature = self.signer.sign(signed.as_bytes()).unwrap();
        format!("{signed}.{}", B64.encode(signature))
    }

    /// A draft for the token endpoint.
    pub fn for_token(&self, provider: &Provider) -> Draft {
        self.draft("POST", &provider.url("/oauth2/token"), provider.house.clock.now())
    }

    /// A draft for userinfo.
    pub fn for_userinfo(&self, provider: &Provider, token: &str) -> Draft {
        let url = provider.url("/oauth2/userinfo");
        self.draft("GET", &url, provider.house.clock.now()).with_token(token)
    }
}

impl App {
    /// A request at the token endpoint with these `DPoP` headers.
    pub async fn token_with(&self, form: &[(&str, &str)], proofs: &[String]) -> reqwest::Response {
        let request = self.request("/oauth2/token", form);
        proofs.iter().fold(request, |request, proof| request.header("DPoP", proof)).send().await.unwrap()
    }

    /// The userinfo endpoint, with this `Authorization` header and these `DPoP` headers.
    pub async fn userinfo_with(&self, authorization: &str, proofs: &[String]) -> reqwest::Response {
        let request = self.http.get(format!("{}/oauth2/userinfo", self.base)).header("Authorization", authorization);
        proofs.iter().fold(request, |request, proof| request.header("DPoP", proof)).send().await.unwrap()
    }
}
