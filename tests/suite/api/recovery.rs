//! Passwords and addresses by API: forgotten, changed, confirmed.

use serde_json::json;
use time::Duration;

use crate::harness::Provider;

const NEW: &str = "a wholly new one 7";

#[tokio::test]
async fn a_mailed_link_replaces_a_forgotten_password_once_and_ends_every_login() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api();
    let before = provider.api_of(&admin).await;
    api.post("/api/auth/forgot-password", json!({ "email": admin.email })).await.expect(204);
    let token = provider.mailed_token(&admin.email).await;
    let weak =
        api.post("/api/auth/reset-password", json!({ "token": token, "password": "12345678" })).await.expect(422);
    assert_eq!(weak.flaws(), ["password"]);
    let sent = json!({ "token": token, "password": NEW });
    api.post("/api/auth/reset-password", sent.clone()).await.expect(204);
    assert_eq!(api.post("/api/auth/reset-password", sent).await.expect(422).flaws(), ["token"]);
    before.get("/api/users/me").await.expect(401);
    api.try_login(&admin.email, &admin.password).await.expect(401);
    api.try_login(&admin.email, NEW).await.expect(200);
}

#[tokio::test]
async fn an_unknown_address_is_answered_alike_and_gets_no_letter() {
    let provider = Provider::start().await;
    let api = provider.api();
    api.post("/api/auth/forgot-password", json!({ "email": "nobody@nowhere.example" })).await.expect(204);
    assert!(provider.letters("nobody@nowhere.example").await.is_empty());
    api.post("/api/auth/forgot-password", json!({ "email": "nowhere" })).await.expect(422);
}

#[tokio::test]
async fn nobody_is_flooded_with_letters() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api();
    let mut last = 204;
    for _ in 0..6 {
        last = api.post("/api/auth/forgot-password", json!({ "email": admin.email })).await.status;
    }
    assert_eq!(last, 429);
    assert!(provider.letters(&admin.email).await.len() <= 4);
}

#[tokio::test]
async fn an_address_is_confirmed_by_its_link_within_a_day() {
    let provider = Provider::start().await;
    let api = provider.api();
    let sent = json!({ "company_name": "Acme", "email": "ada@acme.example", "password": NEW, "name": "Ada" });
    api.post("/api/auth/register", sent).await.expect(201);
    let token = provider.mailed_token("ada@acme.example").await;
    provider.wait(Duration::hours(23));
    api.post("/api/auth/verify-email", json!({ "token": token })).await.expect(204);
    api.post("/api/auth/verify-email", json!({ "token": token })).await.expect(422);
    let ada = api.holding(&api.try_login("ada@acme.example", NEW).await);
    assert_eq!(ada.get("/api/users/me").await.expect(200).body["email_verified"], true);
}

#[tokio::test]
async fn a_link_of_one_kind_is_good_for_nothing_else() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api();
    api.post("/api/auth/forgot-password", json!({ "email": admin.email })).await.expect(204);
    let token = provider.mailed_token(&admin.email).await;
    api.post("/api/auth/verify-email", json!({ "token": token })).await.expect(422);
    api.post("/api/auth/reset-password", json!({ "token": token, "password": NEW })).await.expect(204);
}

#[tokio::test]
async fn a_new_password_takes_the_old_one_and_keeps_only_this_login() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (here, there) = (provider.api_of(&admin).await, provider.api_of(&admin).await);
    let sent = json!({ "current_password": "wrong", "new_password": NEW });
    assert_eq!(here.post("/api/auth/change-password", sent).await.expect(422).flaws(), ["current_password"]);
    let sent = json!({ "current_password": admin.password, "new_password": NEW });
    here.post("/api/auth/change-password", sent).await.expect(204);
    here.get("/api/users/me").await.expect(200);
    there.get("/api/users/me").await.expect(401);
}
