//! `examples/voice_agent.rs`, on the Rust crate `openidconnect`.

use std::env;
use std::process::Command;

use countersign::model::client::AuthMethod;

use super::Scene;
use super::party::Party;
use crate::harness::browser::Browser;

#[tokio::test]
async fn a_person_signs_in_with_password_and_code_and_the_voice_app_knows_company_and_role() {
    let scene = Scene::with(AuthMethod::SecretBasic).await;
    let mut agent = start(&scene);
    agent.line().await;
    let browser = Browser::open().await;
    browser.goto(scene.place.home()).await;
    browser.click("#login").await;
    assert_eq!(browser.url().await.path(), "/login");
    scene.sign_in(&browser).await;

    assert_eq!(browser.url().await.as_str(), scene.place.home());
    let text = browser.text().await;
    for known in ["Ada Admin", &scene.admin.email, &scene.company.slug, &scene.company.id.to_string(), "admin"] {
        assert!(text.contains(known), "no {known} in\n{text}");
    }
    assert!(text.contains("Role\nadmin") || text.contains("Role admin"), "{text}");
    browser.close().await;
}

#[tokio::test]
async fn who_signs_out_at_the_voice_app_is_back_there_and_signed_out_here_too() {
    let scene = Scene::with(AuthMethod::SecretBasic).await;
    let mut agent = start(&scene);
    agent.line().await;
    let browser = Browser::open().await;
    browser.goto(format!("{}login", scene.place.home())).await;
    scene.sign_in(&browser).await;
    // As long as the login lives, coming again asks nothing.
    browser.goto(format!("{}login", scene.place.home())).await;
    assert_eq!(browser.url().await.as_str(), scene.place.home());

    browser.click("#logout").await;
    assert_eq!(browser.url().await.as_str(), scene.place.home());
    browser.wait_for("#login").await;
    browser.goto(scene.provider.url("/setup-mfa")).await;
    assert_eq!(browser.url().await.path(), "/login");
    browser.goto(format!("{}login", scene.place.home())).await;
    assert_eq!(browser.url().await.path(), "/login");
    browser.wait_for("#password").await;
    assert!(!browser.has("#continue").await, "the login outlived its end");
    browser.close().await;
}

fn start(scene: &Scene) -> Party {
    let this = env::current_exe().unwrap();
    let program = this.parent().unwrap().with_file_name("examples").join("voice_agent");
    assert!(program.is_file(), "{} is not there: `cargo build --example voice_agent` makes it", program.display());
    Party::start(
        Command::new(program)
            .env("ISSUER", &scene.provider.base)
            .env("CLIENT_ID", &scene.app.id)
            .env("CLIENT_SECRET", scene.app.secret.as_deref().unwrap())
            .env("PORT", scene.place.port.to_string()),
    )
}
