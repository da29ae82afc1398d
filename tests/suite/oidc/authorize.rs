//! The checks of an authorization request, and how its answers travel.

use countersign::model::client::AuthMethod;

use crate::harness::app::{CALLBACK, registration};
use crate::harness::{App, Page, Provider};

/// A provider, one of the platform's apps, and the app's request opened by somebody who is signed in.
async fn signed_in(more: &[(&str, &str)]) -> (Provider, App, Page) {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let page = browser.get(&app.authorize(more)).await;
    (provider, app, page)
}

/// What the app is told of its request.
async fn refused(more: &[(&str, &str)]) -> String {
    let (provider, _, page) = signed_in(more).await;
    assert!(page.url.as_str().starts_with(CALLBACK), "{} {}", page.status, page.text());
    assert_eq!(page.query("code"), None);
    assert_eq!(page.query("iss").as_deref(), Some(provider.base.as_str()));
    // Behaviour 24.
    for (name, value) in page.url.query_pairs() {
        assert!(["error", "error_description", "state", "iss"].contains(&name.as_ref()), "{name}");
        let printable = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
        assert!(value.bytes().all(printable), "{name} is {value}");
    }
    page.query("error").unwrap()
}

/// A page says what is wrong, and the browser is sent nowhere.
async fn stopped(more: &[(&str, &str)]) -> String {
    let (_, _, page) = signed_in(more).await;
    assert_eq!((page.status, page.location()), (400, None));
    page.text_of("h1")
}

#[tokio::test]
async fn a_request_by_post_goes_on_like_one_by_get() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    // Behaviour 12.
    let url: url::Url = app.authorize(&[]).parse().unwrap();
    let fields: Vec<_> = url.query_pairs().into_owned().collect();
    let sent = browser.client.post(provider.url("/oauth2/authorize")).form(&fields).send().await.unwrap();
    assert_eq!(sent.status(), 303);
    let login = browser.get(sent.headers()["location"].to_str().unwrap()).await;
    assert_eq!(login.path(), "/login");
    app.tokens(&app.code(&browser.enter_password(&login, &admin).await)).await;
}

#[tokio::test]
async fn a_missing_response_type_is_told_to_the_app_with_its_state() {
    let (_, _, page) = signed_in(&[("response_type", "")]).await;
    // Behaviour 13.
    assert_eq!(page.query("error").as_deref(), Some("invalid_request"));
    assert_eq!(page.query("state").as_deref(), Some("a-state"));
}

#[tokio::test]
async fn a_redirect_uri_with_a_longer_path_is_never_followed() {
    // Behaviour 14.
    let said = stopped(&[("redirect_uri", "https://app.example/callback/more")]).await;
    assert_eq!(said, "Something went wrong: invalid_request");
}

#[tokio::test]
async fn a_redirect_uri_with_another_query_is_never_followed() {
    // Behaviour 15.
    stopped(&[("redirect_uri", "https://app.example/callback?more=1")]).await;
}

#[tokio::test]
async fn a_redirect_uri_that_only_looks_alike_is_never_followed() {
    stopped(&[("redirect_uri", "https://APP.example/callback")]).await;
}

#[tokio::test]
async fn a_missing_redirect_uri_is_not_guessed() {
    // Behaviour 17.
    stopped(&[("redirect_uri", "")]).await;
}

#[tokio::test]
async fn an_unknown_client_is_told_to_the_person() {
    assert_eq!(stopped(&[("client_id", "cli_nobody")]).await, "Something went wrong: invalid_request");
}

#[tokio::test]
async fn a_client_that_is_switched_off_gets_nothing() {
    let provider = Provider::start().await;
    let app = provider.app().await;
    provider.switch_off(&app.id).await;
    let page = provider.visitor().get(&app.authorize(&[])).await;
    assert_eq!((page.status, page.location()), (400, None));
}

#[tokio::test]
async fn a_registered_query_is_kept_beside_the_code() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let uri = "https://app.example/cb?dummy1=lorem&dummy2=a%2Fb+c";
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.redirect_uris = vec![uri.to_owned()];
    let app = provider.register((client, secret)).await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    // Behaviour 16.
    let page = browser.get(&app.authorize(&[("redirect_uri", uri)])).await;
    assert!(page.url.as_str().starts_with(&format!("{uri}&code=")), "{}", page.url);
    assert_eq!(page.query("state").as_deref(), Some("a-state"));
}

