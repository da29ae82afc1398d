//! `/register` and `/verify-email`.

use crate::harness::{PASSWORD, Provider};

#[tokio::test]
async fn a_company_registers_and_its_first_admin_is_signed_in() {
    let provider = Provider::start().await;
    let browser = provider.visitor();
    let form = browser.get("/register").await.form("#register").fill("company_name", "Acme Voice").fill("name", "Ada");
    let form = form.fill("email", "ada@acme.example").fill("password", PASSWORD);
    let page = browser.send(&form).await;
    assert_eq!(page.path(), "/dashboard");
    assert!(page.text().contains("Acme Voice") && page.text().contains("admin"));
    let link = provider.mailed_link("ada@acme.example").await;
    let confirm = browser.get(&link).await;
    browser.send(&confirm.form("#confirm")).await;
    assert!(browser.get("/dashboard").await.has("#profile .badge.on"));
    // A link works once.
    assert_eq!(browser.get(&link).await.status, 410);
}

#[tokio::test]
async fn every_flaw_is_told_at_once_beside_its_field() {
    let provider = Provider::start().await;
    let browser = provider.visitor();
    let form = browser.get("/register").await.form("#register").fill("company_name", " ").fill("name", "");
    let page = browser.send(&form.fill("email", "nowhere").fill("password", "short")).await;
    assert_eq!(page.status, 422);
    for field in ["company_name", "name", "email", "password"] {
        assert!(page.has(&format!("#{field}[aria-invalid]")), "{field}");
        assert!(page.has(&format!(".summary a[href='#{field}']")), "{field}");
    }
}

#[tokio::test]
async fn a_password_that_everybody_knows_or_that_names_the_person_is_refused() {
    let provider = Provider::start().await;
    let browser = provider.visitor();
    for password in ["password123", "ada@acme.example", "acmevoice"] {
        let form =
            browser.get("/register").await.form("#register").fill("company_name", "Acme Voice").fill("name", "Ada");
        let page = browser.send(&form.fill("email", "ada@acme.example").fill("password", password)).await;
        assert_eq!(page.status, 422, "{password}");
        assert!(page.has("#password[aria-invalid]"), "{password}");
    }
}

#[tokio::test]
async fn where_addresses_must_be_confirmed_a_known_address_gets_the_same_answer_and_a_letter() {
    let provider = Provider::start_with(&[("REQUIRE_VERIFIED_EMAIL", "on")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    let mut answers = Vec::new();
    for email in [admin.email.as_str(), "new@techcorp.example"] {
        let form = browser.get("/register").await.form("#register").fill("company_name", "Acme");
        let form = form.fill("name", "See https://evil.example");
        let page = browser.send(&form.fill("email", email).fill("password", PASSWORD)).await;
        answers.push((page.status, page.text().replace(email, "")));
    }
    assert_eq!(answers[0], answers[1]);
    let letter = &provider.letters(&admin.email).await[0];
    assert_eq!(letter.subject, "You already have an account");
    // What a stranger typed is not mailed to people.
    assert!(letter.text.contains("Ada Admin") && !letter.text.contains("See https"), "{}", letter.text);
}
