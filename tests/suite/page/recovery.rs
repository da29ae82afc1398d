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