#[tokio::test]
async fn parameters_that_nobody_knows_are_ignored() {
    // Behaviours 18 and 19.
    let (_provider, app, page) = signed_in(&[
        ("foo", "bar"),
        ("display", "popup"),
        ("ui_locales", "se"),
        ("claims_locales", "se"),
        ("login_hint", "nobody@example.com"),
        ("acr_values", "1 2"),
    ])
    .await;
    app.tokens(&app.code(&page)).await;
}

#[tokio::test]
async fn state_comes_back_as_it_was_sent() {
    // Behaviour 25.
    let state: String = "AZaz09-._~".chars().cycle().take(128).collect();
    let (_, _, page) = signed_in(&[("state", &state)]).await;
    assert_eq!(page.query("state"), Some(state.clone()));
    let (_, _, page) = signed_in(&[("state", &state), ("response_type", "")]).await;
    assert_eq!(page.query("state"), Some(state));
}

#[tokio::test]
async fn state_that_was_not_sent_does_not_come_back() {
    let (provider, _, page) = signed_in(&[("state", "")]).await;
    assert_eq!(page.query("state"), None);
    // Behaviour 26.
    assert_eq!(page.query("iss"), Some(provider.base.clone()));
}

#[tokio::test]
async fn a_code_is_long_and_random() {
    let (_, app, page) = signed_in(&[]).await;
    // Behaviour 34.
    let code = app.code(&page);
    assert!(code.len() >= 43, "{code}");
    assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
}

#[tokio::test]
async fn a_form_carries_the_answer_where_the_app_asks_for_it() {
    let (provider, app, page) = signed_in(&[("response_mode", "form_post")]).await;
    // Behaviour 23: the button is there for browsers without scripts, and the policy lets the form through.
    assert_eq!(page.status, 200);
    let form = page.form("#form-post");
    assert_eq!(form.action.as_str(), CALLBACK);
    let value = |name: &str| form.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    assert_eq!(value("state").as_deref(), Some("a-state"));
    assert_eq!(value("iss"), Some(provider.base.clone()));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' https://app.example"), "{policy}");
    app.tokens(&value("code").unwrap()).await;
}

#[tokio::test]
async fn a_form_carries_refusals_too() {
    let (_, _, page) = signed_in(&[("response_mode", "form_post"), ("response_type", "")]).await;
    let fields = page.form("#form-post").fields;
    assert!(fields.contains(&("error".to_owned(), "invalid_request".to_owned())), "{fields:?}");
}

#[tokio::test]
async fn an_unknown_response_mode_is_refused() {
    assert_eq!(refused(&[("response_mode", "pigeon")]).await, "invalid_request");
}

#[tokio::test]
async fn tokens_never_come_from_the_authorization_endpoint() {
    // Behaviours 21 and 22: refused in the fragment, where apps of these response types read.
    for (kind, code) in [
        ("token", "unsupported_response_type"),
        ("id_token token", "unsupported_response_type"),
        ("code token", "unsupported_response_type"),
        ("code id_token token", "unsupported_response_type"),
        ("id_token", "unauthorized_client"),
        ("code id_token", "unauthorized_client"),
    ] {
        let (_, _, page) = signed_in(&[("response_type", kind)]).await;
        assert_eq!(page.url.query(), None, "{kind}");
        let fragment = page.url.fragment().unwrap();
        assert!(fragment.contains(&format!("error={code}")), "{fragment}");
        assert!(fragment.contains("state=a-state"), "{fragment}");
    }
    assert_eq!(refused(&[("response_type", "none")]).await, "unsupported_response_type");
}

#[tokio::test]
async fn a_registration_beside_the_request_is_refused() {
    assert_eq!(refused(&[("registration", "{}")]).await, "registration_not_supported");
    stopped(&[("registration", "{}"), ("redirect_uri", "https://evil.example/")]).await;
}

#[tokio::test]
async fn values_that_mean_nothing_are_refused() {
    for (name, value) in [
        ("prompt", "dance"),
        ("prompt", "none login"),
        ("max_age", "-1"),
        ("max_age", "soon"),
        ("claims", "[]"),
        ("claims", "{\"userinfo\":{\"name\":7}}"),
        ("claims", "nonsense"),
        ("id_token_hint", "nonsense"),
    ] {
        assert_eq!(refused(&[(name, value)]).await, "invalid_request", "{name}={value}");
    }
}

#[tokio::test]
async fn a_client_without_the_grant_gets_no_code() {
    let provider = Provider::start().await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.grant_types = vec!["client_credentials".to_owned()];
    let app = provider.register((client, secret)).await;
    let page = provider.visitor().get(&app.authorize(&[])).await;
    assert_eq!(page.query("error").as_deref(), Some("unauthorized_client"));
}
