//! Signing keys: published before they sign, kept until their tokens have expired.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use josekit::jwk::Jwk;
use josekit::jwt::{decode_header, decode_with_verifier};
use serde_json::{Map, Value, json};
use time::Duration;

use crate::harness::app::{answer, text};
use crate::harness::{App, Provider};
use countersign::domain::keys::{self, Kind};
use countersign::model::jose::SigningAlgorithm;

fn claims(provider: &Provider) -> Map<String, Value> {
    let json =
        json!({ "iss": provider.house.settings.issuer, "exp": provider.house.clock.now().unix_timestamp() + 600 });
    json.as_object().cloned().unwrap()
}

async fn kids(provider: &Provider) -> Vec<String> {
    let jwks: Value = provider.stranger().get(provider.url("/oauth2/jwks")).send().await.unwrap().json().await.unwrap();
    jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_key_that_signs_next_is_published_before_it_signs() {
    let provider = Provider::start().await;
    let before = kids(&provider).await;
    // One that signs and one that waits, of each algorithm.
    assert_eq!(before.len(), 2 * SigningAlgorithm::ALL.len());
    let signing = keys::rotate(&provider.house, &provider.house.job("test")).await.unwrap();
    assert_eq!(signing.len(), SigningAlgorithm::ALL.len());
    assert!(signing.iter().all(|kid| before.contains(kid)));
    // What was published a moment ago stands for a moment.
    provider.wait(Duration::seconds(1));
    assert_eq!(kids(&provider).await.len(), 3 * SigningAlgorithm::ALL.len());
}

#[tokio::test]
async fn a_token_of_the_previous_key_verifies_until_it_has_expired() {
    let provider = Provider::start().await;
    let house = &provider.house;
    let now = house.clock.now();
    let mut tokens = Vec::new();
    for algorithm in SigningAlgorithm::ALL {
        tokens.push(keys::sign(house, now, (Kind::AccessToken, algorithm), claims(&provider)).await.unwrap());
    }
    keys::rotate(house, &house.job("test")).await.unwrap();
    for token in &tokens {
        assert!(keys::verify_living(house, now, Kind::AccessToken, token).await.unwrap().is_some());
    }
    house.clock.advance(house.settings.access_token_lifetime + Duration::minutes(6));
    let late = house.clock.now();
    for token in &tokens {
        assert!(keys::verify(house, late, Kind::AccessToken, token).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_token_is_not_taken_for_one_of_another_kind() {
    let provider = Provider::start().await;
    let house = &provider.house;
    let now = house.clock.now();
    let token = keys::sign(house, now, (Kind::IdToken, SigningAlgorithm::Rs256), claims(&provider)).await.unwrap();
    assert!(keys::verify_living(house, now, Kind::AccessToken, &token).await.unwrap().is_none());
    assert!(keys::verify_living(house, now, Kind::IdToken, &token).await.unwrap().is_some());
}

#[tokio::test]
async fn the_published_keys_hold_nothing_private() {
    let provider = Provider::start().await;
    let jwks: Value = provider.stranger().get(provider.url("/oauth2/jwks")).send().await.unwrap().json().await.unwrap();
    for key in jwks["keys"].as_array().unwrap() {
        // Behaviour 9.
        let members: std::collections::BTreeSet<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        let public: &[&str] = match key["kty"].as_str().unwrap() {
            "RSA" => &["alg", "e", "kid", "kty", "n", "use"],
            "EC" => &["alg", "crv", "kid", "kty", "use", "x", "y"],
            _ => &["alg", "crv", "kid", "kty", "use", "x"],
        };
        assert_eq!(members, public.iter().copied().collect());
        assert!(key.as_object().unwrap().values().all(|value| !value.as_str().unwrap().contains('=')));
    }
}

#[tokio::test]
async fn a_rotation_under_load_on_two_nodes_gives_nobody_an_unknown_key() {
    let one = Provider::start().await;
    let two = one.another_node().await;
    one.company("TechCorp").await;
    let app = one.app().await;
    let other = App { base: two.base.clone(), ..app.clone() };
    // A relying party fetched the keys before all of this, and does not fetch them again.
    let cached: Vec<Value> = {
        let jwks: Value = one.stranger().get(one.url("/oauth2/jwks")).send().await.unwrap().json().await.unwrap();
        jwks["keys"].as_array().unwrap().clone()
    };
    let round = async |from: &App, to: &App| {
        let form = [("grant_type", "client_credentials"), ("company", "techcorp")];
        let (status, tokens) = answer(from.token(&form).await).await;
        assert_eq!(status, 200, "{tokens}");
        let token = text(&tokens, "access_token").to_owned();
        let kid = decode_header(&token).unwrap().claim("kid").unwrap().clone();
        let key = cached.iter().find(|key| key["kid"] == kid).unwrap_or_else(|| panic!("an unknown key: {kid}"));
        let jwk = Jwk::from_map(key.as_object().unwrap().clone()).unwrap();
        let verifier = keys::verifier(SigningAlgorithm::Rs256, &jwk).unwrap();
        decode_with_verifier(&token, verifier.as_ref()).unwrap();
        let (_, told) = answer(to.post("/oauth2/introspect", &[("token", &token)]).await).await;
        assert_eq!(told["active"], true, "the other node does not know {kid}");
        kid
    };
    let load = async || {
        let rounds = (0..40).map(|n| if n % 2 == 0 { round(&app, &other) } else { round(&other, &app) });
        join_all(rounds).await.into_iter().map(|kid| kid.to_string()).collect::<BTreeSet<_>>()
    };
    let before = load().await;
    let rotate = async || keys::rotate(&two.house, &two.house.job("test")).await.unwrap();
    let (during, _) = tokio::join!(load(), rotate());
    // Now every node has read the keys anew.
    for node in [&one, &two] {
        node.wait(Duration::seconds(3));
    }
    let after = load().await;
    assert_eq!((before.len(), after.len()), (1, 1));
    assert!(before.is_disjoint(&after));
    assert!(during.iter().all(|kid| before.contains(kid) || after.contains(kid)));
}
