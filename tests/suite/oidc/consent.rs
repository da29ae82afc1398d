//! The consent page: asked once, remembered for what was allowed, and in one company.

use countersign::model::client::AuthMethod;
use countersign::model::role::Role;
use countersign::model::scope::Scopes;

use crate::harness::app::{answer, claims, registration, text};
use crate::harness::{App, Company, Page, Person, Provider, Visitor};

struct Stage {
    provider: Provider,
    company: Company,
    admin: Person,
    browser: Visitor,
    app: App,
}

/// Somebody is signed in whom the app has yet to ask.
async fn stage() -> Stage {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let app = provider.partner_app(company.id).await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    Stage { provider, company, admin, browser, app }
}

impl Stage {
    async fn open(&self, more: &[(&str, &str)]) -> Page {
        self.browser.get(&self.app.authorize(more)).await
    }

    async fn allow(&self, page: &Page) -> Page {
        assert_eq!(page.path(), "/login/consent", "{} {}", page.url, page.text());
        self.browser.send(&page.form("#allow")).await
    }
}

#[tokio::test]
async fn the_page_says_who_asks_for_what_and_where() {
    let stage = stage().await;
    let page = stage.open(&[]).await;
    let said = page.text();
    for part in ["Allow Voice Desk?", "TechCorp", &stage.admin.email, "your e-mail address", "Stay connected"] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    assert!(!said.contains("postal address"), "{said}");
    assert!(page.has("#allow") && page.has("#deny"));
}

#[tokio::test]
async fn what_was_allowed_is_remembered() {
    let stage = stage().await;
    let back = stage.allow(&stage.open(&[]).await).await;
    stage.app.tokens(&stage.app.code(&back)).await;
    // Behaviour 28.
    stage.app.code(&stage.open(&[]).await);
    stage.app.code(&stage.open(&[("prompt", "none")]).await);
    stage.app.code(&stage.open(&[("scope", "openid")]).await);
    let events = stage.provider.events().await;
    assert_eq!(events.iter().filter(|event| *event == "consent.given").count(), 1);
}

#[tokio::test]
async fn more_than_was_allowed_is_asked_for_again() {
    let stage = stage().await;
    stage.allow(&stage.open(&[("scope", "openid")]).await).await;
    let silent = stage.open(&[("prompt", "none")]).await;
    // Behaviour 27.
    assert_eq!(silent.query("error").as_deref(), Some("consent_required"));
    stage.allow(&stage.open(&[("scope", "openid phone")]).await).await;
    stage.app.code(&stage.open(&[("scope", "openid phone"), ("prompt", "none")]).await);
}

#[tokio::test]
async fn whoever_denies_sends_the_app_away() {
    let stage = stage().await;
    let page = stage.open(&[]).await;
    let back = stage.browser.send(&page.form("#deny")).await;
    // Behaviour 39.
    assert_eq!(back.query("error").as_deref(), Some("access_denied"));
    assert_eq!(back.query("state").as_deref(), Some("a-state"));
    assert_eq!(back.query("code"), None);
    // Nothing is remembered, and the flow is over.
    assert_eq!(stage.open(&[]).await.path(), "/login/consent");
    assert_eq!(stage.browser.send(&page.form("#allow")).await.status, 403);
    assert!(stage.provider.events().await.contains(&"consent.denied".to_owned()));
}

#[tokio::test]
async fn an_app_can_have_the_person_asked_again() {
    let stage = stage().await;
    stage.allow(&stage.open(&[]).await).await;
    // Behaviour 33.
    let back = stage.allow(&stage.open(&[("prompt", "consent")]).await).await;
    let tokens = stage.app.tokens(&stage.app.code(&back)).await;
    assert_eq!(answer(stage.app.refresh(text(&tokens, "refresh_token")).await).await.0, 200);
}

#[tokio::test]
async fn even_an_app_of_the_platform_asks_where_it_wants_to() {
    let stage = stage().await;
    let app = stage.provider.app().await;
    let page = stage.browser.get(&app.authorize(&[("prompt", "consent")])).await;
    app.tokens(&app.code(&stage.allow(&page).await)).await;
}

