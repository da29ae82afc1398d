//! Refresh tokens of clients that hold a key (RFC 9449, section 5), and what each profile says of refresh tokens.

use std::collections::BTreeSet;

use countersign::model::client::{AuthMethod, Profile};
use serde_json::{Value, json};
use time::Duration;

use super::{Stage, stage, stage_of};
use crate::harness::app::{answer, claims, refusal, registration, text};
use crate::harness::prover::Prover;

impl Stage {
    /// Refreshes with a proof of this key, which must work.
    async fn next(&self, token: &str, prover: &Prover) -> Value {
        let proof = prover.sign(&prover.for_token(&self.provider));
        let (status, tokens) = answer(self.refresh(token, &[proof]).await).await;
        assert_eq!(status, 200, "{tokens}");
        assert_eq!(tokens["token_type"], "DPoP");
        assert_eq!(claims(text(&tokens, "access_token"))["cnf"], json!({ "jkt": prover.jkt() }));
        tokens
    }

    /// Refreshes without the key, which must not.
    async fn dead(&self, token: &str) {
        let thief = Prover::default();
        let other = thief.sign(&thief.for_token(&self.provider));
        for proofs in [vec![], vec![other]] {
            assert_eq!(refusal(self.refresh(token, &proofs).await).await, (400, "invalid_grant".to_owned()));
        }
    }
}

#[tokio::test]
async fn a_public_clients_refresh_token_is_good_only_with_its_key() {
    let stage = stage_of(AuthMethod::None).await;
    let tokens = stage.tokens().await;
    stage.dead(text(&tokens, "refresh_token")).await;
    let next = stage.next(text(&tokens, "refresh_token"), &stage.prover).await;
    stage.dead(text(&next, "refresh_token")).await;
    let next = stage.next(text(&next, "refresh_token"), &stage.prover).await;
    assert_eq!(stage.userinfo(text(&next, "access_token"), &stage.prover).await.status(), 200);
}

#[tokio::test]
async fn a_thief_without_the_key_cannot_end_the_session_with_a_token_of_before() {
    let stage = stage_of(AuthMethod::None).await;
    let first = stage.tokens().await;
    let second = stage.next(text(&first, "refresh_token"), &stage.prover).await;
    let third = stage.next(text(&second, "refresh_token"), &stage.prover).await;
    stage.dead(text(&first, "refresh_token")).await;
    stage.next(text(&third, "refresh_token"), &stage.prover).await;
}

#[tokio::test]
async fn a_public_client_with_a_key_may_lose_an_answer_too() {
    let stage = stage_of(AuthMethod::None).await;
    let tokens = stage.tokens().await;
    let first = text(&tokens, "refresh_token");
    let mut seen = BTreeSet::from([first.to_owned()]);
    seen.insert(text(&stage.next(first, &stage.prover).await, "refresh_token").to_owned());
    stage.provider.wait(Duration::seconds(30));
    // Behaviour 84.
    seen.insert(text(&stage.next(first, &stage.prover).await, "refresh_token").to_owned());
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn a_confidential_client_may_change_its_key() {
    let stage = stage().await;
    let tokens = stage.tokens().await;
    let token = text(&tokens, "refresh_token");
    // Behaviour 84: it does not rotate.
    let other = Prover::default();
    let next = stage.next(token, &other).await;
    assert_eq!(text(&next, "refresh_token"), token);
    assert_eq!(stage.userinfo(text(&next, "access_token"), &other).await.status(), 200);
    assert_eq!(stage.userinfo(text(&next, "access_token"), &stage.prover).await.status(), 401);
}

#[tokio::test]
async fn a_client_whose_tokens_are_bound_does_not_fall_back_to_bearer_tokens() {
    let mut stage = stage().await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.dpop_bound_access_tokens = true;
    stage.app = stage.provider.register((client, secret)).await;
    let tokens = stage.tokens().await;
    let token = text(&tokens, "refresh_token");
    assert_eq!(refusal(stage.refresh(token, &[]).await).await, (400, "invalid_dpop_proof".to_owned()));
    stage.next(token, &stage.prover).await;
}

#[tokio::test]
async fn a_legacy_client_is_given_a_refresh_token_unasked_and_keeps_it() {
    let mut stage = stage().await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.profile = Profile::Legacy;
    stage.app = stage.provider.register((client, secret)).await;
    let tokens = stage.app.tokens_with(&stage.browser, &[("scope", "openid email")]).await;
    let token = text(&tokens, "refresh_token");
    // Longer than an access token lives.
    for _ in 0..2 {
        stage.provider.wait(Duration::hours(20));
        let (status, next) = answer(stage.refresh(token, &[]).await).await;
        assert_eq!((status, text(&next, "refresh_token")), (200, token));
    }
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.profile = Profile::Legacy;
    client.grant_types = vec!["authorization_code".to_owned()];
    stage.app = stage.provider.register((client, secret)).await;
    stage.browser.sign_in(&stage.admin).await;
    let tokens = stage.app.tokens_with(&stage.browser, &[("scope", "openid email")]).await;
    assert_eq!(tokens.get("refresh_token"), None);
}

#[test]
fn only_tokens_of_public_clients_of_the_standard_profile_rotate() {
    for (method, profile, rotates) in [
        (AuthMethod::None, Profile::Standard, true),
        (AuthMethod::None, Profile::High, false),
        (AuthMethod::None, Profile::Legacy, false),
        (AuthMethod::PrivateKeyJwt, Profile::Standard, false),
        // Behaviour 84.
        (AuthMethod::PrivateKeyJwt, Profile::High, false),
    ] {
        let (mut client, _) = registration(method, None);
        client.profile = profile;
        assert_eq!(client.rotates_refresh_tokens(), rotates, "{method:?} {profile:?}");
    }
}
