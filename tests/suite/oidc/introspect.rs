//! Token introspection (RFC 7662): a client learns of its own tokens, one of the platform's of any, nobody else of any.

use countersign::model::role::Role;
use serde_json::{Value, json};
use time::Duration;

use crate::harness::app::{answer, refusal, text};
use crate::harness::{App, Company, Person, Provider, Visitor};

struct Stage {
    provider: Provider,
    company: Company,
    admin: Person,
    browser: Visitor,
    app: App,
    tokens: Value,
}

async fn stage() -> Stage {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let tokens = app.tokens_with(&browser, &[]).await;
    Stage { provider, company, admin, browser, app, tokens }
}

async fn ask(app: &App, token: &str) -> Value {
    let response = app.post("/oauth2/introspect", &[("token", token)]).await;
    assert_eq!(response.headers()["cache-control"], "no-store");
    let (status, said) = answer(response).await;
    assert_eq!(status, 200, "{said}");
    said
}

fn dead(said: &Value) {
    assert_eq!(said, &json!({ "active": false }));
}

#[tokio::test]
async fn a_living_access_token_is_described() {
    let stage = stage().await;
    let said = ask(&stage.app, text(&stage.tokens, "access_token")).await;
    assert_eq!(said["active"], true);
    assert_eq!(said["token_type"], "Bearer");
    assert_eq!(said["sub"], stage.admin.id.to_string());
    assert_eq!(said["client_id"], stage.app.id);
    assert_eq!(said["iss"], stage.provider.base);
    assert_eq!(said["scope"], stage.tokens["scope"]);
    assert_eq!(said["company_id"], stage.company.id.to_string());
    assert_eq!(said["roles"], json!(["admin"]));
    assert!(said["exp"].is_i64() && said["iat"].is_i64());
}

#[tokio::test]
async fn a_living_refresh_token_is_described() {
    let stage = stage().await;
    let said = ask(&stage.app, text(&stage.tokens, "refresh_token")).await;
    assert_eq!(said["active"], true);
    assert_eq!(said["client_id"], stage.app.id);
    stage.provider.wait(Duration::days(8));
    dead(&ask(&stage.app, text(&stage.tokens, "refresh_token")).await);
}

#[tokio::test]
async fn what_is_no_living_token_is_only_inactive() {
    let stage = stage().await;
    for token in ["nonsense", text(&stage.tokens, "id_token"), "a.b.c"] {
        dead(&ask(&stage.app, token).await);
    }
    stage.provider.wait(Duration::minutes(31));
    dead(&ask(&stage.app, text(&stage.tokens, "access_token")).await);
}

#[tokio::test]
async fn a_membership_that_ends_is_known_at_once() {
    let stage = stage().await;
    stage.provider.end_membership(&stage.company, &stage.admin).await;
    for name in ["access_token", "refresh_token"] {
        dead(&ask(&stage.app, text(&stage.tokens, name)).await);
    }
}

#[tokio::test]
async fn a_role_that_changed_is_known_at_once() {
    let stage = stage().await;
    stage.provider.join(&stage.company, &stage.admin, Role::User).await;
    assert_eq!(ask(&stage.app, text(&stage.tokens, "access_token")).await["roles"], json!(["user"]));
}

#[tokio::test]
async fn a_login_that_ended_is_known_at_once() {
    let stage = stage().await;
    let page = stage.browser.get("/logout").await;
    stage.browser.send(&page.form("#logout")).await;
    dead(&ask(&stage.app, text(&stage.tokens, "access_token")).await);
}

#[tokio::test]
async fn a_companys_client_learns_of_its_own_tokens_only() {
    let stage = stage().await;
    let partner = stage.provider.partner_app(stage.company.id).await;
    dead(&ask(&partner, text(&stage.tokens, "access_token")).await);
    dead(&ask(&partner, text(&stage.tokens, "refresh_token")).await);
    let consent = stage.browser.get(&partner.authorize(&[])).await;
    let back = stage.browser.send(&consent.form("#allow")).await;
    let own = partner.tokens(&partner.code(&back)).await;
    assert_eq!(ask(&partner, text(&own, "access_token")).await["active"], true);
    // One of the platform's own learns of any.
    assert_eq!(ask(&stage.app, text(&own, "access_token")).await["active"], true);
}

#[tokio::test]
async fn a_clients_own_token_lives_as_long_as_the_client() {
    let stage = stage().await;
    let partner = stage.provider.partner_app(stage.company.id).await;
    let (_, tokens) = answer(partner.token(&[("grant_type", "client_credentials")]).await).await;
    let token = text(&tokens, "access_token");
    assert_eq!(ask(&partner, token).await["sub"], partner.id);
    stage.provider.switch_off(&partner.id).await;
    dead(&ask(&stage.app, token).await);
}

#[tokio::test]
async fn whoever_proves_nothing_learns_nothing() {
    let stage = stage().await;
    let token = text(&stage.tokens, "access_token");
    let public = stage.provider.public_app().await;
    let asked = public.post("/oauth2/introspect", &[("token", token)]).await;
    assert_eq!(refusal(asked).await, (401, "invalid_client".to_owned()));
    let stranger = stage.provider.stranger().post(stage.provider.url("/oauth2/introspect"));
    let asked = stranger.form(&[("token", token)]).send().await.unwrap();
    assert_eq!(refusal(asked).await, (401, "invalid_client".to_owned()));
    assert_eq!(refusal(stage.app.post("/oauth2/introspect", &[]).await).await.0, 400);
}
