//! The token endpoint: who asks, and what it answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::model::client::AuthMethod;
use time::Duration;

use crate::harness::app::{CALLBACK, VERIFIER, answer, claims, refusal, registration, text};
use crate::harness::{App, Provider, Visitor};

async fn start() -> (Provider, App, Visitor) {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    (provider, app, browser)
}

async fn code(app: &App, browser: &Visitor) -> String {
    app.code(&browser.get(&app.authorize(&[])).await)
}

/// A request with this `Authorization` header and this form.
async fn send(app: &App, header: Option<&str>, form: &[(&str, &str)]) -> reqwest::Response {
    let mut request = app.http.post(format!("{}/oauth2/token", app.base)).form(form);
    if let Some(header) = header {
        request = request.header("Authorization", header);
    }
    request.send().await.unwrap()
}

fn with_code(code: &str) -> Vec<(&str, &str)> {
    vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)]
}

const INVALID_GRANT: (u16, &str) = (400, "invalid_grant");

fn is(refusal: &(u16, String), expected: (u16, &str)) {
    assert_eq!((refusal.0, refusal.1.as_str()), expected);
}

#[tokio::test]
async fn tokens_come_as_json_that_nobody_keeps() {
    let (_provider, app, browser) = start().await;
    let response = app.redeem(&code(&app, &browser).await).await;
    // Behaviours 47 and 48.
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let (_, tokens) = answer(response).await;
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["expires_in"], 1800);
    assert!(!text(&tokens, "access_token").is_empty());
}

#[tokio::test]
async fn refusals_come_as_json_that_nobody_keeps() {
    let (_provider, app, _) = start().await;
    let response = app.redeem("nonsense").await;
    // Behaviour 49.
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "no-store");
    is(&refusal(response).await, INVALID_GRANT);
}

#[tokio::test]
async fn id_and_secret_are_form_decoded_inside_the_basic_scheme() {
    let (_provider, app, browser) = start().await;
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let pair = format!("{}:{}", percent(&app.id), percent(app.secret.as_deref().unwrap()));
    let header = format!("basic {}", STANDARD.encode(pair));
    // Behaviour 52.
    let code = code(&app, &browser).await;
    assert_eq!(send(&app, Some(&header), &with_code(&code)).await.status(), 200);
}

#[tokio::test]
async fn a_secret_is_long_enough_for_a_key() {
    let (_, secret) = registration(AuthMethod::SecretBasic, None);
    // Behaviour 53.
    assert!(secret.unwrap().len() >= 32);
}

#[tokio::test]
async fn a_secret_may_come_in_the_form() {
    let (_provider, app, browser) = start().await;
    let code = code(&app, &browser).await;
    let mut form = with_code(&code);
    form.extend([("client_id", app.id.as_str()), ("client_secret", app.secret.as_deref().unwrap())]);
    assert_eq!(send(&app, None, &form).await.status(), 200);
}

#[tokio::test]
async fn a_confidential_client_cannot_leave_its_secret_out() {
    let (_provider, app, browser) = start().await;
    let code = code(&app, &browser).await;
    let mut form = with_code(&code);
    form.push(("client_id", &app.id));
    is(&refusal(send(&app, None, &form).await).await, (401, "invalid_client"));
    // The code is still good for whom it was given to.
    app.tokens(&code).await;
}

#[tokio::test]
async fn a_public_client_has_no_secret_to_send() {
    let (provider, _, browser) = start().await;
    let app = provider.public_app().await;
    let code = code(&app, &browser).await;
    let mut form = with_code(&code);
    form.extend([("client_id", app.id.as_str()), ("client_secret", "guess")]);
    is(&refusal(send(&app, None, &form).await).await, (401, "invalid_client"));
}

#[tokio::test]
async fn whoever_cannot_prove_who_they_are_is_challenged() {
    let (_provider, app, _) = start().await;
    let basic = |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let form = with_code("any");
    for header in [
        basic(&app.id, "wrong"),
        basic("cli_nobody", "wrong"),
        basic(&app.id, ""),
        "Basic ???".to_owned(),
        "Basic".to_owned(),
        "Bearer abc".to_owned(),
        format!("Basic {}", STANDARD.encode("no colon")),
        format!("Basic {}", STANDARD.encode("%zz:%zz")),
        format!("Basic {}", STANDARD.encode(b"\xff\xfe:\xff")),
    ] {
        let response = send(&app, Some(&header), &form).await;
        let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
        is(&refusal(response).await, (401, "invalid_client"));
        assert!(challenge.is_some_and(|challenge| challenge.starts_with("Basic ")), "{header}");
    }
    is(&refusal(send(&app, None, &form).await).await, (401, "invalid_client"));
}

