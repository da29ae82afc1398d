//! `/setup-mfa`, `/login/totp` and `/login/backup-code`.

use sqlx::Executor as _;

use crate::harness::authenticator::{Authenticator, STEP};
use crate::harness::{Page, Person, Provider, Visitor};

async fn halfway(provider: &Provider, person: &Person) -> (Visitor, Page) {
    let browser = provider.visitor();
    let page = browser.sign_in(person).await;
    assert_eq!(page.path(), "/login/totp");
    (browser, page)
}

#[tokio::test]
async fn a_person_turns_it_on_with_the_picture_and_keeps_ten_backup_codes() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let setup = browser.get("/setup-mfa").await;
    assert!(setup.has(".qr svg"));
    let shown = setup.text_of("#secret");
    assert!(shown.split(' ').all(|group| group.len() <= 4));
    let authenticator = Authenticator::of(&shown.replace(' ', ""));
    // A mistyped code keeps the picture.
    let again = browser.send(&setup.form("#verify").fill("code", "000000")).await;
    assert_eq!((again.status, again.text_of("#secret")), (422, shown));
    let code = authenticator.code(&provider);
    let codes = browser.send(&again.form("#verify").fill("code", &code)).await;
    assert_eq!(codes.html.matches("<li>").count(), 10);
    assert_eq!(browser.get("/dashboard").await.text_of("#codes-left"), "10");
    assert_eq!(provider.letters(&admin.email).await[0].subject, "Two-step verification is on");
}

#[tokio::test]
async fn a_code_works_once_and_only_around_its_half_minute() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let authenticator = provider.second_factor(&admin).await;
    let code = authenticator.code(&provider);
    let (browser, page) = halfway(&provider, &admin).await;
    assert_eq!(browser.send(&page.form("#verify").fill("code", &code)).await.path(), "/dashboard");
    let (browser, page) = halfway(&provider, &admin).await;
    assert_eq!(browser.send(&page.form("#verify").fill("code", &code)).await.status, 422);
    let old = authenticator.code(&provider);
    provider.wait(STEP * 3);
    assert_eq!(browser.send(&page.form("#verify").fill("code", &old)).await.status, 422);
    let fresh = authenticator.code(&provider);
    assert_eq!(browser.send(&page.form("#verify").fill("code", &fresh)).await.path(), "/dashboard");
}

#[tokio::test]
async fn one_code_typed_in_four_tabs_at_once_signs_one_of_them_in() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let authenticator = provider.second_factor(&admin).await;
    let mut tabs = Vec::new();
    for _ in 0..4 {
        tabs.push(halfway(&provider, &admin).await);
    }
    let code = authenticator.code(&provider);
    let tries = tabs.iter().map(|(browser, page)| {
        let form = page.form("#verify").fill("code", &code);
        async move { browser.send(&form).await.path() == "/dashboard" }
    });
    let won = futures_util::future::join_all(tries).await.into_iter().filter(|won| *won).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_backup_code_signs_in_once() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    provider.second_factor(&admin).await;
    let cx = provider.house.job("test");
    let codes = countersign::domain::person::second_factor::renew_codes(&provider.house, &cx, admin.id).await.unwrap();
    for expected in ["/dashboard", "/login/backup-code"] {
        let (browser, _) = halfway(&provider, &admin).await;
        let page = browser.get("/login/backup-code").await;
        // As people type: capitals, a space.
        let typed = codes[3].to_uppercase().replace('-', " ");
        assert_eq!(browser.send(&page.form("#verify").fill("code", &typed)).await.path(), expected);
    }
}

#[tokio::test]
async fn a_company_that_demands_it_leads_everybody_to_the_set_up() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let mut conn = provider.database.superuser().await;
    conn.execute("update company set require_mfa = true").await.unwrap();
    let browser = provider.visitor();
    let setup = browser.sign_in(&admin).await;
    assert_eq!(setup.path(), "/setup-mfa");
    assert!(setup.text().contains("Your company requires it"));
    // An app gets nothing before that is done.
    let app = provider.partner_app(company.id).await;
    assert_eq!(browser.get(&app.authorize(&[])).await.path(), "/setup-mfa");
}

#[tokio::test]
async fn turning_it_off_takes_the_password_and_a_code() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let authenticator = provider.second_factor(&admin).await;
    let (browser, page) = halfway(&provider, &admin).await;
    let code = authenticator.code(&provider);
    let page = browser.send(&page.form("#verify").fill("code", &code)).await;
    provider.wait(STEP * 2);
    let form = |code: &str| page.form("#disable").fill("password", &admin.password).fill("code", code);
    assert_eq!(browser.send(&form("000000")).await.status, 422);
    let code = authenticator.code(&provider);
    assert_eq!(browser.send(&form(&code).fill("password", "wrong")).await.status, 422);
    let done = browser.send(&form(&code)).await;
    assert!(done.text().contains("Two-step verification is off."));
    assert_eq!(provider.visitor().sign_in(&admin).await.path(), "/dashboard");
}

#[tokio::test]
async fn a_browser_that_was_left_open_does_not_turn_it_on_without_the_password() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    assert!(!browser.get("/setup-mfa").await.has("#password"));
    provider.wait(time::Duration::minutes(16));
    let setup = browser.get("/setup-mfa").await;
    assert!(setup.has("#password"));
    let authenticator = Authenticator::of(&setup.text_of("#secret").replace(' ', ""));
    let form = setup.form("#verify").fill("code", &authenticator.code(&provider));
    assert_eq!(browser.send(&form.clone().without("password")).await.status, 422);
    assert_eq!(browser.send(&form.clone().fill("password", "wrong")).await.status, 422);
    assert_eq!(browser.send(&form.fill("password", &admin.password)).await.text_of("h1"), "Your backup codes");
}
