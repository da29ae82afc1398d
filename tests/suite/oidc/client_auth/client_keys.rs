//! Keys that clients publish themselves: fetched by the guarded client, kept for a while, and fetched anew for a new key.

use countersign::domain::oidc::client_keys;
use countersign::model::client::{AuthMethod, Client};
use countersign::model::jose::{KeyManagement, SigningAlgorithm};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::EcCurve;
use serde_json::json;
use time::Duration;

use super::{believed, good, present, refused, signer};
use crate::harness::app::registration;
use crate::harness::publisher::{Answer, Publisher};
use crate::harness::signer::{Signer, jwks};
use crate::harness::{App, Provider};

fn publishing(url: &str) -> Client {
    let (mut client, _) = registration(AuthMethod::PrivateKeyJwt, None);
    client.metadata.jwks_uri = Some(url.to_owned());
    client
}

async fn start(signer: &Signer) -> (Publisher, Provider, App) {
    let publisher = Publisher::start(Answer::Json(jwks(&[signer])));
    // Each node has fetched keys of its own; these tests count what one fetches.
    let provider = Provider::alone(&publisher.settings()).await;
    let app = provider.register((publishing(&publisher.url()), None)).await;
    (publisher, provider, app)
}

#[tokio::test]
async fn published_keys_are_fetched_once_and_kept_for_a_while() {
    let signer = signer();
    // Behaviour 67.
    let (publisher, provider, app) = start(&signer).await;
    let jwts: Vec<String> = (0..8).map(|_| signer.sign(&good(&provider, &app))).collect();
    let answers = futures_util::future::join_all(jwts.iter().map(|jwt| present(&app, jwt))).await;
    assert!(answers.iter().all(|answer| *answer == believed()), "{answers:?}");
    assert_eq!(publisher.asked(), 1);
    provider.wait(Duration::minutes(4));
    assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, believed());
    assert_eq!(publisher.asked(), 1);
    provider.wait(Duration::minutes(2));
    assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, believed());
    assert_eq!(publisher.asked(), 2);
}

#[tokio::test]
async fn a_key_that_the_client_rotated_in_is_believed_at_once() {
    let old = signer();
    let (publisher, provider, app) = start(&old).await;
    assert_eq!(present(&app, &old.sign(&good(&provider, &app))).await, believed());
    // Behaviour 55, with and without a name.
    for new in [Signer::new(SigningAlgorithm::Es256, "two"), Signer::new(SigningAlgorithm::Es256, "").nameless()] {
        provider.wait(Duration::seconds(10));
        publisher.publish(Answer::Json(jwks(&[&new])));
        assert_eq!(present(&app, &new.sign(&good(&provider, &app))).await, believed());
        assert_eq!(present(&app, &old.sign(&good(&provider, &app))).await, refused());
    }
    assert_eq!(publisher.asked(), 3);
}

#[tokio::test]
async fn a_forger_does_not_have_keys_fetched_again_and_again() {
    let signer = signer();
    let (publisher, provider, app) = start(&signer).await;
    assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, believed());
    for number in 0..10 {
        let forger = Signer::new(SigningAlgorithm::Es256, &format!("forged-{number}"));
        assert_eq!(present(&app, &forger.sign(&good(&provider, &app))).await, refused());
    }
    assert_eq!(publisher.asked(), 2);
    assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, believed());
}

#[tokio::test]
async fn keys_that_are_known_outlive_a_publisher_that_fails_for_a_moment() {
    let signer = signer();
    let (publisher, provider, app) = start(&signer).await;
    assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, believed());
    publisher.publish(Answer::Status(500));
    let forger = Signer::new(SigningAlgorithm::Es256, "forged");
    assert_eq!(present(&app, &forger.sign(&good(&provider, &app))).await, refused());
    assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, believed());
    // But not for ever.
    provider.wait(Duration::minutes(6));
    assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, refused());
    publisher.publish(Answer::Json(jwks(&[&signer])));
    provider.wait(Duration::seconds(6));
    assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, believed());
}

