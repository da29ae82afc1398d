//! Token revocation (RFC 7009): whichever token is handed back, nothing of its grant is left.

use countersign::model::client::{AuthMethod, SubjectType};
use serde_json::Value;

use crate::harness::app::{answer, refusal, registration, text};
use crate::harness::{App, Company, Provider, Visitor};

struct Stage {
    provider: Provider,
    company: Company,
    browser: Visitor,
    app: App,
    tokens: Value,
}

async fn stage(public: bool) -> Stage {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let app = if public { provider.public_app().await } else { provider.app().await };
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let tokens = app.tokens_with(&browser, &[]).await;
    Stage { provider, company, browser, app, tokens }
}

impl Stage {
    async fn revoke(&self, token: &str) {
        let response = self.app.post("/oauth2/revoke", &[("token", token)]).await;
        assert_eq!(response.status(), 200);
    }

    /// Status of userinfo, and of a refresh.
    async fn alive(&self, tokens: &Value) -> (u16, u16) {
        let info = self.app.userinfo(text(tokens, "access_token")).await.status().as_u16();
        (info, self.app.refresh(text(tokens, "refresh_token")).await.status().as_u16())
    }
}

#[tokio::test]
async fn a_refresh_token_takes_its_access_tokens_along() {
    for public in [true, false] {
        let stage = stage(public).await;
        stage.revoke(text(&stage.tokens, "refresh_token")).await;
        assert_eq!(stage.alive(&stage.tokens).await, (401, 400));
        assert!(stage.provider.events().await.contains(&"token.revoked".to_owned()));
    }
}

#[tokio::test]
async fn an_access_token_takes_its_grant_along() {
    let stage = stage(true).await;
    stage.revoke(text(&stage.tokens, "access_token")).await;
    assert_eq!(stage.alive(&stage.tokens).await, (401, 400));
}

#[tokio::test]
async fn other_grants_of_the_same_app_live_on() {
    let stage = stage(true).await;
    let other = stage.app.tokens_with(&stage.browser, &[]).await;
    stage.revoke(text(&stage.tokens, "refresh_token")).await;
    assert_eq!(stage.alive(&other).await, (200, 200));
}

#[tokio::test]
async fn a_wrong_hint_harms_nobody() {
    let stage = stage(false).await;
    let token = text(&stage.tokens, "refresh_token");
    for hint in ["access_token", "refresh_token", "pigeon"] {
        let form = [("token", token), ("token_type_hint", hint)];
        assert_eq!(stage.app.post("/oauth2/revoke", &form).await.status(), 200);
    }
    assert_eq!(stage.alive(&stage.tokens).await, (401, 400));
}

#[tokio::test]
async fn what_is_unknown_or_dead_already_is_no_error() {
    let stage = stage(false).await;
    stage.revoke("nonsense").await;
    stage.revoke(text(&stage.tokens, "id_token")).await;
    stage.revoke(text(&stage.tokens, "refresh_token")).await;
    stage.revoke(text(&stage.tokens, "refresh_token")).await;
    let events = stage.provider.events().await;
    assert_eq!(events.iter().filter(|event| *event == "token.revoked").count(), 1);
}

#[tokio::test]
async fn another_client_cannot_hand_the_token_back() {
    let stage = stage(false).await;
    let other = stage.provider.app().await;
    for name in ["refresh_token", "access_token"] {
        let response = other.post("/oauth2/revoke", &[("token", text(&stage.tokens, name))]).await;
        assert_eq!(refusal(response).await, (400, "invalid_grant".to_owned()));
    }
    assert_eq!(stage.alive(&stage.tokens).await, (200, 200));
}

#[tokio::test]
async fn a_clients_own_token_ends_by_itself() {
    let stage = stage(false).await;
    let partner = stage.provider.partner_app(stage.company.id).await;
    let (_, own) = answer(partner.token(&[("grant_type", "client_credentials")]).await).await;
    let response = partner.post("/oauth2/revoke", &[("token", text(&own, "access_token"))]).await;
    assert_eq!(refusal(response).await, (400, "unsupported_token_type".to_owned()));
}

#[tokio::test]
async fn whoever_proves_nothing_revokes_nothing() {
    let stage = stage(false).await;
    let token = text(&stage.tokens, "refresh_token");
    let request = stage.provider.stranger().post(stage.provider.url("/oauth2/revoke"));
    let response = request.form(&[("token", token), ("client_id", &stage.app.id)]).send().await.unwrap();
    assert_eq!(refusal(response).await, (401, "invalid_client".to_owned()));
    assert_eq!(refusal(stage.app.post("/oauth2/revoke", &[]).await).await, (400, "invalid_request".to_owned()));
    assert_eq!(stage.alive(&stage.tokens).await, (200, 200));
}

#[tokio::test]
async fn a_token_from_before_its_client_changed_its_subjects_can_be_handed_back() {
    for (before, after) in [(SubjectType::Public, SubjectType::Pairwise), (SubjectType::Pairwise, SubjectType::Public)]
    {
        let provider = Provider::start().await;
        let (company, admin) = provider.company("TechCorp").await;
        let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
        client.metadata.subject_type = before;
        let app = provider.register((client.clone(), secret.clone())).await;
        let browser = provider.visitor();
        browser.sign_in(&admin).await;
        let tokens = app.tokens_with(&browser, &[]).await;
        client.metadata.subject_type = after;
        let app = provider.register((client, secret)).await;
        let stage = Stage { provider, company, browser, app, tokens };
        stage.revoke(text(&stage.tokens, "access_token")).await;
        assert_eq!(stage.alive(&stage.tokens).await, (401, 400), "{before:?}");
    }
}
