//! Codes that are bound to a key (RFC 9449, section 10), and clients whose tokens must be.

use countersign::model::client::AuthMethod;

use super::{Stage, stage, stage_of};
use crate::harness::app::{answer, claims, refusal, registration, text};
use crate::harness::prover::Prover;

impl Stage {
    /// A code that the authorization request bound to this key.
    async fn bound_code(&self, jkt: &str) -> String {
        let code = self.code().await;
        let bind = sqlx::query("update authorization_code set dpop_jkt = $1 where used_at is null").bind(jkt);
        assert_eq!(bind.execute(&mut self.provider.database.superuser().await).await.unwrap().rows_affected(), 1);
        code
    }
}

#[tokio::test]
async fn a_code_that_names_a_key_is_redeemed_only_with_that_key() {
    for method in [AuthMethod::SecretBasic, AuthMethod::None] {
        let stage = stage_of(method).await;
        let code = stage.bound_code(&stage.prover.jkt()).await;
        let thief = Prover::default();
        let other = thief.sign(&thief.for_token(&stage.provider));
        // Behaviour 83.
        assert_eq!(refusal(stage.redeem(&code, &[]).await).await, (400, "invalid_grant".to_owned()));
        assert_eq!(refusal(stage.redeem(&code, &[other]).await).await, (400, "invalid_grant".to_owned()));
        // Whoever stole the code did not use it up.
        let (status, tokens) = answer(stage.redeem(&code, &[stage.proof()]).await).await;
        assert_eq!(status, 200, "{tokens}");
        assert_eq!(claims(text(&tokens, "access_token"))["cnf"]["jkt"], stage.prover.jkt());
    }
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
