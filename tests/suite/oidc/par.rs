//! Pushed authorization requests (RFC 9126): checked before the browser is sent, good for one answer.

use countersign::domain::oidc::par::LIVES;
use countersign::model::client::AuthMethod;
use reqwest::StatusCode;
use serde_json::Value;
use time::Duration;

use crate::harness::app::{CALLBACK, CHALLENGE, answer, refusal, registration, text};
use crate::harness::{App, Provider, Visitor};

const REQUEST: [(&str, &str); 7] = [
    ("response_type", "code"),
    ("redirect_uri", CALLBACK),
    ("scope", "openid offline_access"),
    ("state", "pushed-state"),
    ("nonce", "a-nonce"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

async fn push(app: &App, more: &[(&str, &str)]) -> reqwest::Response {
    let mut form: Vec<(&str, &str)> =
        REQUEST.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name)).copied().collect();
    form.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    app.post("/oauth2/par", &form).await
}

async fn reference(app: &App) -> String {
    let (status, json) = answer(push(app, &[]).await).await;
    assert_eq!(status, 201, "{json}");
    text(&json, "request_uri").to_owned()
}

fn address(app: &App, reference: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", &app.id)
        .append_pair("request_uri", reference)
        .finish();
    format!("/oauth2/authorize?{query}")
}

async fn stage() -> (Provider, App, Visitor) {
    let provider = Provider::start().await;
    let (_, person) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    (provider, app, browser)
}

#[tokio::test]
async fn a_pushed_request_leads_to_tokens() {
    let (_provider, app, browser) = stage().await;
    let response = push(&app, &[]).await;
    // Behaviour 76.
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let json: Value = response.json().await.unwrap();
    assert!(json["expires_in"].as_i64().unwrap() >= 5);
    let reference = text(&json, "request_uri");
    assert!(reference.len() >= "urn:ietf:params:oauth:request_uri:".len() + 43, "{reference}");
    let page = browser.get(&address(&app, reference)).await;
    assert_eq!(page.query("state").as_deref(), Some("pushed-state"));
    app.tokens(&app.code(&page)).await;
}

#[tokio::test]
async fn how_the_client_proved_who_it_is_is_not_kept() {
    let provider = Provider::start().await;
    let app = provider.register(registration(AuthMethod::SecretPost, None)).await;
    let secret = app.secret.as_deref().unwrap();
    let mut form = vec![("client_id", app.id.as_str()), ("client_secret", secret)];
    form.extend(REQUEST);
    let pushed = provider.stranger().post(provider.url("/oauth2/par")).form(&form).send().await.unwrap();
    assert_eq!(pushed.status(), StatusCode::CREATED);
    let kept: Vec<String> = sqlx::query_scalar("select request::text from pushed_request")
        .fetch_all(&mut provider.database.superuser().await)
        .await
        .unwrap();
    assert!(kept[0].contains("pushed-state") && !kept[0].contains(secret), "{kept:?}");
}

#[tokio::test]
async fn what_stands_beside_the_reference_does_not_count() {
    let (_provider, app, browser) = stage().await;
    let reference = reference(&app).await;
    let page = browser
        .get(&format!(
            "{}&state=another&redirect_uri=https://evil.example/&scope=openid+email",
            address(&app, &reference)
        ))
        .await;
    assert_eq!(page.query("state").as_deref(), Some("pushed-state"));
    app.code(&page);
}

#[tokio::test]
async fn a_reference_gives_one_answer() {
    let (_provider, app, browser) = stage().await;
    let reference = reference(&app).await;
    app.code(&browser.get(&address(&app, &reference)).await);
    // Behaviour 77: reuse after success is an error, and goes nowhere.
    let page = browser.get(&address(&app, &reference)).await;
    assert_eq!(page.status, 400);
    assert!(page.text().contains("invalid_request_uri"), "{}", page.text());
}

#[tokio::test]
async fn of_twenty_browsers_at_once_one_gets_the_answer() {
    let (_provider, app, browser) = stage().await;
    let address = address(&app, &reference(&app).await);
    let pages = futures_util::future::join_all((0..20).map(|_| browser.get(&address))).await;
    let codes = pages.iter().filter(|page| page.query("code").is_some()).count();
    assert_eq!(codes, 1);
}

#[tokio::test]
async fn a_reference_is_not_used_up_by_opening_the_page() {
    let provider = Provider::start().await;
    let (_, person) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let reference = reference(&app).await;
    // Behaviour 77: a reload, and another browser, before anybody signed in.
    let browser = provider.visitor();
    browser.get(&address(&app, &reference)).await;
    provider.visitor().get(&address(&app, &reference)).await;
    let page = browser.get(&address(&app, &reference)).await;
    assert_eq!(page.path(), "/login");
    // Whoever takes longer than the reference lives still gets through.
    provider.wait(LIVES + Duration::seconds(1));
    app.code(&browser.enter_password(&page, &person).await);
}

#[tokio::test]
async fn a_reference_expires() {
    let (provider, app, browser) = stage().await;
    let reference = reference(&app).await;
    provider.wait(LIVES + Duration::seconds(1));
    // Behaviour 76.
    let page = browser.get(&address(&app, &reference)).await;
    assert_eq!(page.status, 400);
    assert!(page.text().contains("invalid_request_uri"), "{}", page.text());
}

#[tokio::test]
async fn a_reference_belongs_to_the_client_that_pushed() {
    let (provider, app, browser) = stage().await;
    let other = provider.app().await;
    let reference = reference(&app).await;
    // Behaviour 76.
    let page = browser.get(&address(&other, &reference)).await;
    assert_eq!(page.status, 400);
    app.code(&browser.get(&address(&app, &reference)).await);
}

#[tokio::test]
async fn what_the_authorization_endpoint_refuses_cannot_be_pushed() {
    let (provider, app, _) = stage().await;
    for (more, code) in [
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
        (("redirect_uri", "https://evil.example/"), "invalid_request"),
        (("redirect_uri", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("prompt", "dance"), "invalid_request"),
        (("claims", "nonsense"), "invalid_request"),
        (("resource", "https://nowhere.example"), "invalid_target"),
        (("authorization_details", "[]"), "invalid_authorization_details"),
        (("dpop_jkt", "short"), "invalid_request"),
    ] {
        assert_eq!(refusal(push(&app, &[more]).await).await, (400, code.to_owned()), "{more:?}");
    }
    let nobody = App { secret: Some("wrong".to_owned()), ..app.clone() };
    assert_eq!(refusal(push(&nobody, &[]).await).await, (401, "invalid_client".to_owned()));
    for method in [reqwest::Method::PUT, reqwest::Method::GET] {
        let response = app.http.request(method, provider.url("/oauth2/par")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn a_client_can_be_held_to_pushing() {
    let (provider, _, browser) = stage().await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.require_pushed_authorization_requests = true;
    let app = provider.register((client, secret)).await;
    let page = browser.get(&app.authorize(&[])).await;
    assert_eq!(page.query("error").as_deref(), Some("invalid_request"));
    app.code(&browser.get(&address(&app, &reference(&app).await)).await);
}
