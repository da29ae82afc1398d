//! One signature and one verification, for each algorithm, with a key that was parsed once: the arithmetic behind every token. And what
//! it would cost to parse the key each time.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot start has nothing to say")]

use divan::{Bencher, black_box};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::{EcCurve, EcKeyPair};
use josekit::jwk::alg::ed::{EdCurve, EdKeyPair};
use josekit::jwk::alg::rsa::RsaKeyPair;
use josekit::jws::{ES256, EdDSA, JwsHeader, JwsSigner, PS256, RS256};
use josekit::jwt::{self, JwtPayload};
use serde_json::json;

use countersign::domain::keys::verifier;
use countersign::model::jose::SigningAlgorithm;

fn main() {
    divan::main();
}

/// A private key for this algorithm, and its public half.
fn pair(algorithm: SigningAlgorithm) -> (Jwk, Jwk) {
    match algorithm {
        SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
            let pair = RsaKeyPair::generate(2048).unwrap();
            (pair.to_jwk_private_key(), pair.to_jwk_public_key())
        }
        SigningAlgorithm::Es256 => {
            let pair = EcKeyPair::generate(EcCurve::P256).unwrap();
            (pair.to_jwk_private_key(), pair.to_jwk_public_key())
        }
        SigningAlgorithm::EdDsa => {
            let pair = EdKeyPair::generate(EdCurve::Ed25519).unwrap();
            (pair.to_jwk_private_key(), pair.to_jwk_public_key())
        }
    }
}

fn signer(algorithm: SigningAlgorithm, key: &Jwk) -> Box<dyn JwsSigner> {
    match algorithm {
        SigningAlgorithm::Rs256 => Box::new(RS256.signer_from_jwk(key).unwrap()),
        SigningAlgorithm::Ps256 => Box::new(PS256.signer_from_jwk(key).unwrap()),
        SigningAlgorithm::Es256 => Box::new(ES256.signer_from_jwk(key).unwrap()),
        SigningAlgorithm::EdDsa => Box::new(EdDSA.signer_from_jwk(key).unwrap()),
    }
}

/// What an access token says.
fn claims() -> (JwsHeader, JwtPayload) {
    let claims = json!({
        "iss": "https://id.example", "sub": "usr_0198c0d5e1b27f3a9d0c5b6a7e8f9012", "aud": "https://id.example",
        "client_id": "cli_0198c0d5e1b2", "sid": "log_0198c0d5e1b27f3a9d0c5b6a7e8f9012", "scope": "openid email",
        "auth_time": 1_795_492_821, "acr": "urn:countersign:acr:mfa", "amr": ["pwd", "otp", "mfa"],
        "company_id": "com_0198c0d5e1b27f3a9d0c5b6a7e8f9012", "company": "techcorp", "roles": ["user"],
        "iat": 1_795_492_821, "exp": 1_795_494_621, "jti": "0198c0d5e1b27f3a9d0c5b6a7e8f9012",
    });
    let mut header = JwsHeader::new();
    header.set_token_type("at+jwt");
    header.set_key_id("0198c0d5e1b2");
    (header, JwtPayload::from_map(claims.as_object().unwrap().clone()).unwrap())
}

#[divan::bench(args = SigningAlgorithm::ALL)]
fn sign(bencher: Bencher<'_, '_>, algorithm: SigningAlgorithm) {
    let (signer, (header, claims)) = (signer(algorithm, &pair(algorithm).0), claims());
    bencher.bench(|| jwt::encode_with_signer(black_box(&claims), &header, signer.as_ref()).unwrap());
}

#[divan::bench(args = SigningAlgorithm::ALL)]
fn verify(bencher: Bencher<'_, '_>, algorithm: SigningAlgorithm) {
    let ((private, public), (header, claims)) = (pair(algorithm), claims());
    let token = jwt::encode_with_signer(&claims, &header, signer(algorithm, &private).as_ref()).unwrap();
    let verifier = verifier(algorithm, &public).unwrap();
    bencher.bench(|| jwt::decode_with_verifier(black_box(&token), verifier.as_ref()).unwrap());
}

#[divan::bench]
fn parse_the_key_and_sign(bencher: Bencher<'_, '_>) {
    let (key, (header, claims)) = (pair(SigningAlgorithm::Rs256).0, claims());
    bencher.bench(|| {
        let signer = RS256.signer_from_jwk(black_box(&key)).unwrap();
        jwt::encode_with_signer(&claims, &header, &signer).unwrap()
    });
}
