//! Resource indicators (RFC 8707): tokens for registered APIs, each with its own scopes and lifetime.

use countersign::model::client::{AuthMethod, ConsentRule};
use countersign::model::id::CompanyId;
use countersign::model::scope::{KNOWN, Scopes};
use countersign::storage::resource::{self, Resource};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::app::{CALLBACK, VERIFIER, answer, claims, refusal, registration};
use crate::harness::{App, Page, Provider, Visitor};

const CALLS: &str = "https://calls.example/v1";
const NOTES: &str = "https://notes.example";

impl Provider {
    async fn resource(&self, owner: Option<CompanyId>, identifier: &str, scopes: &[&str], lifetime: Option<i32>) {
        let resource = Resource {
            id: Uuid::now_v7(),
            company: owner,
            identifier: identifier.to_owned(),
            name: "An API".to_owned(),
            scopes: Scopes::of(scopes.iter().copied()),
            token_lifetime: lifetime,
            disabled_at: None,
        };
        let now = self.house.clock.now();
        if let Some(owner) = owner {
            let mut tx = self.house.db.company(owner, None).await.unwrap();
            resource::save_company(&mut tx, &resource, now).await.unwrap();
            tx.commit_unremarkable().await.unwrap();
        } else {
            let mut tx = self.house.db.platform().await.unwrap();
            resource::save_platform(&mut tx, &resource, now).await.unwrap();
            tx.commit_unremarkable().await.unwrap();
        }
    }
}

async fn stage() -> (Provider, App, Visitor) {
    let provider = Provider::start().await;
    let (_, person) = provider.company("TechCorp").await;
    provider.resource(None, CALLS, &["calls:read", "calls:write"], Some(120)).await;
    provider.resource(None, NOTES, &["notes"], None).await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.scopes = Scopes::of(KNOWN.into_iter().chain(["calls:read", "notes"]));
    let app = provider.register((client, secret)).await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    (provider, app, browser)
}

async fn redeem(app: &App, code: &str, resource: &[&str]) -> reqwest::Response {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    form.extend(resource.iter().map(|one| ("resource", *one)));
    app.token(&form).await
}

fn said(tokens: &Value) -> Value {
    claims(tokens["access_token"].as_str().unwrap())
}

const ASKED: [(&str, &str); 3] =
    [("scope", "openid offline_access calls:read calls:write notes"), ("resource", CALLS), ("resource", NOTES)];

#[tokio::test]
async fn a_token_for_an_api_names_it_and_carries_its_scopes_and_lives_as_it_says() {
    let (_provider, app, browser) = stage().await;
    let code = app.code(&browser.get(&app.authorize(&ASKED)).await);
    let (status, tokens) = answer(redeem(&app, &code, &[CALLS]).await).await;
    assert_eq!(status, 200, "{tokens}");
    // calls:write was not registered by the client.
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!("calls:read"), &json!(120)));
    let token = said(&tokens);
    assert_eq!((&token["aud"], &token["scope"]), (&json!(CALLS), &json!("calls:read")));
    assert_eq!(token["exp"].as_i64().unwrap() - token["iat"].as_i64().unwrap(), 120);
    assert!(tokens["id_token"].is_string());
    // It is good there, and not here.
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).await.status(), 401);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("resource", NOTES)];
    let (_, tokens) = answer(app.token(&form).await).await;
    assert_eq!((&said(&tokens)["aud"], &tokens["scope"]), (&json!(NOTES), &json!("notes")));
}

#[tokio::test]
async fn without_a_choice_a_token_is_for_all_that_was_granted() {
    let (_provider, app, browser) = stage().await;
    let code = app.code(&browser.get(&app.authorize(&ASKED)).await);
    let (_, tokens) = answer(redeem(&app, &code, &[]).await).await;
    assert_eq!(said(&tokens)["aud"], json!([CALLS, NOTES]));
    assert_eq!(tokens["scope"], "calls:read notes");
}

#[tokio::test]
async fn the_provider_itself_can_be_chosen_for_userinfo() {
    let (provider, app, browser) = stage().await;
    let code = app.code(&browser.get(&app.authorize(&ASKED)).await);
    let (_, tokens) = answer(redeem(&app, &code, &[&provider.base]).await).await;
    assert_eq!(tokens["scope"], "offline_access openid");
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).await.status(), 200);
}

