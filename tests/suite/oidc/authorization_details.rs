//! Rich authorization requests (RFC 9396): carried to the tokens, and shown to whoever allows them.

use countersign::model::client::{AuthMethod, ConsentRule};
use serde_json::{Value, json};

use crate::harness::app::{answer, claims, registration};
use crate::harness::{App, Page, Provider, Visitor};

async fn stage(consent: ConsentRule) -> (Provider, App, Visitor) {
    let provider = Provider::start().await;
    let (_, person) = provider.company("TechCorp").await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.consent = consent;
    client.metadata.authorization_details_types = vec!["call_transfer".to_owned()];
    let app = provider.register((client, secret)).await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    (provider, app, browser)
}

fn details() -> Value {
    json!([{ "type": "call_transfer", "actions": ["dial", "hold"], "limit": { "minutes": 30 }, "identifier": "desk-7" }])
}

async fn open(app: &App, browser: &Visitor, details: &str) -> Page {
    browser.get(&app.authorize(&[("authorization_details", details)])).await
}

#[tokio::test]
async fn details_stand_in_the_answer_the_token_and_the_introspection_and_stay_when_refreshed() {
    let (_provider, app, browser) = stage(ConsentRule::Skip).await;
    let tokens = app.tokens(&app.code(&open(&app, &browser, &details().to_string()).await)).await;
    assert_eq!(tokens["authorization_details"], details());
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(claims(token)["authorization_details"], details());
    let (_, told) = answer(app.post("/oauth2/introspect", &[("token", token)]).await).await;
    assert_eq!(told["authorization_details"], details());
    let (_, tokens) = answer(app.refresh(tokens["refresh_token"].as_str().unwrap()).await).await;
    assert_eq!(tokens["authorization_details"], details());
}

#[tokio::test]
async fn the_consent_page_shows_each_detail_and_asks_every_time() {
    let (_provider, app, browser) = stage(ConsentRule::Ask).await;
    for _ in 0..2 {
        let page = open(&app, &browser, &details().to_string()).await;
        let said = page.text();
        for part in ["call_transfer", "dial, hold", "minutes: 30", "desk-7"] {
            assert!(said.contains(part), "{part} is missing: {said}");
        }
        let tokens = app.tokens(&app.code(&browser.send(&page.form("#allow")).await)).await;
        assert_eq!(tokens["authorization_details"], details());
    }
    let page =
        browser.get(&app.authorize(&[("authorization_details", &details().to_string()), ("prompt", "none")])).await;
    assert_eq!(page.query("error").as_deref(), Some("consent_required"));
}

#[tokio::test]
async fn details_cannot_smuggle_markup_into_the_page() {
    let (_provider, app, browser) = stage(ConsentRule::Ask).await;
    let page = open(&app, &browser, r#"[{"type":"call_transfer","<img src=x>":"<script>alert(1)</script>"}]"#).await;
    assert!(!page.html.contains("<script>alert") && !page.html.contains("<img src=x>"));
    assert!(page.text().contains("<script>alert(1)</script>"));
}

#[tokio::test]
async fn details_cannot_turn_or_hide_what_stands_beside_them() {
    let (_provider, app, browser) = stage(ConsentRule::Ask).await;
    let page =
        open(&app, &browser, r#"[{"type":"call_transfer","to\u2066":"\u202e001","deep":{"a\u200b":"b\nc"}}]"#).await;
    for hidden in ['\u{2066}', '\u{202e}', '\u{200b}'] {
        assert!(!page.html.contains(hidden), "{hidden:?}");
    }
    let said = page.text();
    assert!(said.contains("\\u{202e}001") && said.contains("a\\u{200b}: b c"), "{said}");
}

#[tokio::test]
async fn details_that_are_malformed_or_of_another_type_are_refused() {
    let (_provider, app, browser) = stage(ConsentRule::Skip).await;
    let many = Value::Array(vec![json!({ "type": "call_transfer" }); 21]).to_string();
    let long = json!([{ "type": "call_transfer", "note": "x".repeat(9000) }]).to_string();
    for bad in [
        "nonsense",
        "{}",
        "[]",
        "[7]",
        "[{}]",
        r#"[{"type":7}]"#,
        r#"[{"type":"payment"}]"#,
        r#"[{"type":"call_transfer","actions":"dial"}]"#,
        r#"[{"type":"call_transfer","identifier":7}]"#,
        &many,
        &long,
    ] {
        let page = open(&app, &browser, bad).await;
        assert_eq!(page.query("error").as_deref(), Some("invalid_authorization_details"), "{bad}");
    }
}
