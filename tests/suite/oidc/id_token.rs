//! What an ID token says, and what it leaves to userinfo.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use josekit::jws::RS256;
use serde_json::{Value, json};

use crate::harness::app::{answer, claims, text};
use crate::harness::{App, Provider, Visitor};

async fn start() -> (Provider, App, Visitor) {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    (provider, app, browser)
}

#[tokio::test]
async fn an_id_token_is_for_the_app_and_its_times_are_whole_numbers() {
    let (provider, app, browser) = start().await;
    let id = claims(text(&app.tokens_with(&browser, &[]).await, "id_token"));
    let now = provider.house.clock.now().unix_timestamp();
    // Behaviours 2 and 40.
    assert_eq!(id["iss"], provider.base);
    assert_eq!(id["aud"], app.id);
    assert_eq!(id["azp"], app.id);
    let seconds = |name: &str| id[name].as_i64().unwrap_or_else(|| panic!("{name} is {}", id[name]));
    assert!((now - seconds("iat")).abs() < 300);
    assert!((now - seconds("auth_time")).abs() < 300);
    assert_eq!(seconds("exp") - seconds("iat"), 30 * 60);
    assert!(id["sub"].as_str().unwrap().len() <= 255);
}

#[tokio::test]
async fn the_nonce_comes_back_as_it_was_sent() {
    let (_provider, app, browser) = start().await;
    // Behaviour 40.
    for nonce in ["n".repeat(43), "-._~".repeat(16)] {
        let tokens = app.tokens_with(&browser, &[("nonce", &nonce)]).await;
        assert_eq!(claims(text(&tokens, "id_token"))["nonce"], nonce);
    }
    let tokens = app.tokens_with(&browser, &[("nonce", "")]).await;
    assert_eq!(claims(text(&tokens, "id_token")).get("nonce"), None);
}

#[tokio::test]
async fn it_is_signed_by_a_published_key_that_its_header_names() {
    let (provider, app, browser) = start().await;
    let tokens = app.tokens_with(&browser, &[]).await;
    let jwks = answer(provider.stranger().get(provider.url("/oauth2/jwks")).send().await.unwrap()).await.1;
    // Behaviour 41.
    for name in ["id_token", "access_token"] {
        let token = text(&tokens, name);
        let header: Value = serde_json::from_slice(&B64.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
        assert_eq!(header["alg"], "RS256");
        let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
        let jwk = josekit::jwk::Jwk::from_map(key.as_object().unwrap().clone()).unwrap();
        let verifier = RS256.verifier_from_jwk(&jwk).unwrap();
        josekit::jwt::decode_with_verifier(token, &verifier).unwrap();
    }
}

#[tokio::test]
async fn at_hash_belongs_to_the_access_token() {
    let (_provider, app, browser) = start().await;
    let tokens = app.tokens_with(&browser, &[]).await;
    // Behaviour 42.
    let hash = openssl::sha::sha256(text(&tokens, "access_token").as_bytes());
    assert_eq!(claims(text(&tokens, "id_token"))["at_hash"], B64.encode(&hash[..16]));
}

#[tokio::test]
async fn the_subject_is_the_same_everywhere() {
    let (_provider, app, browser) = start().await;
    let tokens = app.tokens_with(&browser, &[]).await;
    let (_, info) = answer(app.userinfo(text(&tokens, "access_token")).await).await;
    // Behaviour 43.
    assert_eq!(claims(text(&tokens, "id_token"))["sub"], info["sub"]);
    assert_eq!(claims(text(&tokens, "access_token"))["sub"], info["sub"]);
}

#[tokio::test]
async fn with_openid_alone_it_says_nothing_of_the_person_but_company_and_role() {
    let (_provider, app, browser) = start().await;
    let id = claims(text(&app.tokens_with(&browser, &[("scope", "openid")]).await, "id_token"));
    // Behaviour 44; company and role stand in every token.
    let names: BTreeSet<&str> = id.as_object().unwrap().keys().map(String::as_str).collect();
    let standing = ["acr", "amr", "at_hash", "aud", "auth_time", "azp", "exp", "iat", "iss", "nonce", "sid", "sub"];
    let expected: BTreeSet<&str> = standing.into_iter().chain(["company", "company_id", "roles"]).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn without_openid_there_is_none() {
    let (_provider, app, browser) = start().await;
    let tokens = app.tokens_with(&browser, &[("scope", "profile")]).await;
    assert_eq!(tokens.get("id_token"), None);
    assert_eq!(app.userinfo(text(&tokens, "access_token")).await.status(), 403);
}

#[tokio::test]
async fn a_claim_requested_for_userinfo_comes_there_and_not_in_the_id_token() {
    let (_provider, app, browser) = start().await;
    let wish = json!({ "userinfo": { "name": { "essential": true } } }).to_string();
    let tokens = app.tokens_with(&browser, &[("scope", "openid"), ("claims", &wish)]).await;
    // Behaviour 35.
    assert_eq!(claims(text(&tokens, "id_token")).get("name"), None);
    let (_, info) = answer(app.userinfo(text(&tokens, "access_token")).await).await;
    assert_eq!(info["name"], "Ada Admin");
    assert_eq!(info.get("email"), None);
}

#[tokio::test]
async fn a_claim_requested_for_the_id_token_stands_in_it() {
    let (_provider, app, browser) = start().await;
    let wish =
        json!({ "id_token": { "email": null, "no_such_claim": null, "iss": { "value": "https://evil.example" } } });
    let tokens = app.tokens_with(&browser, &[("scope", "openid"), ("claims", &wish.to_string())]).await;
    let id = claims(text(&tokens, "id_token"));
    assert_eq!(id["email"], "admin@techcorp.com");
    assert_eq!(id.get("no_such_claim"), None);
    assert_eq!(id["iss"], app.base);
}

#[tokio::test]
async fn acr_says_how_strongly_the_person_proved_themselves() {
    let (_provider, app, browser) = start().await;
    let id = claims(text(&app.tokens_with(&browser, &[("acr_values", "urn:nobody:knows")]).await, "id_token"));
    // Behaviour 20.
    assert!(id["acr"].as_str().is_some_and(|acr| !acr.is_empty()));
    assert_eq!(id["amr"], json!(["pwd"]));
}

#[tokio::test]
async fn an_access_token_is_typed_and_names_its_client() {
    let (provider, app, browser) = start().await;
    let tokens = app.tokens_with(&browser, &[]).await;
    let token = text(&tokens, "access_token");
    let header: Value = serde_json::from_slice(&B64.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
    assert_eq!(header["typ"], "at+jwt");
    let access = claims(token);
    assert_eq!(access["client_id"], app.id);
    assert_eq!(access["aud"], provider.base);
    assert_eq!(access["scope"], tokens["scope"]);
    assert_eq!(access["sid"], claims(text(&tokens, "id_token"))["sid"]);
}
