//! What an app may demand of the sign-in: silence, a fresh one, a recent one, a certain person.

use serde_json::Value;
use time::Duration;

use crate::harness::app::{claims, text};
use crate::harness::{App, Page, Person, Provider, Visitor};

struct Stage {
    provider: Provider,
    admin: Person,
    browser: Visitor,
    app: App,
}

/// Somebody is signed in.
async fn stage() -> Stage {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    Stage { provider, admin, browser, app }
}

impl Stage {
    async fn open(&self, more: &[(&str, &str)]) -> Page {
        self.browser.get(&self.app.authorize(more)).await
    }

    /// The ID token behind a page that has come back to the app.
    async fn id_token(&self, page: &Page) -> Value {
        claims(text(&self.app.tokens(&self.app.code(page)).await, "id_token"))
    }

    /// Signs in on a page that must ask for it.
    async fn sign_in_again(&self, page: &Page) -> Page {
        assert_eq!(page.path(), "/login", "{} {}", page.url, page.text());
        self.browser.enter_password(page, &self.admin).await
    }

    fn refused(&self, page: &Page, error: &str) {
        assert!(page.url.as_str().starts_with("https://app.example/callback?"), "{}", page.url);
        assert_eq!(page.query("error").as_deref(), Some(error));
        assert_eq!(page.query("state").as_deref(), Some("a-state"));
    }
}

#[tokio::test]
async fn silence_is_refused_where_nobody_is_signed_in() {
    let stage = stage().await;
    let page = stage.provider.visitor().get(&stage.app.authorize(&[("prompt", "none")])).await;
    // Behaviour 27.
    stage.refused(&page, "login_required");
}

#[tokio::test]
async fn silence_succeeds_with_the_same_person_and_the_same_sign_in() {
    let stage = stage().await;
    let first = stage.id_token(&stage.open(&[]).await).await;
    stage.provider.wait(Duration::minutes(3));
    let second = stage.id_token(&stage.open(&[("prompt", "none")]).await).await;
    // Behaviour 28.
    for name in ["sub", "auth_time", "sid", "acr"] {
        assert_eq!(first[name], second[name], "{name}");
    }
}

#[tokio::test]
async fn silence_succeeds_with_a_hint_for_whoever_is_signed_in() {
    let stage = stage().await;
    let tokens = stage.app.tokens_with(&stage.browser, &[]).await;
    let hint = text(&tokens, "id_token");
    // Behaviour 29; the hint may be long expired.
    stage.provider.wait(Duration::hours(2));
    stage.id_token(&stage.open(&[("prompt", "none"), ("id_token_hint", hint)]).await).await;
}

#[tokio::test]
async fn silence_is_refused_with_a_hint_for_somebody_else() {
    let stage = stage().await;
    let tokens = stage.app.tokens_with(&stage.browser, &[]).await;
    let (_, other) = stage.provider.company("Rival").await;
    let browser = stage.provider.visitor();
    browser.sign_in(&other).await;
    let hint = ("id_token_hint", text(&tokens, "id_token"));
    let page = browser.get(&stage.app.authorize(&[("prompt", "none"), hint])).await;
    stage.refused(&page, "login_required");
    // With pages, the other person is asked to sign in, and nobody else will do.
    let login = browser.get(&stage.app.authorize(&[hint])).await;
    assert_eq!(login.path(), "/login");
    stage.refused(&browser.enter_password(&login, &other).await, "login_required");
    let login = browser.get(&stage.app.authorize(&[hint])).await;
    let back = browser.enter_password(&login, &stage.admin).await;
    assert_eq!(stage.id_token(&back).await["sub"], stage.admin.id.to_string());
}

#[tokio::test]
async fn a_hint_of_another_app_is_refused() {
    let stage = stage().await;
    let other = stage.provider.app().await;
    let tokens = other.tokens_with(&stage.browser, &[]).await;
    let page = stage.open(&[("id_token_hint", text(&tokens, "id_token"))]).await;
    stage.refused(&page, "invalid_request");
}

