//! The second factor in a flow: demanded by a company or by an app, and never a way around the password.

use countersign::domain::person::{ACR_MFA, ACR_PASSWORD};
use countersign::model::client::AuthMethod;
use serde_json::{Value, json};
use time::Duration;

use crate::harness::app::{claims, registration, text};
use crate::harness::authenticator::{Authenticator, STEP};
use crate::harness::{App, Company, Page, Person, Provider, Visitor};

struct Stage {
    provider: Provider,
    company: Company,
    admin: Person,
    browser: Visitor,
    app: App,
}

async fn stage() -> Stage {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    Stage { provider, company, admin, browser, app }
}

const DEMAND: (&str, &str) =
    ("claims", r#"{"id_token":{"acr":{"essential":true,"values":["urn:countersign:acr:mfa"]}}}"#);

impl Stage {
    async fn open(&self, more: &[(&str, &str)]) -> Page {
        self.browser.get(&self.app.authorize(more)).await
    }

    /// Types the code of the moment, one step after the last.
    async fn verify(&self, page: &Page, authenticator: &Authenticator) -> Page {
        assert!(page.has("#verify"), "{} {}", page.url, page.text());
        self.provider.wait(Duration::seconds(31));
        self.browser.send(&page.form("#verify").fill("code", &authenticator.code(&self.provider))).await
    }

    /// Sets a second factor up on the page that demands it.
    async fn set_up(&self, page: &Page) -> Page {
        assert_eq!(page.path(), "/setup-mfa", "{} {}", page.url, page.text());
        let authenticator = Authenticator::of(&page.text_of("#secret").replace(' ', ""));
        self.verify(page, &authenticator).await
    }

    async fn id_token(&self, page: &Page) -> Value {
        claims(text(&self.app.tokens(&self.app.code(page)).await, "id_token"))
    }

    /// The flow goes on where it waits.
    async fn go_on(&self, flow: &str) -> Page {
        self.browser.get(&format!("/oauth2/authorize/continue?flow={flow}")).await
    }
}

#[tokio::test]
async fn whoever_has_a_second_factor_proves_both() {
    let stage = stage().await;
    let authenticator = stage.provider.second_factor(&stage.admin).await;
    let page = stage.browser.enter_password(&stage.open(&[]).await, &stage.admin).await;
    assert_eq!(page.path(), "/login/totp");
    let id = stage.id_token(&stage.verify(&page, &authenticator).await).await;
    assert_eq!(id["acr"], ACR_MFA);
    assert_eq!(id["amr"], json!(["pwd", "otp", "mfa"]));
}

#[tokio::test]
async fn a_company_can_demand_a_second_factor_of_whoever_has_none() {
    let stage = stage().await;
    stage.provider.require_second_factor(&stage.company).await;
    let page = stage.browser.enter_password(&stage.open(&[]).await, &stage.admin).await;
    let codes = stage.set_up(&page).await;
    assert_eq!(codes.status, 200);
    let id = stage.id_token(&stage.go_on(&page.query("flow").unwrap()).await).await;
    assert_eq!(id["acr"], ACR_MFA);
}

#[tokio::test]
async fn a_company_that_demands_it_later_gets_it_from_who_is_signed_in_already() {
    let stage = stage().await;
    stage.browser.sign_in(&stage.admin).await;
    assert_eq!(stage.id_token(&stage.open(&[]).await).await["acr"], ACR_PASSWORD);
    stage.provider.require_second_factor(&stage.company).await;
    // Behaviour 27.
    let silent = stage.open(&[("prompt", "none")]).await;
    assert_eq!(silent.query("error").as_deref(), Some("interaction_required"));
    let authenticator = stage.provider.second_factor(&stage.admin).await;
    let page = stage.open(&[]).await;
    assert_eq!(page.path(), "/login/totp");
    let id = stage.id_token(&stage.verify(&page, &authenticator).await).await;
    assert_eq!(id["acr"], ACR_MFA);
    stage.app.code(&stage.open(&[("prompt", "none")]).await);
}

#[tokio::test]
async fn nobody_walks_around_the_second_factor_that_a_company_demands() {
    let stage = stage().await;
    stage.provider.require_second_factor(&stage.company).await;
    let page = stage.browser.enter_password(&stage.open(&[]).await, &stage.admin).await;
    let again = stage.go_on(&page.query("flow").unwrap()).await;
    assert_eq!(again.path(), "/setup-mfa");
}

#[tokio::test]
async fn a_password_alone_leads_nowhere_where_there_is_a_second_factor() {
    let stage = stage().await;
    stage.provider.second_factor(&stage.admin).await;
    let page = stage.browser.enter_password(&stage.open(&[]).await, &stage.admin).await;
    let again = stage.go_on(&page.query("flow").unwrap()).await;
    assert_eq!(again.path(), "/login");
    let silent = stage.open(&[("prompt", "none")]).await;
    assert_eq!(silent.query("error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn a_wrong_code_and_a_code_of_before_are_refused() {
    let stage = stage().await;
    let authenticator = stage.provider.second_factor(&stage.admin).await;
    let page = stage.browser.enter_password(&stage.open(&[]).await, &stage.admin).await;
    for code in ["000000", "", &authenticator.code_at(stage.provider.house.clock.now() - STEP)] {
        let again = stage.browser.send(&page.form("#verify").fill("code", code)).await;
        assert_eq!((again.status, again.path()), (422, "/login/totp"), "{code}");
    }
    stage.id_token(&stage.verify(&page, &authenticator).await).await;
}

#[tokio::test]
async fn an_app_can_demand_a_second_factor() {
    let stage = stage().await;
    stage.browser.sign_in(&stage.admin).await;
    let page = stage.open(&[DEMAND]).await;
    stage.set_up(&page).await;
    let id = stage.id_token(&stage.go_on(&page.query("flow").unwrap()).await).await;
    // Behaviour 20.
    assert_eq!(id["acr"], ACR_MFA);
}

#[tokio::test]
async fn an_app_that_only_wishes_for_it_gets_it_where_there_is_one() {
    let stage = stage().await;
    stage.browser.sign_in(&stage.admin).await;
    let wish = ("acr_values", ACR_MFA);
    assert_eq!(stage.id_token(&stage.open(&[wish]).await).await["acr"], ACR_PASSWORD);
    let authenticator = stage.provider.second_factor(&stage.admin).await;
    let page = stage.open(&[wish]).await;
    assert_eq!(page.path(), "/login/totp");
    assert_eq!(stage.id_token(&stage.verify(&page, &authenticator).await).await["acr"], ACR_MFA);
}

#[tokio::test]
async fn a_backup_code_counts_once() {
    let stage = stage().await;
    let authenticator = stage.provider.second_factor(&stage.admin).await;
    let code = &authenticator.backup_codes[0];
    for expected in [200, 422] {
        let page = stage.browser.enter_password(&stage.open(&[("prompt", "login")]).await, &stage.admin).await;
        let page = stage.browser.get(&format!("/login/backup-code?flow={}", page.query("flow").unwrap())).await;
        let back = stage.browser.send(&page.form("form button").fill("code", code)).await;
        if expected == 200 {
            stage.app.code(&back);
        } else {
            assert_eq!(back.status, expected);
        }
    }
}

#[tokio::test]
async fn a_code_alone_is_no_fresh_sign_in() {
    let stage = stage().await;
    stage.browser.sign_in(&stage.admin).await;
    let authenticator = stage.provider.second_factor(&stage.admin).await;
    stage.provider.wait(Duration::minutes(10));
    for more in [("prompt", "login"), ("max_age", "60")] {
        let login = stage.open(&[more]).await;
        let flow = login.query("flow").unwrap();
        let page = stage.browser.get(&format!("/login/totp?flow={flow}")).await;
        if page.has("#verify") {
            stage.verify(&page, &authenticator).await;
        }
        assert_eq!(stage.go_on(&flow).await.path(), "/login", "{more:?}");
    }
}

#[tokio::test]
async fn setting_a_second_factor_up_is_no_fresh_sign_in() {
    let stage = stage().await;
    stage.browser.sign_in(&stage.admin).await;
    stage.provider.wait(Duration::minutes(10));
    let login = stage.open(&[("prompt", "login")]).await;
    let flow = login.query("flow").unwrap();
    stage.set_up(&stage.browser.get(&format!("/setup-mfa?flow={flow}")).await).await;
    assert_eq!(stage.go_on(&flow).await.path(), "/login");
}

#[tokio::test]
async fn what_nobody_can_reach_here_is_refused_and_not_pretended() {
    let stage = stage().await;
    stage.browser.sign_in(&stage.admin).await;
    for wish in [
        r#"{"id_token":{"acr":{"essential":true,"value":"urn:countersign:acr:phr"}}}"#,
        r#"{"id_token":{"acr":{"essential":true,"values":["urn:mace:incommon:iap:silver","phr"]}}}"#,
    ] {
        let page = stage.open(&[("claims", wish)]).await;
        assert_eq!(page.query("error").as_deref(), Some("unmet_authentication_requirements"), "{wish}");
        assert_eq!(page.query("state").as_deref(), Some("a-state"));
    }
    // A wish is none: behaviour 20.
    for more in [
        ("acr_values", "urn:mace:incommon:iap:silver"),
        ("claims", r#"{"id_token":{"acr":{"value":"urn:mace:incommon:iap:silver"}}}"#),
        ("claims", r#"{"id_token":{"acr":{"essential":true}}}"#),
    ] {
        stage.app.tokens(&stage.app.code(&stage.open(&[more]).await)).await;
    }
}

#[tokio::test]
async fn acr_is_the_one_that_was_asked_for_where_the_person_did_more() {
    let stage = stage().await;
    stage.browser.sign_in(&stage.admin).await;
    let page = stage.open(&[DEMAND]).await;
    stage.set_up(&page).await;
    stage.go_on(&page.query("flow").unwrap()).await;
    // Behaviour 20.
    let id = stage.id_token(&stage.open(&[("acr_values", ACR_PASSWORD)]).await).await;
    assert_eq!(id["acr"], ACR_PASSWORD);
    assert!(id["amr"].as_array().unwrap().contains(&json!("mfa")));
    let id = stage.id_token(&stage.open(&[("acr_values", &format!("{ACR_PASSWORD} {ACR_MFA}"))]).await).await;
    assert_eq!(id["acr"], ACR_MFA);
    assert_eq!(stage.id_token(&stage.open(&[]).await).await["acr"], ACR_MFA);
}

#[tokio::test]
async fn an_app_can_register_what_it_wants_of_every_sign_in() {
    let stage = stage().await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.default_acr_values = vec![ACR_MFA.to_owned()];
    client.metadata.default_max_age = Some(60);
    let app = stage.provider.register((client, secret)).await;
    stage.browser.sign_in(&stage.admin).await;
    let page = stage.open(&[DEMAND]).await;
    stage.set_up(&page).await;
    stage.go_on(&page.query("flow").unwrap()).await;
    app.code(&stage.browser.get(&app.authorize(&[])).await);
    stage.provider.wait(Duration::seconds(61));
    assert_eq!(stage.browser.get(&app.authorize(&[])).await.path(), "/login");
    app.code(&stage.browser.get(&app.authorize(&[("max_age", "3600")])).await);
}