#[tokio::test]
async fn each_person_is_asked_for_themselves() {
    let stage = stage().await;
    stage.allow(&stage.open(&[]).await).await;
    let other = stage.provider.person(&stage.company, Role::User, "pat@techcorp.com").await;
    let browser = stage.provider.visitor();
    browser.sign_in(&other).await;
    assert_eq!(browser.get(&stage.app.authorize(&[])).await.path(), "/login/consent");
}

#[tokio::test]
async fn a_consent_in_one_company_is_none_in_another() {
    let provider = Provider::start().await;
    let (first, person) = provider.company("TechCorp").await;
    let (second, _) = provider.company("Agency").await;
    provider.join(&second, &person, Role::User).await;
    let mut registration = crate::harness::app::registration(countersign::model::client::AuthMethod::None, None);
    registration.0.consent = countersign::model::client::ConsentRule::Ask;
    let app = provider.register(registration).await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    let page = browser.get(&app.authorize(&[("company", &first.slug)])).await;
    app.code(&browser.send(&page.form("#allow")).await);
    app.code(&browser.get(&app.authorize(&[("company", &first.slug), ("prompt", "none")])).await);
    let page = browser.get(&app.authorize(&[("company", &second.slug)])).await;
    assert_eq!(page.path(), "/login/consent");
    assert!(page.text().contains("Agency"));
}

#[tokio::test]
async fn a_decision_needs_the_pages_own_form() {
    let stage = stage().await;
    let page = stage.open(&[]).await;
    assert_eq!(stage.browser.send(&page.form("#allow").without("csrf")).await.status, 403);
    assert_eq!(stage.browser.send(&page.form("#allow").fill("decision", "perhaps")).await.status, 400);
    stage.app.code(&stage.allow(&page).await);
}

#[tokio::test]
async fn a_companys_app_serves_nobody_else() {
    let stage = stage().await;
    let (_, stranger) = stage.provider.company("Rival").await;
    let browser = stage.provider.visitor();
    browser.sign_in(&stranger).await;
    let page = browser.get(&stage.app.authorize(&[])).await;
    assert_eq!(page.query("error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn a_decision_counts_for_whom_it_was_shown_to() {
    let stage = stage().await;
    let page = stage.open(&[]).await;
    let other = stage.provider.person(&stage.company, Role::User, "pat@techcorp.com").await;
    let login = stage.browser.get(&page.url.as_str().replace("/consent", "")).await;
    stage.browser.enter_password(&login, &other).await;
    let again = stage.browser.send(&page.form("#allow")).await;
    assert_eq!(again.path(), "/login/consent");
    assert!(again.text().contains(&other.email), "{}", again.text());
}

#[tokio::test]
async fn what_is_asked_for_by_claims_is_shown_and_allowed_like_what_is_asked_for_by_scope() {
    let stage = stage().await;
    stage.allow(&stage.open(&[("scope", "openid")]).await).await;
    stage.app.code(&stage.open(&[("scope", "openid")]).await);
    let wish = r#"{"userinfo":{"email":null},"id_token":{"address":{"essential":true}}}"#;
    let page = stage.open(&[("scope", "openid"), ("claims", wish)]).await;
    let said = page.text();
    assert!(said.contains("your e-mail address") && said.contains("postal address"), "{said}");
    stage.allow(&page).await;
    stage.app.code(&stage.open(&[("scope", "openid"), ("claims", wish)]).await);
}

#[tokio::test]
async fn claims_of_a_scope_that_the_client_may_not_have_are_not_given() {
    let stage = stage().await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.scopes = Scopes::of(["openid", "email"]);
    let app = stage.provider.register((client, secret)).await;
    let wish = r#"{"userinfo":{"email":null,"name":null},"id_token":{"name":null}}"#;
    let tokens = app.tokens_with(&stage.browser, &[("scope", "openid"), ("claims", wish)]).await;
    assert_eq!(claims(text(&tokens, "id_token")).get("name"), None);
    let (_, told) = answer(app.userinfo(text(&tokens, "access_token")).await).await;
    assert!(told["email"].is_string() && told.get("name").is_none(), "{told}");
}
