//! The authorization code grant, from the first request to the tokens.

use futures_util::future::join_all;
use serde_json::Value;

use crate::harness::Provider;
use crate::harness::app::{answer, claims, refusal, text};

#[tokio::test]
async fn a_person_signs_in_and_the_app_gets_tokens_with_company_and_role() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    let login = browser.get(&app.authorize(&[])).await;
    assert_eq!(login.path(), "/login");
    let back = browser.enter_password(&login, &admin).await;
    assert_eq!(back.query("state").as_deref(), Some("a-state"));
    assert_eq!(back.query("iss").as_deref(), Some(provider.base.as_str()));
    let tokens = app.tokens(&app.code(&back)).await;
    let access = claims(tokens["access_token"].as_str().unwrap());
    let id = claims(tokens["id_token"].as_str().unwrap());
    for token in [&access, &id] {
        assert_eq!(token["iss"], provider.base);
        assert_eq!(token["sub"], admin.id.to_string());
        assert_eq!(token["company_id"], company.id.to_string());
        assert_eq!(token["company"], "techcorp");
        assert_eq!(token["roles"], serde_json::json!(["admin"]));
    }
    assert_eq!(id["nonce"], "a-nonce");
    assert_eq!(id["aud"], app.id);
    let info: Value = app.userinfo(tokens["access_token"].as_str().unwrap()).await.json().await.unwrap();
    assert_eq!(info["sub"], admin.id.to_string());
    assert_eq!(info["email"], admin.email);
}

#[tokio::test]
async fn a_code_is_accepted_once_and_its_second_use_kills_what_the_first_gave() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let code = app.code(&browser.get(&app.authorize(&[])).await);
    let tokens = app.tokens(&code).await;
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(app.userinfo(access).await.status(), 200);
    // Behaviour 50.
    let again = app.redeem(&code).await;
    assert_eq!(again.status(), 400);
    let error: Value = again.json().await.unwrap();
    assert_eq!(error["error"], "invalid_grant");
    // Behaviour 51.
    assert_eq!(app.userinfo(access).await.status(), 401);
    let refresh = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(app.refresh(refresh).await.status(), 400);
}

#[tokio::test]
async fn of_fifty_redemptions_at_once_one_succeeds_and_its_grant_dies() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let code = app.code(&browser.get(&app.authorize(&[])).await);
    let answers = join_all((0..50).map(|_| async { answer(app.redeem(&code).await).await })).await;
    let good: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
    assert_eq!(good.len(), 1);
    assert!(answers.iter().all(|(status, body)| *status == 200 || body["error"] == "invalid_grant"), "{answers:?}");
    let tokens = &good[0].1;
    assert_eq!(app.userinfo(text(tokens, "access_token")).await.status(), 401);
    assert_eq!(refusal(app.refresh(text(tokens, "refresh_token")).await).await, (400, "invalid_grant".to_owned()));
}
