//! Strangers that nobody registered: they have an initial access token, and do it themselves (RFC 7591).

use std::process::Command;

use countersign::domain::oidc::registration::token;
use countersign::model::client::Profile;
use countersign::model::jose::SigningAlgorithm;
use countersign::storage::client;
use countersign::storage::initial_access_token::Terms;
use serde_json::Value;

use super::desk::Desk;
use super::{node, python};

async fn sesame(desk: &Desk) -> String {
    let (house, lasts) = (&desk.provider.house, time::Duration::days(1));
    let terms = Terms { company: None, profile: Profile::Standard };
    token::create(house, &house.job("test"), terms, Some(1), lasts).await.unwrap().reveal().to_owned()
}

async fn register(desk: &Desk, command: Command, settings: &[(&str, &str)]) -> Value {
    let sesame = sesame(desk).await;
    let home = desk.place.home();
    let mut given = vec![("INITIAL_ACCESS_TOKEN", sesame.as_str()), ("POST_LOGOUT_REDIRECT_URI", &home)];
    given.extend(settings);
    let got = desk.follow(command, &given).await;
    let id = got["client_id"].as_str().unwrap();
    let known = client::read(&desk.provider.house.db, id).await.unwrap().expect("it is registered");
    assert_eq!(known.redirect_uris, [desk.place.callback()]);
    got
}

#[tokio::test]
async fn strangers_register_themselves_and_get_a_secret() {
    let desk = Desk::with(SigningAlgorithm::Es256).await;
    for command in [node("sign_in.mjs"), node("sign_in_oauth4webapi.mjs"), python("sign_in_idpyoidc.py")] {
        register(&desk, command, &[("CLIENT_AUTH", "basic")]).await;
    }
}

#[tokio::test]
async fn strangers_register_a_key_of_their_own_and_tokens_that_are_bound() {
    let desk = Desk::with(SigningAlgorithm::Es256).await;
    let key = desk.key.private_jwk().to_string();
    for script in ["sign_in.mjs", "sign_in_oauth4webapi.mjs"] {
        let settings = [("CLIENT_KEY", key.as_str()), ("SIGNED_WITH", "ES256"), ("PUSHED", "1"), ("DPOP", "1")];
        let got = register(&desk, node(script), &settings).await;
        assert_eq!(got["token_response"]["token_type"], "dpop", "{got:#}");
    }
}
