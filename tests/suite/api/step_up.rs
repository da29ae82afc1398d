//! Sign-ins that are not enough (RFC 9470): the answer says what would be.

use serde_json::json;
use time::Duration;

use crate::harness::Provider;
use crate::harness::api::Answer;

/// The answer asks for another sign-in, of this kind.
#[track_caller]
pub fn needs(answer: &Answer, wanted: &str) {
    assert_eq!(answer.status, 401, "{}", answer.text);
    let challenge = answer.headers["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.starts_with("Bearer error=\"insufficient_user_authentication\", error_description="),
        "{challenge}"
    );
    assert!(challenge.ends_with(wanted), "{challenge}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.body["status"], 401);
    assert!(answer.text_of("detail").contains("sign in again"), "{}", answer.text);
}

#[tokio::test]
async fn what_is_grave_needs_a_recent_sign_in_and_a_new_one_is_enough() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    provider.wait(Duration::minutes(16));
    let grave = format!("/api/users/{}/reset-mfa", admin.id);
    needs(&api.post(&grave, json!({})).await, "max_age=\"900\"");
    // The token is good for everything else, and refreshing it is no sign-in.
    api.get("/api/users/me").await.expect(200);
    let again = provider.api().post("/api/auth/refresh", json!({ "refresh_token": api.refresh })).await;
    needs(&api.holding(&again).post(&grave, json!({})).await, "max_age=\"900\"");
    // There is none to reset.
    provider.api_of(&admin).await.post(&grave, json!({})).await.expect(409);
}

#[tokio::test]
async fn a_company_that_demands_a_second_factor_says_so() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    provider.require_second_factor(&company).await;
    for path in ["/api/users/me", "/api/users", "/api/audit", "/api/sessions"] {
        needs(&api.get(path).await, "acr_values=\"urn:countersign:acr:mfa\"");
    }
}

#[tokio::test]
async fn a_token_that_is_simply_bad_gets_no_such_advice() {
    let provider = Provider::start().await;
    let answer = provider.api().with("nonsense").get("/api/users/me").await.expect(401);
    assert_eq!(answer.headers["www-authenticate"], "Bearer error=\"invalid_token\"");
}
