//! Pairwise subjects (OpenID Connect Core, section 8.1): clients of different sectors cannot compare whom they know.

use countersign::domain::oidc::subject;
use countersign::model::client::{AuthMethod, SubjectType};
use countersign::storage;

use crate::harness::app::{CALLBACK, answer, claims, registration, text};
use crate::harness::{App, Provider, Visitor};

async fn app(provider: &Provider, sector: Option<&str>) -> App {
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.subject_type = SubjectType::Pairwise;
    client.metadata.sector_identifier_uri = sector.map(str::to_owned);
    provider.register((client, secret)).await
}

async fn sub(app: &App, browser: &Visitor) -> String {
    let tokens = app.tokens_with(browser, &[]).await;
    text(&claims(text(&tokens, "id_token")), "sub").to_owned()
}

#[tokio::test]
async fn each_sector_knows_the_person_by_another_name_and_keeps_it() {
    let provider = Provider::start().await;
    let (_, person) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    let (one, same) = (app(&provider, None).await, app(&provider, Some("https://app.example/sector.json")).await);
    let other = app(&provider, Some("https://other.example/sector.json")).await;
    let public = provider.app().await;
    let (first, second) = (sub(&one, &browser).await, sub(&other, &browser).await);
    assert_eq!(sub(&one, &browser).await, first);
    assert_eq!(sub(&same, &browser).await, first);
    assert_ne!(second, first);
    assert_eq!(sub(&public, &browser).await, person.id.to_string());
    assert!(first.len() >= 43 && !first.contains(&person.id.to_string()));
}

#[tokio::test]
async fn the_name_is_the_same_wherever_the_client_looks() {
    let provider = Provider::start().await;
    let (_, person) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    let app = app(&provider, None).await;
    let tokens = app.tokens_with(&browser, &[]).await;
    let (access, id) = (text(&tokens, "access_token"), text(&tokens, "id_token"));
    let sub = claims(id)["sub"].clone();
    assert_eq!(claims(access)["sub"], sub);
    assert_eq!(answer(app.userinfo(access).await).await.1["sub"], sub);
    assert_eq!(answer(app.post("/oauth2/introspect", &[("token", access)]).await).await.1["sub"], sub);
    let (_, refreshed) = answer(app.refresh(text(&tokens, "refresh_token")).await).await;
    assert_eq!(claims(text(&refreshed, "id_token"))["sub"], sub);
    // As a hint, and as a demand.
    let hinted = [("prompt", "none"), ("id_token_hint", id)];
    app.code(&browser.get(&app.authorize(&hinted)).await);
    let demanded = format!(r#"{{"id_token":{{"sub":{{"value":{sub}}}}}}}"#);
    app.code(&browser.get(&app.authorize(&[("prompt", "none"), ("claims", &demanded)])).await);
    let real = format!(r#"{{"id_token":{{"sub":{{"value":"{}"}}}}}}"#, person.id);
    let page = browser.get(&app.authorize(&[("prompt", "none"), ("claims", &real)])).await;
    assert_eq!(page.query("error").as_deref(), Some("login_required"));
    // Handed back, and signed out with.
    assert_eq!(app.post("/oauth2/revoke", &[("token", access)]).await.status(), 200);
    assert_eq!(app.userinfo(access).await.status(), 401);
    let page = browser
        .get(&format!("/oauth2/logout?id_token_hint={id}&post_logout_redirect_uri=https://app.example/bye"))
        .await;
    assert_eq!(page.url.as_str(), "https://app.example/bye");
    assert_eq!(browser.get("/dashboard").await.path(), "/login");
}

#[tokio::test]
async fn what_is_no_host_of_somebody_is_nobodys_sector() {
    let provider = Provider::start().await;
    let redirecting = async |uris: &[&str]| {
        let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
        client.metadata.subject_type = SubjectType::Pairwise;
        client.redirect_uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
        let id = provider.register((client, secret)).await.id;
        subject::sector(&storage::client::read(&provider.house.db, &id).await.unwrap().unwrap()).unwrap()
    };
    assert_eq!(redirecting(&[CALLBACK, "https://app.example/other"]).await, "app.example");
    for uris in [
        // A scheme of one's own may put any name where the host stands.
        &["com.evil.app://app.example/callback"][..],
        &[CALLBACK, "com.evil.app://app.example/callback"],
        &["com.evil.app://app.example/callback", CALLBACK],
        &["http://localhost/callback"],
        &["http://127.0.0.1/callback"],
    ] {
        assert!(redirecting(uris).await.starts_with("cli_"), "{uris:?}");
    }
}
