//! A proof works once: on every node, however many try at once, and for as long as it would be taken.

use countersign::job;
use countersign::model::client::AuthMethod;
use futures_util::future::join_all;
use serde_json::json;
use time::Duration;

use crate::harness::app::{answer, refusal, registration, text};
use crate::harness::prover::Prover;
use crate::harness::{App, Provider};

const FORM: [(&str, &str); 1] = [("grant_type", "client_credentials")];

async fn stage() -> (Provider, App, Prover) {
    let provider = Provider::start().await;
    let (company, _) = provider.company("TechCorp").await;
    let app = provider.register(registration(AuthMethod::SecretBasic, Some(company.id))).await;
    (provider, app, Prover::default())
}

#[tokio::test]
async fn a_proof_works_once_on_all_nodes() {
    let (provider, app, prover) = stage().await;
    let second = provider.another_node().await;
    let elsewhere = App { base: second.base.clone(), ..app.clone() };
    let proof = [prover.sign(&prover.for_token(&provider))];
    assert_eq!(app.token_with(&FORM, &proof).await.status(), 200);
    // Behaviour 82.
    for app in [&elsewhere, &app] {
        assert_eq!(refusal(app.token_with(&FORM, &proof).await).await, (400, "invalid_dpop_proof".to_owned()));
    }
    // A fresh one works there, so it was not the node.
    let fresh = [prover.sign(&prover.for_token(&provider))];
    assert_eq!(elsewhere.token_with(&FORM, &fresh).await.status(), 200);
}

#[tokio::test]
async fn of_fifty_uses_at_once_one_succeeds() {
    let (provider, app, prover) = stage().await;
    let second = provider.another_node().await;
    let nodes = [app.clone(), App { base: second.base.clone(), ..app }];
    let proof = [prover.sign(&prover.for_token(&provider))];
    let answers = join_all((0..50).map(|number| nodes[number % 2].token_with(&FORM, &proof))).await;
    // Behaviour 82.
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 49, "{statuses:?}");
}

#[tokio::test]
async fn a_proof_works_once_at_a_resource() {
    let stage = super::stage().await;
    let tokens = stage.tokens().await;
    let token = text(&tokens, "access_token");
    let proof = [stage.prover.sign(&stage.prover.for_userinfo(&stage.provider, token))];
    let authorization = format!("DPoP {token}");
    assert_eq!(stage.app.userinfo_with(&authorization, &proof).await.status(), 200);
    let again = stage.app.userinfo_with(&authorization, &proof).await;
    assert_eq!(refusal(again).await, (401, "invalid_dpop_proof".to_owned()));
}

#[tokio::test]
async fn a_proof_is_remembered_for_as_long_as_it_would_be_taken() {
    let (provider, app, prover) = stage().await;
    // As far ahead as it may be.
    let ahead = provider.house.clock.now().unix_timestamp() + 55;
    let proof = [prover.sign(&prover.for_token(&provider).claim("iat", ahead))];
    let again = async || {
        job::sweep_all(std::sync::Arc::clone(&provider.house)).await.unwrap();
        answer(app.token_with(&FORM, &proof).await).await.1
    };
    assert!(again().await.get("access_token").is_some());
    for _ in 0..4 {
        provider.wait(Duration::seconds(28));
        assert_eq!(again().await["error_description"], "the DPoP proof was used before");
    }
    provider.wait(Duration::minutes(2));
    assert_eq!(again().await["error_description"], "the DPoP proof is too old");
}

#[tokio::test]
async fn nobody_uses_up_the_names_of_anothers_proofs() {
    let (provider, app, prover) = stage().await;
    for prover in [&prover, &Prover::default()] {
        let proof = prover.sign(&prover.for_token(&provider).claim("jti", "the-same"));
        let (status, body) = answer(app.token_with(&FORM, &[proof]).await).await;
        assert_eq!((status, &body["token_type"]), (200, &json!("DPoP")));
    }
}
