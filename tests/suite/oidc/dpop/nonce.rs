//! Nonces of the server (RFC 9449, sections 8 and 9): given to whoever sends a proof, demanded of some, checked whenever sent.

use countersign::domain::oidc::binding::Evidence;
use countersign::domain::oidc::dpop::Sent;
use countersign::model::client::{AuthMethod, Profile};
use countersign::model::error::Error;
use countersign::model::jose::SigningAlgorithm;
use countersign::model::secret::random;
use reqwest::Response;
use serde_json::json;
use time::Duration;

use super::{Stage, stage};
use crate::harness::app::{answer, refusal, registration, text};
use crate::harness::prover::{Draft, Prover};
use crate::harness::signer::{Signer, jwks};
use crate::harness::{App, Provider};

const FORM: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("company", "techcorp")];

fn nonce_of(response: &Response) -> Option<String> {
    response.headers().get("dpop-nonce").map(|nonce| nonce.to_str().unwrap().to_owned())
}

impl Stage {
    async fn ask(&self, draft: &Draft) -> Response {
        self.app.token_with(&FORM, &[self.prover.sign(draft)]).await
    }

    fn draft(&self) -> Draft {
        self.prover.for_token(&self.provider)
    }

    async fn nonce(&self) -> String {
        nonce_of(&self.ask(&self.draft()).await).unwrap()
    }
}

#[tokio::test]
async fn whoever_sends_a_proof_learns_the_nonce_for_the_next() {
    let stage = stage().await;
    let nonce = stage.nonce().await;
    assert!(nonce.len() >= 22 && nonce.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(nonce_of(&stage.app.token(&FORM).await), None);
    // A refusal tells it too.
    assert!(nonce_of(&stage.ask(&stage.draft().without("htm")).await).is_some());
    assert_eq!(stage.ask(&stage.draft().claim("nonce", nonce)).await.status(), 200);
    let tokens = stage.tokens().await;
    let token = text(&tokens, "access_token");
    assert!(nonce_of(&stage.userinfo(token, &stage.prover).await).is_some());
    assert_eq!(nonce_of(&stage.app.userinfo(token).await), None);
}

#[tokio::test]
async fn a_nonce_that_is_not_ours_is_refused_and_the_right_one_given() {
    let stage = stage().await;
    for nonce in ["", "nonsense", &"A".repeat(43)] {
        let response = stage.ask(&stage.draft().claim("nonce", nonce)).await;
        let given = nonce_of(&response).unwrap();
        assert_eq!(refusal(response).await, (400, "use_dpop_nonce".to_owned()));
        assert_eq!(stage.ask(&stage.draft().claim("nonce", given)).await.status(), 200);
    }
    assert_eq!(refusal(stage.ask(&stage.draft().claim("nonce", 1)).await).await.1, "invalid_dpop_proof");
}

#[tokio::test]
async fn a_resource_refuses_a_strange_nonce_with_a_challenge() {
    let stage = stage().await;
    let tokens = stage.tokens().await;
    let token = text(&tokens, "access_token");
    let draft = stage.prover.for_userinfo(&stage.provider, token);
    let proof = [stage.prover.sign(&draft.clone().claim("nonce", "nonsense"))];
    let response = stage.app.userinfo_with(&format!("DPoP {token}"), &proof).await;
    let nonce = nonce_of(&response).unwrap();
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.starts_with("DPoP error=\"use_dpop_nonce\""), "{challenge}");
    assert_eq!(refusal(response).await, (401, "use_dpop_nonce".to_owned()));
    let proof = [stage.prover.sign(&draft.claim("nonce", nonce))];
    assert_eq!(stage.app.userinfo_with(&format!("DPoP {token}"), &proof).await.status(), 200);
}

#[tokio::test]
async fn a_nonce_stands_in_for_a_clock_that_is_slow() {
    let stage = stage().await;
    let slow = stage.provider.house.clock.now().unix_timestamp() - 240;
    let old = stage.ask(&stage.draft().claim("iat", slow)).await;
    assert_eq!(refusal(old).await, (400, "invalid_dpop_proof".to_owned()));
    let draft = stage.draft().claim("iat", slow).claim("nonce", stage.nonce().await);
    assert_eq!(stage.ask(&draft).await.status(), 200);
    let draft = stage.draft().claim("iat", slow - 600).claim("nonce", stage.nonce().await);
    assert_eq!(refusal(stage.ask(&draft).await).await, (400, "invalid_dpop_proof".to_owned()));
}

#[tokio::test]
async fn a_nonce_is_good_for_some_minutes() {
    let stage = stage().await;
    let nonce = stage.nonce().await;
    stage.provider.wait(Duration::minutes(4));
    assert_eq!(stage.ask(&stage.draft().claim("nonce", nonce.as_str())).await.status(), 200);
    stage.provider.wait(Duration::minutes(3));
    let late = stage.ask(&stage.draft().claim("nonce", nonce)).await;
    assert_eq!(refusal(late).await, (400, "use_dpop_nonce".to_owned()));
}

