//! Which company a token is for: exactly one, named by the app, or chosen by whoever belongs to several.

use countersign::model::role::Role;
use serde_json::{Value, json};

use crate::harness::app::{claims, text};
use crate::harness::{App, Company, Page, Person, Provider, Visitor};

struct Stage {
    provider: Provider,
    first: Company,
    second: Company,
    person: Person,
    browser: Visitor,
    app: App,
}

/// Somebody is signed in who is an admin of one company and a user of another.
async fn stage() -> Stage {
    let provider = Provider::start().await;
    let (first, person) = provider.company("TechCorp").await;
    let (second, _) = provider.company("Agency").await;
    provider.join(&second, &person, Role::User).await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    Stage { provider, first, second, person, browser, app }
}

impl Stage {
    async fn open(&self, more: &[(&str, &str)]) -> Page {
        self.browser.get(&self.app.authorize(more)).await
    }

    async fn choose(&self, page: &Page, company: &Company) -> Page {
        assert_eq!(page.path(), "/login/company", "{} {}", page.url, page.text());
        self.browser.send(&page.form(&format!("button[value={}]", company.id))).await
    }

    async fn token(&self, page: &Page) -> Value {
        claims(text(&self.app.tokens(&self.app.code(page)).await, "access_token"))
    }

    fn refused(&self, page: &Page, error: &str) {
        assert_eq!(page.query("error").as_deref(), Some(error), "{}", page.url);
    }
}

#[tokio::test]
async fn whoever_belongs_to_several_chooses() {
    let stage = stage().await;
    for (company, role) in [(&stage.first, "admin"), (&stage.second, "user")] {
        let page = stage.open(&[]).await;
        let said = page.text();
        assert!(said.contains("TechCorp") && said.contains("Agency"), "{said}");
        let token = stage.token(&stage.choose(&page, company).await).await;
        assert_eq!(token["company_id"], company.id.to_string());
        assert_eq!(token["company"], company.slug);
        assert_eq!(token["roles"], json!([role]));
    }
}

#[tokio::test]
async fn an_app_may_name_the_company_by_slug_or_id() {
    let stage = stage().await;
    for name in [stage.second.slug.clone(), stage.second.id.to_string()] {
        let token = stage.token(&stage.open(&[("company", &name)]).await).await;
        assert_eq!(token["company"], "agency");
    }
}

#[tokio::test]
async fn a_company_that_is_not_the_persons_is_refused() {
    let stage = stage().await;
    let (rival, _) = stage.provider.company("Rival").await;
    for name in [rival.slug.as_str(), "nobody"] {
        stage.refused(&stage.open(&[("company", name)]).await, "access_denied");
    }
    let page = stage.open(&[]).await;
    let form = page.form(".choice").without("company").fill("company", &rival.id.to_string());
    assert_eq!(stage.browser.send(&form).await.status, 404);
}

#[tokio::test]
async fn in_silence_the_company_last_chosen_is_taken_or_none() {
    let stage = stage().await;
    // Behaviour 27.
    stage.refused(&stage.open(&[("prompt", "none")]).await, "interaction_required");
    stage.token(&stage.choose(&stage.open(&[]).await, &stage.second).await).await;
    let token = stage.token(&stage.open(&[("prompt", "none")]).await).await;
    assert_eq!(token["company"], "agency");
}

#[tokio::test]
async fn a_companys_app_needs_no_choice() {
    let stage = stage().await;
    let app = stage.provider.partner_app(stage.second.id).await;
    let page = stage.browser.get(&app.authorize(&[])).await;
    assert_eq!(page.path(), "/login/consent");
    assert!(page.text().contains("Agency"), "{}", page.text());
    stage.refused(&stage.browser.get(&app.authorize(&[("company", &stage.first.slug)])).await, "access_denied");
}

#[tokio::test]
async fn whoever_left_one_of_two_is_not_asked() {
    let stage = stage().await;
    stage.provider.end_membership(&stage.first, &stage.person).await;
    assert_eq!(stage.token(&stage.open(&[]).await).await["company"], "agency");
}

#[tokio::test]
async fn whoever_belongs_to_none_is_refused() {
    let stage = stage().await;
    stage.provider.end_membership(&stage.first, &stage.person).await;
    stage.provider.end_membership(&stage.second, &stage.person).await;
    stage.refused(&stage.open(&[]).await, "access_denied");
}

#[tokio::test]
async fn a_company_that_was_left_after_the_choice_gets_no_token() {
    let stage = stage().await;
    let page = stage.open(&[("prompt", "consent")]).await;
    let consent = stage.choose(&page, &stage.second).await;
    stage.provider.end_membership(&stage.second, &stage.person).await;
    let back = stage.browser.send(&consent.form("#allow")).await;
    // Nobody allowed anything at the company that is left.
    assert_eq!(back.path(), "/login/consent");
    assert!(back.text().contains("TechCorp"), "{}", back.text());
}

#[tokio::test]
async fn refreshing_keeps_the_company() {
    let stage = stage().await;
    let tokens = stage.app.tokens_with(&stage.browser, &[("company", "agency")]).await;
    let (_, fresh) = crate::harness::app::answer(stage.app.refresh(text(&tokens, "refresh_token")).await).await;
    assert_eq!(claims(text(&fresh, "access_token"))["company"], "agency");
}
