//! Bound tokens in use: at userinfo, in introspection, and at the management API.

use countersign::domain::keys::{self, Kind};
use countersign::model::client::AuthMethod;
use countersign::model::jose::SigningAlgorithm;
use serde_json::json;

use super::{Stage, stage, stage_of};
use crate::harness::app::{answer, claims, refusal, text};
use crate::harness::prover::Prover;

/// The challenge of a refusal, and its error.
async fn challenged(response: reqwest::Response) -> String {
    assert_eq!(response.status(), 401);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(challenge.starts_with("DPoP ") && challenge.contains("algs=\"RS256 PS256 ES256 EdDSA\""), "{challenge}");
    let (_, error) = refusal(response).await;
    assert!(challenge.contains(&format!("error=\"{error}\"")), "{challenge}");
    error
}

#[tokio::test]
async fn a_token_that_was_asked_for_with_a_proof_is_bound_to_its_key() {
    let stage = stage().await;
    let tokens = stage.tokens().await;
    assert_eq!(tokens["token_type"], "DPoP");
    let token = text(&tokens, "access_token");
    assert_eq!(claims(token)["cnf"], json!({ "jkt": stage.prover.jkt() }));
    let (status, info) = answer(stage.userinfo(token, &stage.prover).await).await;
    assert_eq!((status, &info["sub"]), (200, &json!(stage.admin.id.to_string())));
}

#[tokio::test]
async fn the_thumbprint_is_that_of_rfc_7638() {
    // Section 3.1.
    let jwk = json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    });
    assert_eq!(keys::thumbprint(jwk.as_object().unwrap()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[tokio::test]
async fn the_scheme_may_be_written_in_any_case() {
    let stage = stage().await;
    let tokens = stage.tokens().await;
    let token = text(&tokens, "access_token");
    // Behaviour 85.
    for scheme in ["DPoP", "dpop", "DPOP"] {
        let proof = stage.prover.sign(&stage.prover.for_userinfo(&stage.provider, token));
        let response = stage.app.userinfo_with(&format!("{scheme} {token}"), &[proof]).await;
        assert_eq!(response.status(), 200, "{scheme}");
        assert!(response.headers().contains_key("date"));
    }
}

#[tokio::test]
async fn a_bound_token_is_no_bearer_token() {
    let stage = stage().await;
    let tokens = stage.tokens().await;
    let token = text(&tokens, "access_token");
    let proof = || stage.prover.sign(&stage.prover.for_userinfo(&stage.provider, token));
    // Behaviour 82: with and without a proof.
    assert_eq!(challenged(stage.app.userinfo(token).await).await, "invalid_token");
    let bearer = stage.app.userinfo_with(&format!("Bearer {token}"), &[proof()]).await;
    assert_eq!(challenged(bearer).await, "invalid_token");
    let posted = stage.app.http.post(stage.provider.url("/oauth2/userinfo")).form(&[("access_token", token)]);
    assert_eq!(challenged(posted.header("DPoP", proof()).send().await.unwrap()).await, "invalid_token");
}

#[tokio::test]
async fn a_bearer_token_is_not_made_better_by_a_proof() {
    let stage = stage().await;
    let tokens = stage.app.tokens_with(&stage.browser, &[]).await;
    assert_eq!(tokens["token_type"], "Bearer");
    let token = text(&tokens, "access_token");
    assert_eq!(challenged(stage.userinfo(token, &stage.prover).await).await, "invalid_token");
}

#[tokio::test]
async fn a_thief_with_a_key_of_their_own_is_refused() {
    let stage = stage().await;
    let tokens = stage.tokens().await;
    let token = text(&tokens, "access_token");
    // Behaviour 82.
    assert_eq!(challenged(stage.userinfo(token, &Prover::default()).await).await, "invalid_token");
    let bare = stage.app.userinfo_with(&format!("DPoP {token}"), &[]).await;
    assert_eq!(challenged(bare).await, "invalid_dpop_proof");
    assert_eq!(challenged(stage.userinfo("nonsense", &stage.prover).await).await, "invalid_token");
}

#[tokio::test]
async fn a_proof_at_a_resource_names_its_token() {
    let stage = stage().await;
    let tokens = stage.tokens().await;
    let token = text(&tokens, "access_token");
    let good = stage.prover.for_userinfo(&stage.provider, token);
    // Behaviour 82.
    for draft in [
        good.clone().without("ath"),
        good.clone().with_token("another"),
        good.clone().claim("ath", 1),
        good.clone().claim("htm", "POST"),
        stage.prover.for_token(&stage.provider).with_token(token),
    ] {
        let response = stage.app.userinfo_with(&format!("DPoP {token}"), &[stage.prover.sign(&draft)]).await;
        assert_eq!(challenged(response).await, "invalid_dpop_proof", "{draft:?}");
    }
    let twice = [good.clone(), good.claim("jti", "another")].map(|draft| stage.prover.sign(&draft));
    let response = stage.app.userinfo_with(&format!("DPoP {token}"), &twice).await;
    assert_eq!(challenged(response).await, "invalid_dpop_proof");
}

#[tokio::test]
async fn introspection_tells_what_a_token_is_bound_to() {
    let stage = stage_of(AuthMethod::None).await;
    let watcher = stage.provider.app().await;
    let tokens = stage.tokens().await;
    let ask =
        async |name: &str| answer(watcher.post("/oauth2/introspect", &[("token", text(&tokens, name))]).await).await.1;
    let access = ask("access_token").await;
    assert_eq!((&access["active"], &access["token_type"]), (&json!(true), &json!("DPoP")));
    assert_eq!(access["cnf"], json!({ "jkt": stage.prover.jkt() }));
    assert_eq!(ask("refresh_token").await["cnf"], json!({ "jkt": stage.prover.jkt() }));
    let bearer = stage.provider.app().await.tokens_with(&stage.browser, &[]).await;
    let (_, said) = answer(watcher.post("/oauth2/introspect", &[("token", text(&bearer, "access_token"))]).await).await;
    assert_eq!((&said["token_type"], said.get("cnf")), (&json!("Bearer"), None));
}

/// The app's access token, made good for the management API.
async fn api_token(stage: &Stage) -> String {
    let tokens = stage.tokens().await;
    let mut said = claims(text(&tokens, "access_token")).as_object().unwrap().clone();
    said.insert("aud".to_owned(), json!(stage.provider.house.api_audience()));
    let house = &stage.provider.house;
    keys::sign(house, house.clock.now(), (Kind::AccessToken, SigningAlgorithm::Rs256), said).await.unwrap()
}

#[tokio::test]
async fn the_management_api_takes_a_bound_token_only_with_its_proof() {
    let stage = stage().await;
    let token = api_token(&stage).await;
    let url = stage.provider.url("/api/users/me");
    let bearer = stage.provider.api().with(&token).get("/api/users/me").await.expect(401);
    assert!(bearer.headers["www-authenticate"].to_str().unwrap().starts_with("DPoP error=\"invalid_token\""));
    assert_eq!(bearer.headers["content-type"], "application/problem+json");
    let proof =
        stage.prover.sign(&stage.prover.draft("GET", &url, stage.provider.house.clock.now()).with_token(&token));
    let request = stage.app.http.get(&url).header("Authorization", format!("DPoP {token}")).header("DPoP", proof);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().contains_key("dpop-nonce"));
}
