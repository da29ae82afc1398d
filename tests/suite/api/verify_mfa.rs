//! The second step of signing in, and the setup that a company can demand before it.

use serde_json::json;
use time::Duration;

use crate::harness::app::claims;
use crate::harness::authenticator::Authenticator;
use crate::harness::{Person, Provider};

async fn halfway(provider: &Provider, person: &Person) -> String {
    let login = provider.api().try_login(&person.email, &person.password).await.expect(200);
    assert_eq!(login.body["mfa_required"], true);
    assert_eq!(login.body["methods"], json!(["totp", "backup_code"]));
    assert!(login.body.get("access_token").is_none(), "{}", login.text);
    login.text_of("mfa_token")
}

#[tokio::test]
async fn a_code_of_the_app_signs_in_once() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.second_factor(&admin).await;
    let api = provider.api();
    let sent = json!({ "mfa_token": halfway(&provider, &admin).await, "code": app.next_code(&provider) });
    let done = api.post("/api/auth/verify-mfa", sent.clone()).await.expect(200);
    assert_eq!(done.body["mfa_required"], false);
    assert_eq!(done.body["user"]["mfa_enabled"], true);
    assert_eq!(claims(&done.text_of("access_token"))["amr"], json!(["pwd", "otp", "mfa"]));
    api.holding(&done).get("/api/users/me").await.expect(200);
    api.post("/api/auth/verify-mfa", sent.clone()).await.expect(401);
    let again = json!({ "mfa_token": halfway(&provider, &admin).await, "code": sent["code"] });
    api.post("/api/auth/verify-mfa", again).await.expect(401);
}

#[tokio::test]
async fn a_code_is_accepted_once_even_where_two_come_at_the_same_moment() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.second_factor(&admin).await;
    let api = provider.api();
    let sent = json!({ "mfa_token": halfway(&provider, &admin).await, "code": app.next_code(&provider) });
    let tries = (0..4).map(|_| api.post("/api/auth/verify-mfa", sent.clone()));
    let mut answers: Vec<u16> = futures_util::future::join_all(tries).await.iter().map(|a| a.status).collect();
    answers.sort_unstable();
    assert_eq!(answers, [200, 401, 401, 401]);
}

#[tokio::test]
async fn a_backup_code_signs_in_once() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let codes = provider.second_factor(&admin).await.backup_codes;
    let api = provider.api();
    let typed = codes[3].to_uppercase().replace('-', " ");
    let sent = json!({ "mfa_token": halfway(&provider, &admin).await, "code": typed });
    api.post("/api/auth/verify-mfa", sent.clone()).await.expect(200);
    api.post("/api/auth/verify-mfa", sent).await.expect(401);
    let other = json!({ "mfa_token": halfway(&provider, &admin).await, "code": codes[4] });
    api.post("/api/auth/verify-mfa", other).await.expect(200);
}

#[tokio::test]
async fn a_wrong_code_signs_nobody_in() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.second_factor(&admin).await;
    let token = halfway(&provider, &admin).await;
    for code in [app.wrong_code(&provider).as_str(), "", "12345", "abcde-fghij"] {
        let sent = json!({ "mfa_token": token, "code": code });
        provider.api().post("/api/auth/verify-mfa", sent).await.expect(401);
    }
}

#[tokio::test]
async fn the_mfa_token_is_a_jwt_that_is_good_for_the_code_and_nothing_else() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.second_factor(&admin).await;
    let token = halfway(&provider, &admin).await;
    assert_eq!(claims(&token)["mfa_required"], true);
    assert_eq!(claims(&token)["sub"], admin.id.to_string());
    let api = provider.api().with(&token);
    for path in ["/api/users/me", "/api/users", "/api/company", "/api/audit", "/api/sessions", "/api/apps"] {
        api.get(path).await.expect(401);
    }
    api.post("/api/auth/mfa/setup", json!({})).await.expect(401);
    api.post("/api/auth/mfa/enable", json!({ "code": "123456" })).await.expect(401);
    api.get("/api/auth/mfa/backup-codes").await.expect(401);
    api.get("/oauth2/userinfo").await.expect(401);
    api.post("/api/auth/refresh", json!({ "refresh_token": token })).await.expect(401);
    provider.wait(Duration::minutes(11));
    let late = json!({ "mfa_token": token, "code": app.code(&provider) });
    provider.api().post("/api/auth/verify-mfa", late).await.expect(401);
}

#[tokio::test]
async fn only_an_mfa_token_comes_before_a_code() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    let access = api.token.clone().unwrap();
    let app = provider.second_factor(&admin).await;
    let pat = provider.person(&company, countersign::model::role::Role::User, "pat@techcorp.com").await;
    api.patch("/api/company", json!({ "require_mfa": true })).await.expect(200);
    let setup = provider.api().try_login(&pat.email, &pat.password).await.expect(200).text_of("setup_token");
    for token in [access.as_str(), setup.as_str(), "", "nonsense", "a.b.c"] {
        let sent = json!({ "mfa_token": token, "code": app.next_code(&provider) });
        provider.api().post("/api/auth/verify-mfa", sent).await.expect(401);
    }
}

#[tokio::test]
async fn where_the_company_demands_it_a_second_factor_is_set_up_before_there_are_tokens() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let before = provider.api_of(&admin).await;
    before.patch("/api/company", json!({ "require_mfa": true })).await.expect(200);
    // Whoever is signed in without must sign in again.
    before.get("/api/users/me").await.expect(401);
    let refresh = json!({ "refresh_token": before.refresh });
    before.post("/api/auth/refresh", refresh).await.expect(401);
    let login = provider.api().try_login(&admin.email, &admin.password).await.expect(200);
    assert_eq!(login.body["mfa_setup_required"], true);
    assert_eq!(login.body["mfa_required"], false);
    assert!(login.body.get("access_token").is_none() && login.body.get("mfa_token").is_none(), "{}", login.text);
    let halfway = provider.api().with(&login.text_of("setup_token"));
    halfway.get("/api/users/me").await.expect(401);
    halfway.get("/api/users").await.expect(401);
    halfway.post("/api/auth/mfa/backup-codes", json!({})).await.expect(401);
    halfway.get("/oauth2/userinfo").await.expect(401);
    let verify = json!({ "mfa_token": halfway.token, "code": "123456" });
    halfway.post("/api/auth/verify-mfa", verify).await.expect(401);
    let setup = halfway.post("/api/auth/mfa/setup", json!({})).await.expect(200);
    let app = Authenticator::of(&setup.text_of("secret"));
    let wrong = json!({ "code": app.wrong_code(&provider) });
    assert_eq!(halfway.post("/api/auth/mfa/enable", wrong).await.expect(422).flaws(), ["code"]);
    let code = json!({ "code": app.code(&provider) });
    let enabled = halfway.post("/api/auth/mfa/enable", code).await.expect(200);
    assert_eq!(enabled.body["backup_codes"].as_array().unwrap().len(), 10);
    let signed_in = provider.api().holding(&enabled);
    assert_eq!(signed_in.get("/api/users/me").await.expect(200).body["mfa_enabled"], true);
    halfway.post("/api/auth/mfa/setup", json!({})).await.expect(409);
}
