//! Nothing takes a second connection while it holds one: with a pool of one, that would wait for itself.

use countersign::model::client::{AuthMethod, SubjectType};
use futures_util::future::join_all;
use serde_json::json;

use crate::harness::Provider;
use crate::harness::app::{answer, registration, text};
use crate::harness::prover::Prover;

#[tokio::test]
async fn one_connection_is_enough_for_many_at_once() {
    let provider = Provider::start_with(&[("DATABASE_CONNECTIONS", "1")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.subject_type = SubjectType::Pairwise;
    client.metadata.backchannel_logout_uri = Some("https://app.example/bye".to_owned());
    let app = provider.register((client, secret)).await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let prover = Prover::default();
    let everything = async || {
        let claims = r#"{"id_token":{"email":null},"userinfo":{"name":null}}"#;
        let tokens = app.tokens_with(&browser, &[("claims", claims)]).await;
        let (token, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
        assert_eq!(app.userinfo(token).await.status(), 200);
        let (_, said) = answer(app.post("/oauth2/introspect", &[("token", token)]).await).await;
        assert_eq!(said["active"], json!(true));
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let proof = prover.sign(&prover.for_token(&provider));
        let (status, bound) = answer(app.token_with(&form, &[proof]).await).await;
        assert_eq!(status, 200, "{bound}");
        let token = text(&bound, "access_token");
        let proof = prover.sign(&prover.for_userinfo(&provider, token));
        assert_eq!(app.userinfo_with(&format!("DPoP {token}"), &[proof]).await.status(), 200);
        let hint = [("prompt", "none"), ("id_token_hint", text(&tokens, "id_token"))];
        app.tokens_with(&browser, &hint).await;
        assert_eq!(app.post("/oauth2/revoke", &[("token", refresh)]).await.status(), 200);
        assert_eq!(app.userinfo(token).await.status(), 401);
    };
    join_all((0..10).map(|_| everything())).await;
    let page = browser.get("/logout").await;
    assert!(browser.send(&page.form("#logout")).await.text().contains("Signed out"));
}
