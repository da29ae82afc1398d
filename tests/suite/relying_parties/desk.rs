//! A stranger's relying party and a person at a browser without scripts: a sign-in that costs a second, for the many ways in which
//! a client may ask, prove itself and bind its tokens.

use std::process::Command;

use countersign::model::client::{AuthMethod, Client};
use countersign::model::jose::SigningAlgorithm;
use serde_json::{Value, json};

use super::Place;
use super::party::Party;
use crate::harness::app::registration;
use crate::harness::signer::{Signer, jwks};
use crate::harness::{App, Company, Person, Provider, Visitor};

/// A company, its admin at a browser, and a client that has a key.
pub struct Desk {
    pub provider: Provider,
    pub company: Company,
    pub admin: Person,
    pub visitor: Visitor,
    pub place: Place,
    pub key: Signer,
}

impl Desk {
    /// The client's key is for this algorithm.
    pub async fn with(algorithm: SigningAlgorithm) -> Self {
        let provider = Provider::start().await;
        let (company, admin) = provider.company("TechCorp").await;
        let visitor = provider.visitor();
        visitor.sign_in(&admin).await;
        Self { provider, company, admin, visitor, place: Place::free(), key: Signer::new(algorithm, "stranger") }
    }

    /// Registers a client of the platform; with an assertion of its own key it signs, and is answered, in its algorithm.
    pub async fn client(&self, method: AuthMethod, change: impl FnOnce(&mut Client)) -> App {
        let (mut client, secret) = registration(method, None);
        client.redirect_uris = vec![self.place.callback()];
        client.post_logout_redirect_uris = vec![self.place.home()];
        if method == AuthMethod::PrivateKeyJwt {
            client.metadata.jwks = Some(jwks(&[&self.key]));
            client.metadata.id_token_signed_response_alg = self.key.algorithm;
            client.metadata.authorization_signed_response_alg = Some(self.key.algorithm);
        }
        change(&mut client);
        self.provider.register((client, secret)).await
    }

    /// One sign-in from the first line of the relying party to its end; gives what it got.
    pub async fn visit(&self, mut command: Command, app: &App, settings: &[(&str, &str)]) -> Value {
        command.env("CLIENT_ID", &app.id);
        if let Some(secret) = &app.secret {
            command.env("CLIENT_SECRET", secret);
        } else {
            command
                .env("CLIENT_KEY", self.key.private_jwk().to_string())
                .env("SIGNED_WITH", self.key.algorithm.as_str());
        }
        self.follow(command, settings).await
    }

    /// The same, without a client that is there before.
    pub async fn follow(&self, mut command: Command, settings: &[(&str, &str)]) -> Value {
        command
            .env("ISSUER", &self.provider.base)
            .env("REDIRECT_URI", self.place.callback())
            .env("ALLOW_HTTP", "1")
            .envs(settings.iter().copied());
        let mut party = Party::start(&mut command);
        let opening = party.json().await;
        let mut page = self.visitor.get(opening["authorize"].as_str().unwrap()).await;
        if page.has("#allow") {
            page = self.visitor.send(&page.form("#allow")).await;
        }
        assert!(page.url.as_str().starts_with(&self.place.callback()), "not at the app: {} {}", page.url, page.text());
        let answer = self.provider.stranger().get(page.url).send().await.unwrap().text().await.unwrap();
        assert_eq!(answer, "Signed in at techcorp as admin. You can close this tab.");
        let got = party.json().await;
        party.end().await;
        assert_eq!(got["id_token_claims"]["sub"], self.admin.id.to_string(), "{got:#}");
        assert_eq!(got["id_token_claims"]["company_id"], self.company.id.to_string(), "{got:#}");
        assert_eq!(got["refreshed"]["access_token_claims"]["roles"], json!(["admin"]), "{got:#}");
        assert_eq!(got["introspection"]["active"], true, "{got:#}");
        assert_eq!(got["revoked"], json!({ "refresh_token": "invalid_grant", "access_token": "refused" }), "{got:#}");
        got
    }
}