#[tokio::test]
async fn what_is_not_registered_or_not_granted_is_refused() {
    let (provider, app, browser) = stage().await;
    for bad in ["https://nowhere.example", "nonsense", "https://calls.example/v1#part", &"x".repeat(500)] {
        let page = browser.get(&app.authorize(&[("resource", bad)])).await;
        assert_eq!(page.query("error").as_deref(), Some("invalid_target"), "{bad}");
    }
    let page = browser.get(&app.authorize(&[("scope", "openid notes")])).await;
    assert_eq!(page.query("error").as_deref(), Some("invalid_scope"));
    let code = app.code(&browser.get(&app.authorize(&[("scope", "openid calls:read"), ("resource", CALLS)])).await);
    assert_eq!(refusal(redeem(&app, &code, &[NOTES]).await).await, (400, "invalid_target".to_owned()));
    // The code is still good.
    assert_eq!(redeem(&app, &code, &[CALLS]).await.status(), 200);
    drop(provider);
}

#[tokio::test]
async fn another_companys_api_is_not_open() {
    let provider = Provider::start().await;
    let (ours, person) = provider.company("Ours").await;
    let (theirs, _) = provider.company("Theirs").await;
    provider.resource(Some(theirs.id), CALLS, &["calls:read"], None).await;
    provider.resource(Some(ours.id), NOTES, &["notes"], None).await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, Some(ours.id));
    client.scopes = Scopes::of(["openid", "calls:read", "notes"]);
    let partner = provider.register((client, secret)).await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.scopes = Scopes::of(["openid", "calls:read"]);
    let platform = provider.register((client, secret)).await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    let page = browser.get(&partner.authorize(&[("scope", "openid calls:read"), ("resource", CALLS)])).await;
    assert_eq!(page.query("error").as_deref(), Some("invalid_target"));
    partner.code(&browser.get(&partner.authorize(&[("scope", "openid notes"), ("resource", NOTES)])).await);
    // A client of the platform serves both companies, but never one with the other's API.
    let code =
        platform.code(&browser.get(&platform.authorize(&[("scope", "openid calls:read"), ("resource", CALLS)])).await);
    assert_eq!(refusal(redeem(&platform, &code, &[]).await).await, (400, "invalid_target".to_owned()));
}

#[tokio::test]
async fn a_client_speaks_for_itself_to_an_api() {
    let (_provider, app, _) = stage().await;
    let form = [("grant_type", "client_credentials"), ("company", "techcorp"), ("resource", CALLS)];
    let (status, tokens) = answer(app.token(&form).await).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!((&said(&tokens)["aud"], &tokens["scope"]), (&json!(CALLS), &json!("calls:read")));
    let form = [("grant_type", "client_credentials"), ("company", "techcorp"), ("resource", "https://nowhere.example")];
    assert_eq!(refusal(app.token(&form).await).await, (400, "invalid_target".to_owned()));
}

#[tokio::test]
async fn an_api_is_named_to_whoever_allows_it_and_is_no_other_api() {
    let (provider, _, browser) = stage().await;
    provider.resource(None, "https://other.example", &["notes"], None).await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.scopes = Scopes::of(KNOWN.into_iter().chain(["notes"]));
    client.consent = ConsentRule::Ask;
    let app = provider.register((client, secret)).await;
    let open = async |scope: &str, resource: &str| {
        browser.get(&app.authorize(&[("scope", scope), ("resource", resource)])).await
    };
    let allow = async |page: &Page| app.code(&browser.send(&page.form("#allow")).await);
    allow(&open("openid", "").await).await;
    // Nothing but its name is asked for, and yet a token for it says who the person is there.
    let page = open("openid", NOTES).await;
    assert!(page.text().contains("Use An API in your name"), "{}", page.text());
    allow(&page).await;
    app.code(&open("openid", NOTES).await);
    let page = open("openid notes", NOTES).await;
    assert!(page.text().contains("An API: notes"), "{}", page.text());
    allow(&page).await;
    app.code(&open("openid notes", NOTES).await);
    // The same word means something else elsewhere.
    let page = open("openid notes", "https://other.example").await;
    assert_eq!(page.path(), "/login/consent", "{}", page.url);
}
