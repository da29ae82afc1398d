//! `/forgot-password` and `/reset-password`.

use time::Duration;

use crate::harness::{Provider, Visitor};

async fn ask(browser: &Visitor, email: &str) -> String {
    let form = browser.get("/forgot-password").await.form("#send").fill("email", email);
    browser.send(&form).await.text().replace(email, "")
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_a_mailed_link_and_every_login_ends() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (signed_in, browser) = (provider.visitor(), provider.visitor());
    signed_in.sign_in(&admin).await;
    ask(&browser, &admin.email).await;
    let link = provider.mailed_link(&admin.email).await;
    let choose = browser.get(&link).await;
    let weak = browser.send(&choose.form("#save").fill("password", "12345678")).await;
    assert_eq!(weak.status, 422);
    let saved = browser.send(&choose.form("#save").fill("password", "a wholly new one 7")).await;
    assert!(saved.text().contains("Your new password is saved"));
    assert_eq!(signed_in.get("/dashboard").await.path(), "/login");
    assert_eq!(browser.sign_in(&admin).await.status, 422);
    let form = browser.get("/login").await.form("#login").fill("email", &admin.email);
    assert_eq!(browser.send(&form.fill("password", "a wholly new one 7")).await.path(), "/dashboard");
    assert_eq!(browser.get(&link).await.status, 410);
}

#[tokio::test]
async fn an_unknown_address_gets_the_same_answer() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    assert_eq!(ask(&browser, &admin.email).await, ask(&browser, "nobody@nowhere.example").await);
    assert!(provider.letters("nobody@nowhere.example").await.is_empty());
}

#[tokio::test]
async fn a_link_is_good_for_an_hour() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    ask(&browser, &admin.email).await;
    let link = provider.mailed_link(&admin.email).await;
    provider.wait(Duration::minutes(59));
    assert_eq!(browser.get(&link).await.status, 200);
    provider.wait(Duration::minutes(2));
    assert_eq!(browser.get(&link).await.status, 410);
}

#[tokio::test]
async fn whoever_takes_the_account_back_is_not_robbed_by_links_that_the_thief_asked_for() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (thief, owner) = (provider.visitor(), provider.visitor());
    let page = thief.sign_in(&admin).await;
    thief.send(&page.form("#save-email").fill("new_email", "thief@evil.example")).await;
    let theirs = provider.mailed_link("thief@evil.example").await;
    assert_eq!(thief.get(&theirs).await.status, 200);
    ask(&owner, &admin.email).await;
    let choose = owner.get(&provider.mailed_link(&admin.email).await).await;
    owner.send(&choose.form("#save").fill("password", "a wholly new one 7")).await;
    assert_eq!(thief.get(&theirs).await.status, 410);
}

#[tokio::test]
async fn a_changed_password_makes_links_of_before_void() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    ask(&browser, &admin.email).await;
    let link = provider.mailed_link(&admin.email).await;
    let page = browser.sign_in(&admin).await;
    let form = page.form("#save-password").fill("current_password", &admin.password);
    browser.send(&form.fill("new_password", "a wholly new one 7")).await;
    assert_eq!(browser.get(&link).await.status, 410);
}

#[tokio::test]
async fn links_in_the_old_mailbox_are_void_once_the_address_has_changed() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    ask(&browser, &admin.email).await;
    let old = provider.mailed_link(&admin.email).await;
    let page = browser.sign_in(&admin).await;
    browser.send(&page.form("#save-email").fill("new_email", "ada@new.example")).await;
    let confirm = browser.get(&provider.mailed_link("ada@new.example").await).await;
    assert_eq!(browser.get(&old).await.status, 200);
    browser.send(&confirm.form("#confirm")).await;
    assert_eq!(browser.get(&old).await.status, 410);
}

#[tokio::test]
async fn the_time_of_the_answer_does_not_tell_whether_a_letter_was_written() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    for email in [admin.email.as_str(), "nobody@nowhere.example"] {
        let since = std::time::Instant::now();
        ask(&browser, email).await;
        assert!(since.elapsed() >= std::time::Duration::from_millis(100), "{email}");
    }
}
