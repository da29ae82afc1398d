//! The relying parties in `conformance/`, on the libraries that most apps use.

use std::process::Command;

use countersign::model::client::AuthMethod;
use serde_json::{Value, json};

use super::party::Party;
use super::{Scene, node, python};
use crate::harness::browser::Browser;

#[tokio::test]
async fn a_person_signs_in_with_password_and_code_and_the_node_app_knows_company_and_role() {
    let scene = Scene::with(AuthMethod::SecretBasic).await;
    let got = visit(&scene, &mut node("sign_in.mjs")).await;
    knows_company_and_role(&scene, &got);
    confidential_clients_may_ask(&scene, &got);
}

#[tokio::test]
async fn a_person_signs_in_with_password_and_code_and_the_node_app_without_a_secret_knows_company_and_role() {
    let scene = Scene::with(AuthMethod::None).await;
    let got = visit(&scene, &mut node("sign_in.mjs")).await;
    knows_company_and_role(&scene, &got);
    assert_eq!(got["introspection"], Value::Null);
    // OpenID Connect Core 11, RFC 9700 2.2.2: without a secret a refresh token is good for one use.
    assert_eq!(got["refreshed"]["rotated"], true);
}

#[tokio::test]
async fn a_person_signs_in_with_password_and_code_and_the_python_app_knows_company_and_role() {
    // Authlib sends the secret in the form.
    let scene = Scene::with(AuthMethod::SecretPost).await;
    let got = visit(&scene, &mut python("sign_in.py")).await;
    knows_company_and_role(&scene, &got);
    confidential_clients_may_ask(&scene, &got);
}

/// One sign-in from the app's first line to its end; gives what it got.
async fn visit(scene: &Scene, command: &mut Command) -> Value {
    command
        .env("ISSUER", &scene.provider.base)
        .env("CLIENT_ID", &scene.app.id)
        .env("REDIRECT_URI", scene.place.callback())
        .env("ALLOW_HTTP", "1");
    if let Some(secret) = &scene.app.secret {
        command.env("CLIENT_SECRET", secret);
    }
    let mut party = Party::start(command);
    let opening = party.json().await;
    let browser = Browser::open().await;
    browser.goto(opening["authorize"].as_str().unwrap()).await;
    scene.sign_in(&browser).await;
    let text = browser.text().await;
    assert_eq!(text, "Signed in at techcorp as admin. You can close this tab.", "at {}", browser.url().await);
    browser.close().await;
    let got = party.json().await;
    party.end().await;
    got
}

fn knows_company_and_role(scene: &Scene, got: &Value) {
    let company = scene.company.id.to_string();
    let tokens = [
        &got["id_token_claims"],
        &got["access_token_claims"],
        &got["refreshed"]["id_token_claims"],
        &got["refreshed"]["access_token_claims"],
    ];
    for claims in tokens {
        assert_eq!(claims["sub"], scene.admin.id.to_string(), "{got:#}");
        assert_eq!(claims["company_id"], company, "{got:#}");
        assert_eq!(claims["company"], scene.company.slug, "{got:#}");
        assert_eq!(claims["roles"], json!(["admin"]), "{got:#}");
    }
    // RFC 8176: both factors, and that they were several.
    let factors = got["id_token_claims"]["amr"].as_array().unwrap();
    for factor in ["pwd", "otp", "mfa"] {
        assert!(factors.contains(&json!(factor)), "{got:#}");
    }
    assert_eq!(got["userinfo"]["sub"], got["id_token_claims"]["sub"], "{got:#}");
    assert_eq!(got["userinfo"]["email"], scene.admin.email, "{got:#}");
    assert_eq!(got["callback"]["iss"], scene.provider.base, "{got:#}");
    assert_eq!(got["revoked"]["refresh_token"], "invalid_grant", "{got:#}");
    assert_eq!(got["revoked"]["access_token"], "refused", "{got:#}");
}

fn confidential_clients_may_ask(scene: &Scene, got: &Value) {
    assert_eq!(got["introspection"]["active"], true, "{got:#}");
    assert_eq!(got["introspection"]["sub"], scene.admin.id.to_string(), "{got:#}");
    assert_eq!(got["introspection"]["company"], scene.company.slug, "{got:#}");
}
