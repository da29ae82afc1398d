//! Front-Channel Logout: the browser that signs out looks in at the apps of its login, and goes on to where the app wants it.

use countersign::model::client::AuthMethod;
use scraper::{Html, Selector};
use serde_json::Value;

use crate::harness::app::{claims, registration, text};
use crate::harness::browser::Browser;
use crate::harness::receiver::Receiver;
use crate::harness::{App, Page, Person, Provider, Visitor};

const BYE: &str = "https://app.example/bye";

async fn app(provider: &Provider, uri: &str) -> App {
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.frontchannel_logout_uri = Some(uri.to_owned());
    client.metadata.frontchannel_logout_session_required = true;
    provider.register((client, secret)).await
}

async fn signed_in(provider: &Provider) -> (Person, Visitor) {
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    (admin, browser)
}

fn sources(page: &Page) -> Vec<String> {
    let html = Html::parse_document(&page.html);
    let frames = Selector::parse("iframe").unwrap();
    html.select(&frames).map(|frame| frame.value().attr("src").unwrap().to_owned()).collect()
}

fn policy(page: &Page) -> &str {
    page.headers["content-security-policy"].to_str().unwrap()
}

/// What an app is sent, as text.
fn visit(uri: &str, provider: &Provider, id_token: &Value) -> String {
    let issuer: String = url::form_urlencoded::byte_serialize(provider.base.as_bytes()).collect();
    format!("{uri}iss={issuer}&sid={}", text(id_token, "sid"))
}

#[tokio::test]
async fn the_page_frames_each_app_of_the_login_and_goes_on_to_the_app_that_asked() {
    let provider = Provider::start().await;
    let (admin, browser) = signed_in(&provider).await;
    let one = app(&provider, "https://one.example/out").await;
    let two = app(&provider, "https://two.example:8443/out?kept=1").await;
    let tokens = one.tokens_with(&browser, &[]).await;
    two.tokens_with(&browser, &[]).await;
    let other = provider.visitor();
    other.sign_in(&admin).await;
    app(&provider, "https://three.example/out").await.tokens_with(&other, &[]).await;
    let id = claims(text(&tokens, "id_token"));
    let hint = text(&tokens, "id_token");
    let query = format!("id_token_hint={hint}&post_logout_redirect_uri={BYE}&state=a%22%3Cb");
    let page = browser.get(&format!("/oauth2/logout?{query}")).await;
    // Behaviour 73.
    let mut framed = sources(&page);
    framed.sort();
    assert_eq!(
        framed,
        [
            visit("https://one.example/out?", &provider, &id),
            visit("https://two.example:8443/out?kept=1&", &provider, &id)
        ]
    );
    assert!(policy(&page).contains("; frame-src https://one.example https://two.example:8443;"), "{}", policy(&page));
    assert!(page.text().contains("Signed out"));
    let html = Html::parse_document(&page.html);
    let refresh = html.select(&Selector::parse("meta[http-equiv=refresh]").unwrap()).next().unwrap();
    let to = format!("{BYE}?state=a%22%3Cb");
    assert_eq!(refresh.value().attr("content"), Some(format!("2;url={to}").as_str()));
    let link = html.select(&Selector::parse("a#continue").unwrap()).next().unwrap();
    assert_eq!(link.value().attr("href"), Some(to.as_str()));
    assert_eq!(browser.get(&one.authorize(&[("prompt", "none")])).await.query("error").unwrap(), "login_required");
}

#[tokio::test]
async fn our_own_sign_out_looks_in_too_and_so_does_the_question() {
    let provider = Provider::start().await;
    let (admin, browser) = signed_in(&provider).await;
    let app = app(&provider, "https://one.example/out").await;
    for path in ["/logout", "/oauth2/logout"] {
        let tokens = app.tokens_with(&browser, &[]).await;
        let question = browser.get(path).await;
        assert!(sources(&question).is_empty() && !policy(&question).contains("frame-src"));
        let page = browser.send(&question.form("#logout")).await;
        let id = claims(text(&tokens, "id_token"));
        assert_eq!(sources(&page), [visit("https://one.example/out?", &provider, &id)], "{path}");
        assert!(!page.has("meta[http-equiv=refresh]"));
        browser.sign_in(&admin).await;
    }
}

#[tokio::test]
async fn the_apps_of_earlier_logins_of_this_browser_are_looked_in_at_with_the_sid_that_they_know() {
    let provider = Provider::start().await;
    let (admin, browser) = signed_in(&provider).await;
    let app = app(&provider, "https://one.example/out").await;
    let first = app.tokens_with(&browser, &[]).await;
    let again = browser.get(&app.authorize(&[("prompt", "login")])).await;
    let second = app.tokens(&app.code(&browser.enter_password(&again, &admin).await)).await;
    let page = browser.send(&browser.get("/logout").await.form("#logout")).await;
    let expected = [first, second].map(|tokens| {
        let id = claims(text(&tokens, "id_token"));
        visit("https://one.example/out?", &provider, &id)
    });
    assert_eq!(sources(&page), expected);
    assert!(policy(&page).contains("frame-src https://one.example;"));
}

#[tokio::test]
async fn an_address_that_would_run_in_our_page_is_not_opened() {
    let provider = Provider::start().await;
    let (_, browser) = signed_in(&provider).await;
    for uri in ["javascript:alert(1)", "data:text/html,x", "nonsense"] {
        app(&provider, uri).await.tokens_with(&browser, &[]).await;
    }
    let page = browser.send(&browser.get("/logout").await.form("#logout")).await;
    assert_eq!((page.status, sources(&page).len()), (200, 0));
}

#[tokio::test]
async fn a_real_browser_tells_the_app_and_arrives_with_scripts_and_without() {
    let receiver = Receiver::start();
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    for (number, browser) in [Browser::open().await, Browser::open_without_scripts().await].into_iter().enumerate() {
        let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
        let callback = receiver.url("/callback");
        client.redirect_uris = vec![callback.clone()];
        client.post_logout_redirect_uris = vec![receiver.url("/arrived")];
        client.metadata.frontchannel_logout_uri = Some(receiver.url("/out"));
        let app = provider.register((client, secret)).await;
        browser.goto(app.authorize(&[("redirect_uri", &callback)])).await;
        browser.fill("#email", &admin.email).await;
        browser.fill("#password", &admin.password).await;
        browser.click("#login").await;
        let code = browser.url().await.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &callback),
            ("code_verifier", crate::harness::app::VERIFIER),
        ];
        let tokens: Value = app.token(&form).await.json().await.unwrap();
        let hint = text(&tokens, "id_token");
        let back = receiver.url("/arrived");
        let query = format!("id_token_hint={hint}&post_logout_redirect_uri={back}&state=s");
        browser.goto(provider.url(&format!("/oauth2/logout?{query}"))).await;
        // Behaviour 73.
        receiver.heard("/arrived?state=s", number + 1).await;
        let heard = receiver.heard("/out", number + 1).await;
        assert_eq!(heard[number].method, "GET");
        assert_eq!(heard[number].path, visit("/out?", &provider, &claims(hint)));
    }
}
