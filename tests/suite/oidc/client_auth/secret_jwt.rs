//! `client_secret_jwt`: assertions signed with the secret.

use countersign::domain::oidc::registration::{SecretWish, provide_secret};
use countersign::model::client::AuthMethod;
use countersign::model::jose::SigningAlgorithm;
use countersign::model::secret::Secret;
use josekit::jws::{self, HS256, HS384, HS512, JwsHeader};
use serde_json::{Value, json};

use super::{believed, but, good, present, refused};
use crate::harness::app::{refusal, registration};
use crate::harness::signer::{Signer, jwks};
use crate::harness::{App, Provider};

fn sign(algorithm: jws::alg::hmac::HmacJwsAlgorithm, secret: &str, claims: &Value) -> String {
    let signer = algorithm.signer_from_bytes(secret).unwrap();
    jws::serialize_compact(claims.to_string().as_bytes(), &JwsHeader::new(), &signer).unwrap()
}

async fn app(provider: &Provider) -> App {
    provider.register(registration(AuthMethod::SecretJwt, None)).await
}

#[tokio::test]
async fn a_client_that_signs_with_its_secret_is_believed_once() {
    let provider = Provider::start().await;
    let app = app(&provider).await;
    let secret = app.secret.clone().unwrap();
    for algorithm in [HS256, HS384, HS512] {
        let jwt = sign(algorithm, &secret, &good(&provider, &app));
        assert_eq!(present(&app, &jwt).await, believed(), "{algorithm:?}");
        assert_eq!(present(&app, &jwt).await, refused(), "{algorithm:?}");
    }
    for changes in [json!({ "aud": "https://other.example" }), json!({ "exp": 1 }), json!({ "jti": null })] {
        assert_eq!(present(&app, &sign(HS256, &secret, &but(&provider, &app, &changes))).await, refused(), "{changes}");
    }
}

#[tokio::test]
async fn a_secret_that_is_given_out_for_signatures_is_long_enough_for_every_hash() {
    let provider = Provider::start().await;
    let (mut client, _) = registration(AuthMethod::SecretJwt, None);
    client.secret_digest = None;
    let given = provide_secret(&provider.house, &mut client, SecretWish::Keep).unwrap().unwrap();
    let app = provider.register((client, None)).await;
    for algorithm in [HS256, HS384, HS512] {
        let jwt = sign(algorithm, given.reveal(), &good(&provider, &app));
        assert_eq!(present(&app, &jwt).await, believed(), "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_secret_of_which_only_a_digest_is_kept_signs_nothing() {
    let provider = Provider::start().await;
    let (client, secret) = registration(AuthMethod::SecretJwt, None);
    // Registered as if the secret had been given for another method.
    let app = provider.register((client, None)).await;
    assert_eq!(present(&app, &sign(HS256, &secret.unwrap(), &good(&provider, &app))).await, refused());
}

#[tokio::test]
async fn a_sealed_secret_cannot_be_put_in_another_clients_place() {
    let provider = Provider::start().await;
    let one = app(&provider).await;
    let (mut client, _) = registration(AuthMethod::SecretJwt, None);
    let found = countersign::storage::client::read(&provider.house.db, &one.id).await.unwrap().unwrap();
    client.secret_sealed = found.secret_sealed;
    let two = provider.register((client, None)).await;
    let jwt = sign(HS256, one.secret.as_deref().unwrap(), &good(&provider, &two));
    assert_ne!(present(&two, &jwt).await, believed());
}

#[tokio::test]
async fn another_secret_and_another_clients_secret_are_refused() {
    let provider = Provider::start().await;
    let (app, other) = (app(&provider).await, app(&provider).await);
    for secret in [other.secret.as_deref().unwrap(), &"0".repeat(64)] {
        assert_eq!(present(&app, &sign(HS256, secret, &good(&provider, &app))).await, refused());
    }
}

#[tokio::test]
async fn the_secret_itself_is_not_sent_and_keys_do_not_stand_in_for_it() {
    let provider = Provider::start().await;
    let signer = Signer::new(SigningAlgorithm::Es256, "one");
    let (mut client, secret) = registration(AuthMethod::SecretJwt, None);
    client.metadata.jwks = Some(jwks(&[&signer]));
    let app = provider.register((client, secret)).await;
    // The app sends its secret as Basic.
    assert_eq!(refusal(app.token(&[("grant_type", "none_such")]).await).await, refused());
    assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, refused());
}

#[tokio::test]
async fn a_secret_is_as_long_as_its_hash_and_the_registered_algorithm_is_the_one() {
    let provider = Provider::start().await;
    let (mut client, _) = registration(AuthMethod::SecretJwt, None);
    let short = Secret::generate();
    client.secret_digest = Some(short.digest());
    let app = provider.register((client, Some(short.reveal().to_owned()))).await;
    // RFC 7518, section 3.2. The signature itself is right: a longer key of zeros is the same key to HMAC.
    let padded = format!("{}{}", short.reveal(), "\0".repeat(64 - short.reveal().len()));
    assert_eq!(present(&app, &sign(HS256, short.reveal(), &good(&provider, &app))).await, believed());
    assert_eq!(present(&app, &sign(HS512, &padded, &good(&provider, &app))).await, refused());
    let (mut client, secret) = registration(AuthMethod::SecretJwt, None);
    client.metadata.token_endpoint_auth_signing_alg = Some("HS384".to_owned());
    let app = provider.register((client, secret.clone())).await;
    let secret = secret.unwrap();
    assert_eq!(present(&app, &sign(HS384, &secret, &good(&provider, &app))).await, believed());
    assert_eq!(present(&app, &sign(HS256, &secret, &good(&provider, &app))).await, refused());
}
