//! Codes that are bound to a key (RFC 9449, section 10), and clients whose tokens must be.

use countersign::model::client::AuthMethod;
use serde_json::json;
use url::Url;

use super::{Stage, stage, stage_of};
use crate::harness::app::{answer, claims, refusal, registration, text};
use crate::harness::prover::Prover;

impl Stage {
    /// A code of an authorization request with these parameters.
    async fn code_with(&self, more: &[(&str, &str)]) -> String {
        self.app.code(&self.browser.get(&self.app.authorize(more)).await)
    }

    /// The code is good with the app's key, and only with it.
    async fn is_bound(&self, code: &str) {
        let thief = Prover::default();
        let other = thief.sign(&thief.for_token(&self.provider));
        // Behaviour 83.
        assert_eq!(refusal(self.redeem(code, &[]).await).await, (400, "invalid_grant".to_owned()));
        assert_eq!(refusal(self.redeem(code, &[other]).await).await, (400, "invalid_grant".to_owned()));
        // Whoever stole the code did not use it up.
        let (status, tokens) = answer(self.redeem(code, &[self.proof()]).await).await;
        assert_eq!(status, 200, "{tokens}");
        assert_eq!(claims(text(&tokens, "access_token"))["cnf"]["jkt"], self.prover.jkt());
    }
}

#[tokio::test]
async fn a_code_that_names_a_key_is_redeemed_only_with_that_key() {
    for method in [AuthMethod::SecretBasic, AuthMethod::None] {
        let stage = stage_of(method).await;
        stage.is_bound(&stage.code_with(&[("dpop_jkt", &stage.prover.jkt())]).await).await;
    }
}

#[tokio::test]
async fn a_code_of_a_request_that_was_pushed_with_a_proof_is_redeemed_only_with_that_key() {
    let stage = stage().await;
    let url: Url = stage.app.authorize(&[]).parse().unwrap();
    let form: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let push = async |form: &[(&str, &str)]| {
        let url = stage.provider.url("/oauth2/par");
        let proof = stage.prover.sign(&stage.prover.draft("POST", &url, stage.provider.house.clock.now()));
        answer(stage.app.request("/oauth2/par", form).header("DPoP", proof).send().await.unwrap()).await
    };
    let jkt = Prover::default().jkt();
    let other = [form.as_slice(), &[("dpop_jkt", jkt.as_str())]].concat();
    let (status, refused) = push(&other).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_dpop_proof")));
    let (status, pushed) = push(&form).await;
    assert_eq!(status, 201, "{pushed}");
    let (id, reference) = (&stage.app.id, text(&pushed, "request_uri"));
    let url = Url::parse_with_params(
        &stage.provider.url("/oauth2/authorize"),
        [("client_id", id.as_str()), ("request_uri", reference)],
    );
    stage.is_bound(&stage.app.code(&stage.browser.get(url.unwrap().as_str()).await)).await;
}

#[tokio::test]
async fn a_flawed_proof_does_not_use_a_code_up() {
    let stage = stage().await;
    let code = stage.code().await;
    let flawed = stage.prover.sign(&stage.prover.for_token(&stage.provider).claim("htm", "GET"));
    assert_eq!(refusal(stage.redeem(&code, &[flawed]).await).await, (400, "invalid_dpop_proof".to_owned()));
    assert_eq!(stage.redeem(&code, &[stage.proof()]).await.status(), 200);
}

#[tokio::test]
async fn a_client_that_registered_for_bound_tokens_redeems_no_code_without_a_proof() {
    let mut stage = stage().await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.dpop_bound_access_tokens = true;
    stage.app = stage.provider.register((client, secret)).await;
    let code = stage.code().await;
    assert_eq!(refusal(stage.redeem(&code, &[]).await).await, (400, "invalid_dpop_proof".to_owned()));
    assert_eq!(stage.redeem(&code, &[stage.proof()]).await.status(), 200);
}
