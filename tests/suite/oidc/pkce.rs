//! Proof Key for Code Exchange (RFC 7636): demanded of public clients, checked whenever it is sent.

use crate::harness::app::{CALLBACK, CHALLENGE, VERIFIER, refusal};
use crate::harness::{App, Provider, Visitor};

/// An app, and a browser in which somebody is signed in.
async fn start(public: bool) -> (Provider, App, Visitor) {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = if public { provider.public_app().await } else { provider.app().await };
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    (provider, app, browser)
}

async fn redeem(app: &App, code: &str, verifier: Option<&str>) -> reqwest::Response {
    let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    app.token(&form).await
}

const WITHOUT: [(&str, &str); 2] = [("code_challenge", ""), ("code_challenge_method", "")];

#[tokio::test]
async fn a_public_client_redeems_with_the_verifier_of_its_challenge() {
    let (_provider, app, browser) = start(true).await;
    // Behaviour 11.
    app.tokens_with(&browser, &[]).await;
}

#[tokio::test]
async fn a_public_client_cannot_do_without_a_challenge() {
    let (_provider, app, browser) = start(true).await;
    let page = browser.get(&app.authorize(&WITHOUT)).await;
    assert_eq!(page.query("error").as_deref(), Some("invalid_request"));
    assert_eq!(page.query("code"), None);
}

#[tokio::test]
async fn a_confidential_client_may_do_without_a_challenge() {
    let (_provider, app, browser) = start(false).await;
    // Behaviour 11.
    let code = app.code(&browser.get(&app.authorize(&WITHOUT)).await);
    assert_eq!(redeem(&app, &code, None).await.status(), 200);
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let (_provider, app, browser) = start(false).await;
    let code = app.code(&browser.get(&app.authorize(&WITHOUT)).await);
    assert_eq!(refusal(redeem(&app, &code, Some(VERIFIER)).await).await, (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_challenge_without_its_verifier_is_refused() {
    let (_provider, app, browser) = start(false).await;
    let code = app.code(&browser.get(&app.authorize(&[])).await);
    assert_eq!(refusal(redeem(&app, &code, None).await).await, (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_wrong_verifier_is_refused_and_does_not_use_the_code_up() {
    let (_provider, app, browser) = start(true).await;
    let code = app.code(&browser.get(&app.authorize(&[])).await);
    let wrong = VERIFIER.replace('d', "e");
    assert_eq!(refusal(redeem(&app, &code, Some(&wrong)).await).await, (400, "invalid_grant".to_owned()));
    assert_eq!(redeem(&app, &code, Some(VERIFIER)).await.status(), 200);
}

#[tokio::test]
async fn the_challenge_itself_is_no_verifier() {
    let (_provider, app, browser) = start(true).await;
    let code = app.code(&browser.get(&app.authorize(&[])).await);
    assert_eq!(refusal(redeem(&app, &code, Some(CHALLENGE)).await).await, (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_verifier_of_the_wrong_shape_is_refused() {
    let (_provider, app, browser) = start(true).await;
    let code = app.code(&browser.get(&app.authorize(&[])).await);
    for wrong in ["short", &"a".repeat(129), &format!("{}%", "a".repeat(60))] {
        assert_eq!(refusal(redeem(&app, &code, Some(wrong)).await).await, (400, "invalid_grant".to_owned()));
    }
}

#[tokio::test]
async fn only_s256_is_accepted() {
    let (_provider, app, browser) = start(true).await;
    for more in [
        [("code_challenge_method", "plain"), ("code_challenge", VERIFIER)],
        // Left out, the method means plain.
        [("code_challenge_method", ""), ("code_challenge", CHALLENGE)],
        [("code_challenge_method", "S256"), ("code_challenge", "short")],
        [("code_challenge_method", "S256"), ("code_challenge", "")],
    ] {
        let page = browser.get(&app.authorize(&more)).await;
        assert_eq!(page.query("error").as_deref(), Some("invalid_request"), "{more:?}");
        assert_eq!(page.query("state").as_deref(), Some("a-state"));
    }
}
