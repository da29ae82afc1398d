//! Proof of possession (RFC 9449): tokens that are good only with their key.

mod code;
mod hostile;
mod nonce;
mod proof;
mod refresh;
mod replay;
mod resource;

use countersign::model::client::AuthMethod;
use serde_json::Value;

use crate::harness::app::{CALLBACK, VERIFIER, answer, registration};
use crate::harness::prover::Prover;
use crate::harness::{App, Person, Provider, Visitor};

/// Somebody is signed in, and an app holds a key.
struct Stage {
    provider: Provider,
    admin: Person,
    browser: Visitor,
    app: App,
    prover: Prover,
}

async fn stage_of(method: AuthMethod) -> Stage {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.register(registration(method, None)).await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    Stage { provider, admin, browser, app, prover: Prover::default() }
}

async fn stage() -> Stage {
    stage_of(AuthMethod::SecretBasic).await
}

impl Stage {
    async fn code(&self) -> String {
        self.app.code(&self.browser.get(&self.app.authorize(&[])).await)
    }

    /// Redeems a code with these proofs.
    async fn redeem(&self, code: &str, proofs: &[String]) -> reqwest::Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.app.token_with(&form, proofs).await
    }

    /// A proof of the app's key for the token endpoint.
    fn proof(&self) -> String {
        self.prover.sign(&self.prover.for_token(&self.provider))
    }

    /// Tokens that are bound to the app's key.
    async fn tokens(&self) -> Value {
        let (status, tokens) = answer(self.redeem(&self.code().await, &[self.proof()]).await).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    async fn refresh(&self, token: &str, proofs: &[String]) -> reqwest::Response {
        self.app.token_with(&[("grant_type", "refresh_token"), ("refresh_token", token)], proofs).await
    }

    /// Uses an access token with a proof of this key.
    async fn userinfo(&self, token: &str, prover: &Prover) -> reqwest::Response {
        let proof = prover.sign(&prover.for_userinfo(&self.provider, token));
        self.app.userinfo_with(&format!("DPoP {token}"), &[proof]).await
    }
}