#[tokio::test]
async fn a_subject_demanded_by_the_claims_request_is_the_only_one_that_will_do() {
    let stage = stage().await;
    let wish = |sub: &str| format!(r#"{{"id_token":{{"sub":{{"value":"{sub}"}}}}}}"#);
    let own = wish(&stage.admin.id.to_string());
    stage.id_token(&stage.open(&[("prompt", "none"), ("claims", &own)]).await).await;
    let other = wish("usr_nobody");
    stage.refused(&stage.open(&[("claims", &other)]).await, "login_required");
}

#[tokio::test]
async fn a_fresh_sign_in_can_be_demanded() {
    let stage = stage().await;
    let first = stage.id_token(&stage.open(&[]).await).await;
    stage.provider.wait(Duration::seconds(2));
    // Behaviour 30.
    let back = stage.sign_in_again(&stage.open(&[("prompt", "login")]).await).await;
    let second = stage.id_token(&back).await;
    assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64());
    assert_eq!(first["sub"], second["sub"]);
}

#[tokio::test]
async fn whoever_must_sign_in_afresh_cannot_just_go_on() {
    let stage = stage().await;
    for more in [("prompt", "login"), ("max_age", "0")] {
        stage.provider.wait(Duration::seconds(2));
        let login = stage.open(&[more]).await;
        let page = stage.browser.send(&login.form("#continue")).await;
        assert_eq!(page.path(), "/login", "{more:?}");
    }
}

#[tokio::test]
async fn a_sign_in_that_is_too_old_is_done_again_and_then_good_however_long_the_rest_takes() {
    let stage = stage().await;
    let first = stage.id_token(&stage.open(&[("max_age", "1000")]).await).await;
    stage.provider.wait(Duration::seconds(2));
    let login = stage.open(&[("max_age", "1"), ("prompt", "consent")]).await;
    // Behaviour 31.
    let consent = stage.sign_in_again(&login).await;
    stage.provider.wait(Duration::minutes(5));
    let second = stage.id_token(&stage.browser.send(&consent.form("#allow")).await).await;
    assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64());
}

#[tokio::test]
async fn a_sign_in_that_is_young_enough_is_not_done_again() {
    let stage = stage().await;
    let first = stage.id_token(&stage.open(&[("max_age", "15000")]).await).await;
    stage.provider.wait(Duration::minutes(1));
    // Behaviour 32.
    let second = stage.id_token(&stage.open(&[("max_age", "10000")]).await).await;
    assert!(first["auth_time"].is_i64());
    assert_eq!(first["auth_time"], second["auth_time"]);
}

#[tokio::test]
async fn silence_is_refused_where_the_sign_in_is_too_old() {
    let stage = stage().await;
    stage.provider.wait(Duration::seconds(20));
    stage.refused(&stage.open(&[("prompt", "none"), ("max_age", "10")]).await, "login_required");
}

#[tokio::test]
async fn a_person_can_be_asked_as_whom_to_go_on() {
    let stage = stage().await;
    let login = stage.open(&[("prompt", "select_account")]).await;
    assert!(login.text().contains(&stage.admin.email));
    let back = stage.browser.send(&login.form("#continue")).await;
    assert_eq!(stage.id_token(&back).await["sub"], stage.admin.id.to_string());
}

#[tokio::test]
async fn a_newcomer_can_be_sent_to_the_registration() {
    let stage = stage().await;
    let page = stage.provider.visitor().get(&stage.app.authorize(&[("prompt", "create")])).await;
    assert_eq!(page.path(), "/register");
}

#[tokio::test]
async fn a_login_hint_fills_the_field_in() {
    let stage = stage().await;
    let page = stage.provider.visitor().get(&stage.app.authorize(&[("login_hint", "new@\"><b>.com")])).await;
    // Behaviour 19.
    assert!(page.form("#login").fields.contains(&("email".to_owned(), "new@\"><b>.com".to_owned())));
}

#[tokio::test]
async fn a_login_that_ends_by_itself_leaves_nobody_signed_in() {
    let stage = stage().await;
    stage.provider.wait(Duration::days(60));
    stage.refused(&stage.open(&[("prompt", "none")]).await, "login_required");
}
