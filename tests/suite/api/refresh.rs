//! Refresh tokens of the management API, and signing out with one.

use serde_json::{Value, json};
use time::Duration;

use crate::harness::Provider;
use crate::harness::api::{Answer, Api};

async fn refresh(api: &Api, token: &str) -> Answer {
    api.post("/api/auth/refresh", json!({ "refresh_token": token })).await
}

#[tokio::test]
async fn each_refresh_gives_a_new_refresh_token() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api();
    let mut held = provider.api_of(&admin).await;
    for _ in 0..3 {
        provider.wait(Duration::minutes(40));
        held.get("/api/users/me").await.expect(401);
        let answer = refresh(&api, held.refresh.as_ref().unwrap()).await.expect(200);
        assert_eq!(answer.body["token_type"], "Bearer");
        assert_eq!(answer.body["expires_in"], 1800);
        let next = api.holding(&answer);
        assert_ne!(next.refresh, held.refresh);
        next.get("/api/users/me").await.expect(200);
        held = next;
    }
}

#[tokio::test]
async fn a_lost_answer_can_be_asked_for_again() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (api, first) = (provider.api(), provider.api_of(&admin).await.refresh.unwrap());
    refresh(&api, &first).await.expect(200);
    let second = api.holding(&refresh(&api, &first).await.expect(200));
    second.get("/api/users/me").await.expect(200);
    refresh(&api, second.refresh.as_ref().unwrap()).await.expect(200);
}

#[tokio::test]
async fn a_token_that_comes_back_after_its_successor_was_used_ends_the_family() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (api, first) = (provider.api(), provider.api_of(&admin).await.refresh.unwrap());
    let second = api.holding(&refresh(&api, &first).await.expect(200));
    let third = api.holding(&refresh(&api, second.refresh.as_ref().unwrap()).await.expect(200));
    refresh(&api, &first).await.expect(401);
    refresh(&api, third.refresh.as_ref().unwrap()).await.expect(401);
    third.get("/api/users/me").await.expect(401);
    let trail = provider.api_of(&admin).await.get("/api/audit?action=refresh_token.reused").await.expect(200);
    assert_eq!(trail.each("person"), [admin.id.to_string()]);
}

#[tokio::test]
async fn a_refresh_token_lives_a_week_however_often_it_is_renewed() {
    let provider = Provider::start_with(&[("SESSION_HOURS", "720")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api();
    let mut token = provider.api_of(&admin).await.refresh.unwrap();
    for _ in 0..3 {
        provider.wait(Duration::days(2));
        token = refresh(&api, &token).await.expect(200).text_of("refresh_token");
    }
    provider.wait(Duration::days(2));
    refresh(&api, &token).await.expect(401);
}

#[tokio::test]
async fn only_a_refresh_token_of_this_api_refreshes() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    let app = provider.public_app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let tokens: Value = app.tokens(&app.code(&browser.get(&app.authorize(&[])).await)).await;
    let of_an_app = tokens["refresh_token"].as_str().unwrap();
    for token in [of_an_app, api.token.as_ref().unwrap(), "", "nonsense"] {
        refresh(&provider.api(), token).await.expect(401);
    }
    // The app's own token still works, and signing out with it here does nothing.
    provider.api().post("/api/auth/logout", json!({ "refresh_token": of_an_app })).await.expect(204);
    assert_eq!(app.refresh(of_an_app).await.status(), 200);
    assert_eq!(app.refresh(api.refresh.as_ref().unwrap()).await.status(), 400);
}

#[tokio::test]
async fn signing_out_ends_every_token_at_once() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (here, elsewhere) = (provider.api_of(&admin).await, provider.api_of(&admin).await);
    here.get("/api/users/me").await.expect(200);
    let sent = json!({ "refresh_token": here.refresh });
    let answer = provider.api().post("/api/auth/logout", sent.clone()).await.expect(204);
    assert!(answer.text.is_empty());
    here.get("/api/users/me").await.expect(401);
    refresh(&here, here.refresh.as_ref().unwrap()).await.expect(401);
    elsewhere.get("/api/users/me").await.expect(200);
    // Once more is no error, and neither is what never was a token.
    provider.api().post("/api/auth/logout", sent).await.expect(204);
    provider.api().post("/api/auth/logout", json!({ "refresh_token": "nonsense" })).await.expect(204);
}
