//! `/dashboard`: one's own account.

use countersign::model::role::Role;
use time::Duration;

use crate::harness::Provider;

#[tokio::test]
async fn a_person_changes_name_and_claims() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    let page = browser.sign_in(&admin).await;
    let form = page.form("#save-profile").fill("name", "Ada Lovelace").fill("birthdate", "1815-12-10");
    let done = browser.send(&form.fill("street_address", "12 St James's Square")).await;
    assert!(done.text().contains("Your profile is saved.") && done.text().contains("Ada Lovelace"));
    let bad = browser.send(&done.form("#save-profile").fill("birthdate", "yesterday")).await;
    assert_eq!(bad.status, 422);
    assert!(bad.has("#birthdate[aria-invalid]"));
}

#[tokio::test]
async fn a_new_address_is_confirmed_there_and_told_to_the_old_one() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    let page = browser.sign_in(&admin).await;
    browser.send(&page.form("#save-email").fill("new_email", "ada@new.example")).await;
    assert_eq!(provider.letters(&admin.email).await[0].subject, "Your e-mail address is about to change");
    assert!(browser.get("/dashboard").await.text().contains(&admin.email));
    let confirm = browser.get(&provider.mailed_link("ada@new.example").await).await;
    browser.send(&confirm.form("#confirm")).await;
    assert!(browser.get("/dashboard").await.text().contains("ada@new.example"));
}

#[tokio::test]
async fn a_browser_that_was_left_open_does_not_move_the_account_to_another_address() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    provider.wait(Duration::minutes(16));
    let form = browser.get("/dashboard").await.form("#save-email").fill("new_email", "thief@evil.example");
    for password in ["", "wrong"] {
        let page = browser.send(&form.clone().fill("email_password", password)).await;
        assert_eq!(page.status, 422);
        assert!(page.has("#email_password[aria-invalid]"));
    }
    assert!(provider.letters("thief@evil.example").await.is_empty());
    browser.send(&form.fill("email_password", &admin.password)).await;
    assert_eq!(provider.letters("thief@evil.example").await.len(), 1);
}

#[tokio::test]
async fn everywhere_else_is_signed_out_from_here() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (browser, second, third) = (provider.visitor(), provider.visitor(), provider.visitor());
    second.sign_in(&admin).await;
    third.sign_in(&admin).await;
    let page = browser.sign_in(&admin).await;
    assert!(browser.send(&page.form("#end-others")).await.text().contains("Signed out everywhere else."));
    for elsewhere in [second, third] {
        assert_eq!(elsewhere.get("/dashboard").await.path(), "/login");
    }
    assert_eq!(browser.get("/dashboard").await.path(), "/dashboard");
}

#[tokio::test]
async fn new_backup_codes_take_the_password_and_are_shown_once() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let authenticator = provider.second_factor(&admin).await;
    let browser = provider.visitor();
    let page = browser.sign_in(&admin).await;
    let page = browser.send(&page.form("#verify").fill("code", &authenticator.code(&provider))).await;
    let form = page.form("#renew");
    let wrong = browser.send(&form.clone().fill("renew_password", "wrong")).await;
    assert!(wrong.status == 422 && wrong.has("#renew_password[aria-invalid]"));
    let codes = browser.send(&form.fill("renew_password", &admin.password)).await;
    assert_eq!(codes.html.matches("<li>").count(), 10);
    assert!(authenticator.backup_codes.iter().all(|old| !codes.html.contains(old)));
    assert_eq!(provider.letters(&admin.email).await[0].subject, "You have new backup codes");
}

#[tokio::test]
async fn a_new_password_takes_the_old_one_and_ends_every_other_login() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (browser, elsewhere) = (provider.visitor(), provider.visitor());
    elsewhere.sign_in(&admin).await;
    let page = browser.sign_in(&admin).await;
    let form = page.form("#save-password").fill("new_password", "a wholly new one 7");
    assert_eq!(browser.send(&form.clone().fill("current_password", "wrong")).await.status, 422);
    let done = browser.send(&form.fill("current_password", &admin.password)).await;
    assert!(done.text().contains("Your new password is saved"));
    assert_eq!(elsewhere.get("/dashboard").await.path(), "/login");
}

#[tokio::test]
async fn a_login_elsewhere_is_ended_from_here() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (browser, elsewhere) = (provider.visitor(), provider.visitor());
    elsewhere.sign_in(&admin).await;
    let page = browser.sign_in(&admin).await;
    assert!(page.text().contains("Firefox on Linux"));
    browser.send(&page.form("#sessions input[name=session]")).await;
    assert_eq!(elsewhere.get("/dashboard").await.path(), "/login");
    assert_eq!(browser.get("/dashboard").await.path(), "/dashboard");
}

#[tokio::test]
async fn nobody_ends_somebody_elses_login() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    let (browser, other, third) = (provider.visitor(), provider.visitor(), provider.visitor());
    other.sign_in(&user).await;
    third.sign_in(&user).await;
    let theirs = other.get("/dashboard").await.form("#sessions input[name=session]");
    let theirs = theirs.fields.into_iter().find(|(name, _)| name == "session").unwrap().1;
    browser.sign_in(&admin).await;
    provider.visitor().sign_in(&admin).await;
    let page = browser.get("/dashboard").await;
    browser.send(&page.form("#sessions input[name=session]").fill("session", &theirs)).await;
    assert_eq!(third.get("/dashboard").await.path(), "/dashboard");
}

#[tokio::test]
async fn an_app_that_was_allowed_is_removed_with_its_tokens() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let app = provider.partner_app(company.id).await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let consent = browser.get(&app.authorize(&[])).await;
    let back = browser.send(&consent.form("#allow")).await;
    let tokens = app.tokens(&app.code(&back)).await;
    let page = browser.get("/dashboard").await;
    assert!(page.text_of("#apps").contains("Voice Desk for TechCorp"));
    let page = browser.send(&page.form("#apps input[name=client_id]")).await;
    assert!(page.text_of("#apps").contains("None yet."));
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).await.status(), 401);
    assert_eq!(app.refresh(tokens["refresh_token"].as_str().unwrap()).await.status(), 400);
    // It must ask again.
    assert_eq!(browser.get(&app.authorize(&[])).await.path(), "/login/consent");
}