#[tokio::test]
async fn nothing_is_believed_of_a_publisher_that_misbehaves() {
    let signer = signer();
    let (publisher, provider, app) = start(&signer).await;
    let elsewhere = Publisher::start(Answer::Json(jwks(&[&signer])));
    for answer in [
        Answer::Redirect(publisher.url()),
        Answer::Redirect(elsewhere.url()),
        Answer::Bytes(300 * 1024),
        Answer::Status(404),
        Answer::Json(json!("keys")),
        Answer::Json(json!({ "keys": [{}, 1, null] })),
        Answer::Silence,
    ] {
        provider.wait(Duration::minutes(10));
        publisher.publish(answer);
        assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, refused());
    }
    assert_eq!(elsewhere.asked(), 0);
    // And what is wrong with one does not stop another.
    let other = provider.register((publishing(&format!("{}/other", publisher.url())), None)).await;
    publisher.publish(Answer::Json(jwks(&[&signer])));
    assert_eq!(present(&other, &signer.sign(&good(&provider, &other))).await, believed());
}

#[tokio::test]
async fn only_public_https_is_called() {
    let signer = signer();
    let publisher = Publisher::start(Answer::Json(jwks(&[&signer])));
    let [ca, loopback] = publisher.settings();
    for (settings, url) in [
        // The CA is trusted, but loopback is not called, by address or by name.
        (&[ca][..], publisher.url()),
        (&[ca][..], publisher.url().replace("localhost", "127.0.0.1")),
        // Loopback is called, but the CA is not trusted.
        (&[loopback][..], publisher.url()),
        (&[ca, loopback][..], publisher.url().replace("https", "http")),
        (&[ca, loopback][..], "https://10.0.0.1/jwks".to_owned()),
        (&[ca, loopback][..], "https://169.254.169.254/jwks".to_owned()),
        (&[ca, loopback][..], "file:///etc/passwd".to_owned()),
        (&[ca, loopback][..], "nonsense".to_owned()),
    ] {
        let provider = Provider::start_with(settings).await;
        let app = provider.register((publishing(&url), None)).await;
        assert_eq!(present(&app, &signer.sign(&good(&provider, &app))).await, refused(), "{url}");
    }
    assert_eq!(publisher.asked(), 0);
}

#[tokio::test]
async fn the_key_to_encrypt_to_is_found_among_those_that_are_published() {
    let key = |kid: &str, more: serde_json::Value| {
        let mut jwk = Jwk::generate_ec_key(EcCurve::P256).unwrap().to_public_key().unwrap().as_ref().clone();
        jwk.insert("kid".to_owned(), json!(kid));
        jwk.extend(more.as_object().unwrap().clone());
        serde_json::Value::Object(jwk)
    };
    let signing = key("signs", json!({ "use": "sig" }));
    let publisher = Publisher::start(Answer::Json(json!({ "keys": [signing] })));
    let provider = Provider::start_with(&publisher.settings()).await;
    let client = publishing(&publisher.url());
    let chosen = |management| {
        let (provider, client) = (&provider, &client);
        async move {
            let cx = provider.house.job("test");
            let found = client_keys::encryption_key(&provider.house, &cx, client, management).await.unwrap();
            found.and_then(|jwk| jwk.key_id().map(str::to_owned))
        }
    };
    assert_eq!(chosen(KeyManagement::EcdhEs).await, None);
    let keys = [signing, key("any", json!({})), key("encrypts", json!({ "use": "enc" }))];
    publisher.publish(Answer::Json(json!({ "keys": keys })));
    assert_eq!(chosen(KeyManagement::EcdhEs).await.as_deref(), Some("encrypts"));
    assert_eq!(chosen(KeyManagement::RsaOaep256).await, None);
}
