//! What script adds to pages that work without it, in a real browser.

use crate::harness::Provider;
use crate::harness::authenticator::Authenticator;
use crate::harness::browser::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn backup_codes_can_be_copied_downloaded_and_printed_and_a_password_shown() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = Browser::open().await;
    browser.goto(provider.url("/login")).await;
    browser.fill("#email", &admin.email).await;
    browser.fill("#password", &admin.password).await;
    browser.press(".password .show").await;
    assert!(browser.has("#password[type=text]").await);
    browser.click("#login").await;
    browser.goto(provider.url("/setup-mfa")).await;
    let seed = browser.wait_for("#secret").await.text().await.unwrap();
    let authenticator = Authenticator::of(&seed.replace(' ', ""));
    browser.fill("#code", &authenticator.code(&provider)).await;
    browser.click("#verify").await;
    for (place, label) in [(1, "Copy"), (2, "Download"), (3, "Print")] {
        let tool = browser.wait_for(&format!("#code-tools button:nth-of-type({place})")).await;
        assert_eq!(tool.text().await.unwrap(), label);
    }
    browser.press("#code-tools button:nth-of-type(1)").await;
    let since = std::time::Instant::now();
    while !browser.text().await.contains("Copied") {
        assert!(since.elapsed().as_secs() < 30, "nothing was copied");
    }
    browser.click("#done").await;
    assert_eq!(browser.url().await.path(), "/dashboard");
    browser.close().await;
}