#[tokio::test]
async fn a_client_proves_itself_in_one_way() {
    let (_provider, app, _) = start().await;
    let secret = app.secret.as_deref().unwrap();
    let header = format!("Basic {}", STANDARD.encode(format!("{}:{secret}", app.id)));
    let mut form = with_code("any");
    form.push(("client_secret", secret));
    is(&refusal(send(&app, Some(&header), &form).await).await, (400, "invalid_request"));
    let mut form = with_code("any");
    form.push(("client_id", "cli_another"));
    is(&refusal(send(&app, Some(&header), &form).await).await, (400, "invalid_request"));
}

#[tokio::test]
async fn a_parameter_that_comes_twice_is_refused() {
    let (_provider, app, _) = start().await;
    let twice = app.token(&[("grant_type", "authorization_code"), ("code", "a"), ("code", "b")]).await;
    is(&refusal(twice).await, (400, "invalid_request"));
}

#[tokio::test]
async fn grant_types_are_told_apart() {
    let (provider, app, _) = start().await;
    is(&refusal(app.token(&[("grant_type", "password")]).await).await, (400, "unsupported_grant_type"));
    is(&refusal(app.token(&[]).await).await, (400, "invalid_request"));
    is(&refusal(app.token(&[("grant_type", "authorization_code")]).await).await, (400, "invalid_request"));
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.grant_types = vec!["authorization_code".to_owned()];
    let app = provider.register((client, secret)).await;
    is(&refusal(app.token(&[("grant_type", "client_credentials")]).await).await, (400, "unauthorized_client"));
}

#[tokio::test]
async fn another_client_cannot_use_the_code_nor_use_it_up() {
    let (provider, app, browser) = start().await;
    let thief = provider.app().await;
    let code = code(&app, &browser).await;
    // Behaviour 80.
    is(&refusal(thief.redeem(&code).await).await, INVALID_GRANT);
    app.tokens(&code).await;
}

#[tokio::test]
async fn the_redirect_uri_is_the_one_of_the_request() {
    let (_provider, app, browser) = start().await;
    let code = code(&app, &browser).await;
    let mut form = with_code(&code);
    form[2].1 = "https://app.example/other";
    is(&refusal(app.token(&form).await).await, INVALID_GRANT);
    form.remove(2);
    is(&refusal(app.token(&form).await).await, (400, "invalid_request"));
}

#[tokio::test]
async fn a_code_is_good_for_a_minute() {
    let (provider, app, browser) = start().await;
    let (early, late) = (code(&app, &browser).await, code(&app, &browser).await);
    // Behaviour 80.
    provider.wait(Duration::seconds(50));
    app.tokens(&early).await;
    provider.wait(Duration::seconds(11));
    is(&refusal(app.redeem(&late).await).await, INVALID_GRANT);
}

#[tokio::test]
async fn a_code_that_comes_back_late_still_kills_what_it_gave() {
    let (provider, app, browser) = start().await;
    let code = code(&app, &browser).await;
    let tokens = app.tokens(&code).await;
    // Behaviours 50 and 51.
    provider.wait(Duration::seconds(90));
    is(&refusal(app.redeem(&code).await).await, INVALID_GRANT);
    assert_eq!(app.userinfo(text(&tokens, "access_token")).await.status(), 401);
    assert!(provider.events().await.contains(&"code.reused".to_owned()));
}

#[tokio::test]
async fn a_person_who_left_the_company_gets_no_tokens_for_it() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let code = code(&app, &browser).await;
    provider.end_membership(&company, &admin).await;
    is(&refusal(app.redeem(&code).await).await, INVALID_GRANT);
}

#[tokio::test]
async fn scopes_that_the_client_may_not_have_are_left_out() {
    let (provider, _, browser) = start().await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.scopes = countersign::model::scope::Scopes::of(["openid", "email"]);
    let app = provider.register((client, secret)).await;
    let tokens = app.tokens_with(&browser, &[("scope", "openid email profile offline_access unknown")]).await;
    assert_eq!(tokens["scope"], "email openid");
    assert_eq!(tokens.get("refresh_token"), None);
    assert_eq!(claims(text(&tokens, "access_token"))["scope"], "email openid");
}
