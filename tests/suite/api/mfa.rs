//! `/api/auth/mfa`: the second factor.

use serde_json::json;
use time::Duration;

use super::step_up::needs;
use crate::harness::Provider;
use crate::harness::authenticator::Authenticator;

#[tokio::test]
async fn a_second_factor_is_set_up_turned_on_and_off() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    api.post("/api/auth/mfa/enable", json!({ "code": "123456" })).await.expect(422);
    let setup = api.post("/api/auth/mfa/setup", json!({})).await.expect(200);
    assert!(setup.text_of("otpauth_uri").starts_with("otpauth://totp/Countersign:"));
    assert!(setup.text_of("otpauth_uri").contains(&setup.text_of("secret")));
    assert!(setup.text_of("qr_svg").starts_with("<svg"));
    assert!(setup.text_of("qr_png").starts_with("data:image/png;base64,iVBORw0KGgo"));
    let app = Authenticator::of(&setup.text_of("secret"));
    let wrong = json!({ "code": app.wrong_code(&provider) });
    api.post("/api/auth/mfa/enable", wrong).await.expect(422);
    let enabled = api.post("/api/auth/mfa/enable", json!({ "code": app.code(&provider) })).await.expect(200);
    assert_eq!(enabled.body["backup_codes"].as_array().unwrap().len(), 10);
    api.post("/api/auth/mfa/setup", json!({})).await.expect(409);
    assert_eq!(api.get("/api/users/me").await.body["mfa_enabled"], true);
    let sent = json!({ "password": "wrong", "code": app.next_code(&provider) });
    assert_eq!(api.post("/api/auth/mfa/disable", sent).await.expect(422).flaws(), ["password"]);
    let sent = json!({ "password": admin.password, "code": app.next_code(&provider) });
    api.post("/api/auth/mfa/disable", sent).await.expect(204);
    assert_eq!(api.get("/api/users/me").await.body["mfa_enabled"], false);
    let subjects: Vec<String> = provider.letters(&admin.email).await.into_iter().map(|letter| letter.subject).collect();
    assert_eq!(subjects, ["Two-step verification is off", "Two-step verification is on"]);
}

#[tokio::test]
async fn new_backup_codes_void_the_old_and_need_a_recent_sign_in() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.second_factor(&admin).await;
    let old = &app.backup_codes;
    let halfway =
        || async { provider.api().try_login(&admin.email, &admin.password).await.expect(200).text_of("mfa_token") };
    let sent = json!({ "mfa_token": halfway().await, "code": app.next_code(&provider) });
    let api = provider.api().holding(&provider.api().post("/api/auth/verify-mfa", sent).await);
    let got = api.get("/api/auth/mfa/backup-codes").await.expect(200);
    let posted = api.post("/api/auth/mfa/backup-codes", json!({})).await.expect(200);
    assert_ne!(got.body["backup_codes"], posted.body["backup_codes"]);
    for (code, status) in [(&old[0], 401), (&posted.body["backup_codes"][0].as_str().unwrap().to_owned(), 200)] {
        let sent = json!({ "mfa_token": halfway().await, "code": code });
        provider.api().post("/api/auth/verify-mfa", sent).await.expect(status);
    }
    provider.wait(Duration::minutes(16));
    needs(&api.get("/api/auth/mfa/backup-codes").await, "max_age=\"900\"");
}

#[tokio::test]
async fn nobody_turns_off_what_the_company_demands() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.second_factor(&admin).await;
    let login = provider.api().try_login(&admin.email, &admin.password).await;
    let sent = json!({ "mfa_token": login.text_of("mfa_token"), "code": app.next_code(&provider) });
    let api = provider.api().holding(&provider.api().post("/api/auth/verify-mfa", sent).await);
    api.patch("/api/company", json!({ "require_mfa": true })).await.expect(200);
    let sent = json!({ "password": admin.password, "code": app.next_code(&provider) });
    api.post("/api/auth/mfa/disable", sent).await.expect(403);
}

#[tokio::test]
async fn a_login_of_a_password_alone_is_worth_nothing_once_the_company_demands_more() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    api.patch("/api/company", json!({ "require_mfa": true })).await.expect(200);
    needs(&api.get("/api/users/me").await, "acr_values=\"urn:countersign:acr:mfa\"");
    api.post("/api/auth/refresh", json!({ "refresh_token": api.refresh })).await.expect(401);
}

#[tokio::test]
async fn a_token_that_was_left_lying_around_turns_nothing_on() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    let setup = api.post("/api/auth/mfa/setup", json!({})).await.expect(200);
    provider.wait(Duration::minutes(16));
    needs(&api.post("/api/auth/mfa/setup", json!({})).await, "max_age=\"900\"");
    let app = Authenticator::of(&setup.text_of("secret"));
    let enable = api.post("/api/auth/mfa/enable", json!({ "code": app.code(&provider) })).await;
    needs(&enable, "max_age=\"900\"");
}
