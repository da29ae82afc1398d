//! How a stranger's client asks, proves who it is, and binds what it gets: pushed and signed requests, signed answers, assertions,
//! and proofs of possession.

use std::process::Command;

use countersign::model::client::{AuthMethod, Profile};
use countersign::model::jose::SigningAlgorithm;
use serde_json::{Value, json};

use super::desk::Desk;
use super::{node, python};

/// FAPI 2.0 Security Profile, beyond what profile `high` demands anyway.
const SECURITY: [(&str, &str); 2] = [("PUSHED", "1"), ("DPOP", "1")];
/// FAPI 2.0 Message Signing besides.
const MESSAGE_SIGNING: [(&str, &str); 4] =
    [("PUSHED", "1"), ("DPOP", "1"), ("SIGNED_REQUEST", "1"), ("SIGNED_RESPONSE", "1")];

async fn fapi(algorithm: SigningAlgorithm, command: Command, settings: &[(&str, &str)]) -> Value {
    let desk = Desk::with(algorithm).await;
    let app = desk.client(AuthMethod::PrivateKeyJwt, |client| client.profile = Profile::High).await;
    let got = desk.visit(command, &app, settings).await;
    // RFC 9449, section 5, in the spelling that the libraries give it.
    assert_eq!(got["token_response"]["token_type"], "dpop", "{got:#}");
    // FAPI 2.0 Security Profile, section 5.3.2.1: refresh tokens do not rotate.
    assert_eq!(got["refreshed"]["rotated"], false, "{got:#}");
    got
}

#[tokio::test]
async fn openid_client_meets_the_security_profile_of_fapi_2() {
    let got = fapi(SigningAlgorithm::Es256, node("sign_in.mjs"), &SECURITY).await;
    assert!(got["callback"]["iss"].is_string(), "{got:#}");
}

#[tokio::test]
async fn openid_client_signs_messages_as_fapi_2_has_it() {
    let got = fapi(SigningAlgorithm::Ps256, node("sign_in.mjs"), &MESSAGE_SIGNING).await;
    only_signed(&got);
}

#[tokio::test]
async fn oauth4webapi_meets_the_security_profile_of_fapi_2() {
    let got = fapi(SigningAlgorithm::Ps256, node("sign_in_oauth4webapi.mjs"), &SECURITY).await;
    assert!(got["callback"]["iss"].is_string(), "{got:#}");
}

#[tokio::test]
async fn oauth4webapi_signs_messages_as_fapi_2_has_it() {
    let got = fapi(SigningAlgorithm::Es256, node("sign_in_oauth4webapi.mjs"), &MESSAGE_SIGNING).await;
    only_signed(&got);
}

#[tokio::test]
async fn an_app_with_a_secret_pushes_its_request_and_binds_its_tokens() {
    for script in ["sign_in.mjs", "sign_in_oauth4webapi.mjs"] {
        let desk = Desk::with(SigningAlgorithm::Es256).await;
        let app = desk.client(AuthMethod::SecretBasic, |_| {}).await;
        let got = desk.visit(node(script), &app, &SECURITY).await;
        assert_eq!(got["token_response"]["token_type"], "dpop", "{got:#}");
    }
}

/// These libraries already call EdDSA by its newer name (RFC 9864): in assertions, request objects and proofs.
#[tokio::test]
async fn a_client_signs_its_request_and_is_answered_with_a_signature() {
    let desk = Desk::with(SigningAlgorithm::EdDsa).await;
    let app = desk.client(AuthMethod::PrivateKeyJwt, |_| {}).await;
    for script in ["sign_in.mjs", "sign_in_oauth4webapi.mjs"] {
        let settings = [("SIGNED_REQUEST", "1"), ("SIGNED_RESPONSE", "1"), ("DPOP", "1"), ("DPOP_ALG", "Ed25519")];
        only_signed(&desk.visit(node(script), &app, &settings).await);
    }
}

#[tokio::test]
async fn strangers_prove_themselves_with_assertions_of_a_key() {
    let desk = Desk::with(SigningAlgorithm::Rs256).await;
    let app = desk.client(AuthMethod::PrivateKeyJwt, |_| {}).await;
    for command in [node("sign_in.mjs"), python("sign_in.py"), python("sign_in_idpyoidc.py")] {
        desk.visit(command, &app, &[]).await;
    }
}

#[tokio::test]
async fn strangers_prove_themselves_with_assertions_of_a_secret() {
    let desk = Desk::with(SigningAlgorithm::Es256).await;
    let app = desk.client(AuthMethod::SecretJwt, |_| {}).await;
    for command in
        [node("sign_in.mjs"), node("sign_in_oauth4webapi.mjs"), python("sign_in.py"), python("sign_in_idpyoidc.py")]
    {
        desk.visit(command, &app, &[("CLIENT_AUTH", "jwt")]).await;
    }
}

#[tokio::test]
async fn strangers_send_their_secret() {
    let desk = Desk::with(SigningAlgorithm::Es256).await;
    for (method, setting) in [(AuthMethod::SecretBasic, "basic"), (AuthMethod::SecretPost, "post")] {
        let app = desk.client(method, |_| {}).await;
        for command in [node("sign_in_oauth4webapi.mjs"), python("sign_in_idpyoidc.py")] {
            desk.visit(command, &app, &[("CLIENT_AUTH", setting)]).await;
        }
    }
}

/// JARM, section 2.1: nothing stands beside the signed answer.
fn only_signed(got: &Value) {
    let names: Vec<&String> = got["callback"].as_object().unwrap().keys().collect();
    assert_eq!(json!(names), json!(["response"]), "{got:#}");
}