#[tokio::test]
async fn every_node_knows_the_nonces_of_every_other_and_those_of_the_secret_before() {
    const SECRETS: [&str; 2] = ["one-secret-of-more-than-32-characters", "two-secret-of-more-than-32-characters"];
    let node = async |settings: &[(&str, &str)]| Provider::start_with(settings).await.house.clone();
    let (one, other) = (node(&[("SECRET_KEY", SECRETS[0])]).await, node(&[("SECRET_KEY", SECRETS[0])]).await);
    let next = node(&[("SECRET_KEY", SECRETS[1]), ("SECRET_KEY_PREVIOUS", SECRETS[0])]).await;
    let stranger = node(&[("SECRET_KEY", SECRETS[1])]).await;
    let now = one.clock.now();
    let nonce = one.dpop_nonces.current(now).unwrap();
    assert!(other.dpop_nonces.knows(&nonce, now));
    assert!(next.dpop_nonces.knows(&nonce, now));
    assert!(!stranger.dpop_nonces.knows(&nonce, now));
    // Another node's clock may be a little behind.
    assert!(other.dpop_nonces.knows(&nonce, now - Duration::seconds(30)));
}

/// A client of profile `high`, at the token endpoint.
async fn evidence(provider: &Provider, prover: &Prover, draft: &Draft) -> Result<Evidence, &'static str> {
    let (mut client, _) = registration(AuthMethod::PrivateKeyJwt, None);
    client.profile = Profile::High;
    let sent = Sent { proofs: vec![prover.sign(draft)], method: "POST".to_owned(), path: "/oauth2/token".to_owned() };
    let cx = provider.house.job("test");
    Evidence::of(&provider.house, &cx, &client, &sent).await.map_err(|error| match error {
        Error::OAuth { code, .. } => code,
        other => panic!("{other}"),
    })
}

#[tokio::test]
async fn the_high_profile_demands_a_nonce_and_a_good_algorithm() {
    let stage = stage().await;
    let (provider, prover) = (&stage.provider, &stage.prover);
    let nonce = stage.nonce().await;
    assert_eq!(evidence(provider, prover, &stage.draft()).await.unwrap_err(), "use_dpop_nonce");
    let found = evidence(provider, prover, &stage.draft().claim("nonce", nonce.as_str())).await.unwrap();
    assert_eq!(found.jkt(), Some(prover.jkt().as_str()));
    let rsa = Prover::new(SigningAlgorithm::Rs256);
    let draft = rsa.for_token(provider).claim("nonce", nonce);
    assert_eq!(evidence(provider, &rsa, &draft).await.unwrap_err(), "invalid_dpop_proof");
}

#[tokio::test]
async fn a_client_of_the_high_profile_asks_again_with_the_nonce() {
    let provider = Provider::start().await;
    let (company, _) = provider.company("TechCorp").await;
    let (signer, prover) = (Signer::new(SigningAlgorithm::Es256, "one"), Prover::default());
    let (mut client, _) = registration(AuthMethod::PrivateKeyJwt, Some(company.id));
    client.profile = Profile::High;
    client.metadata.jwks = Some(jwks(&[&signer]));
    let app = provider.register((client, None)).await;
    let ask = async |proof: Option<Draft>| {
        let now = provider.house.clock.now().unix_timestamp();
        let jti = u128::from_ne_bytes(random()).to_string();
        let said =
            json!({ "iss": app.id, "sub": app.id, "aud": provider.base, "jti": jti, "iat": now, "exp": now + 60 });
        let assertion = signer.sign(&said);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
        ];
        let request = app.http.post(provider.url("/oauth2/token")).form(&form);
        let request = proof.iter().fold(request, |request, draft| request.header("DPoP", prover.sign(draft)));
        request.send().await.unwrap()
    };
    assert_eq!(refusal(ask(None).await).await, (400, "invalid_dpop_proof".to_owned()));
    let first = ask(Some(prover.for_token(&provider))).await;
    let nonce = nonce_of(&first).unwrap();
    assert_eq!(refusal(first).await, (400, "use_dpop_nonce".to_owned()));
    let (status, body) = answer(ask(Some(prover.for_token(&provider).claim("nonce", nonce))).await).await;
    assert_eq!((status, &body["token_type"]), (200, &json!("DPoP")), "{body}");
}

#[tokio::test]
async fn the_high_profile_gets_no_token_without_a_proof() {
    let (mut client, _) = registration(AuthMethod::PrivateKeyJwt, None);
    assert!(matches!(Evidence::default().confirmation(&client), Ok(None)));
    client.profile = Profile::High;
    let refused = Evidence::default().confirmation(&client).unwrap_err();
    assert!(matches!(refused, Error::OAuth { code: "invalid_dpop_proof", .. }), "{refused}");
}

/// The client is held to the high profile from now on.
async fn raise(provider: &Provider, app: &App) {
    let query = sqlx::query("update client set profile = 'high' where id = $1").bind(&app.id);
    assert_eq!(query.execute(&mut provider.database.superuser().await).await.unwrap().rows_affected(), 1);
}

#[tokio::test]
async fn a_resource_demands_a_nonce_of_the_high_profile() {
    let stage = stage().await;
    let tokens = stage.tokens().await;
    let token = text(&tokens, "access_token");
    raise(&stage.provider, &stage.app).await;
    let response = stage.userinfo(token, &stage.prover).await;
    let nonce = nonce_of(&response).unwrap();
    assert_eq!(refusal(response).await, (401, "use_dpop_nonce".to_owned()));
    let draft = stage.prover.for_userinfo(&stage.provider, token).claim("nonce", nonce);
    let response = stage.app.userinfo_with(&format!("DPoP {token}"), &[stage.prover.sign(&draft)]).await;
    assert_eq!(response.status(), 200);
}
