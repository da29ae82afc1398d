//! The refresh token grant: public clients rotate, nobody is logged out by a lost answer, and a thief is found out.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};
use time::Duration;

use crate::harness::app::{answer, claims, refusal, text};
use crate::harness::{App, Company, Person, Provider, Visitor};

struct Stage {
    provider: Provider,
    company: Company,
    admin: Person,
    browser: Visitor,
    app: App,
    tokens: Value,
}

/// Somebody is signed in, and a public (or a confidential) app holds their tokens.
async fn stage(public: bool) -> Stage {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let app = if public { provider.public_app().await } else { provider.app().await };
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let tokens = app.tokens_with(&browser, &[]).await;
    Stage { provider, company, admin, browser, app, tokens }
}

impl Stage {
    fn first(&self) -> &str {
        text(&self.tokens, "refresh_token")
    }

    /// Refreshes with a token that must be good.
    async fn next(&self, token: &str) -> Value {
        let (status, tokens) = answer(self.app.refresh(token).await).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    /// Refreshes with a token that must be dead.
    async fn dead(&self, token: &str) {
        assert_eq!(refusal(self.app.refresh(token).await).await, (400, "invalid_grant".to_owned()));
    }

    async fn events(&self, action: &str) -> usize {
        self.provider.events().await.iter().filter(|event| *event == action).count()
    }
}

#[tokio::test]
async fn new_tokens_speak_of_the_same_sign_in() {
    let stage = stage(true).await;
    stage.provider.wait(Duration::minutes(5));
    let tokens = stage.next(stage.first()).await;
    // Behaviour 56.
    assert_eq!(tokens["token_type"], "Bearer");
    let (before, after) = (claims(text(&stage.tokens, "id_token")), claims(text(&tokens, "id_token")));
    for name in ["iss", "sub", "aud", "azp", "auth_time", "acr", "amr", "sid", "company_id", "roles"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert!(after["iat"].as_i64() > before["iat"].as_i64());
    assert_eq!(after.get("nonce"), None);
    assert_eq!(stage.app.userinfo(text(&tokens, "access_token")).await.status(), 200);
}

#[tokio::test]
async fn a_refresh_token_is_long_and_printable() {
    let stage = stage(true).await;
    // Behaviour 56.
    assert!(stage.first().len() >= 43 && stage.first().bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
}

#[tokio::test]
async fn a_public_client_gets_another_token_each_time() {
    let stage = stage(true).await;
    let mut seen = BTreeSet::from([stage.first().to_owned()]);
    let mut token = stage.first().to_owned();
    for _ in 0..3 {
        token = text(&stage.next(&token).await, "refresh_token").to_owned();
        assert!(seen.insert(token.clone()));
    }
}

#[tokio::test]
async fn a_confidential_client_keeps_its_token() {
    let stage = stage(false).await;
    // Behaviour 84.
    for _ in 0..3 {
        assert_eq!(text(&stage.next(stage.first()).await, "refresh_token"), stage.first());
    }
}

#[tokio::test]
async fn whoever_lost_the_answer_asks_again() {
    let stage = stage(true).await;
    stage.next(stage.first()).await;
    // Behaviour 84: the answer was lost on the way.
    stage.provider.wait(Duration::seconds(30));
    let second = stage.next(stage.first()).await;
    let third = stage.next(text(&second, "refresh_token")).await;
    stage.next(text(&third, "refresh_token")).await;
    assert_eq!(stage.events("refresh_token.reused").await, 0);
}

#[tokio::test]
async fn a_successor_that_was_replaced_comes_back_and_the_family_dies() {
    let stage = stage(true).await;
    let lost = stage.next(stage.first()).await;
    let kept = stage.next(stage.first()).await;
    stage.dead(text(&lost, "refresh_token")).await;
    stage.dead(text(&kept, "refresh_token")).await;
    stage.dead(stage.first()).await;
    assert_eq!(stage.app.userinfo(text(&kept, "access_token")).await.status(), 401);
    assert_eq!(stage.events("refresh_token.reused").await, 1);
}

#[tokio::test]
async fn a_token_whose_successor_was_used_comes_back_and_the_family_dies() {
    let stage = stage(true).await;
    let second = stage.next(stage.first()).await;
    let third = stage.next(text(&second, "refresh_token")).await;
    stage.dead(stage.first()).await;
    stage.dead(text(&third, "refresh_token")).await;
    assert_eq!(stage.app.userinfo(text(&third, "access_token")).await.status(), 401);
    assert_eq!(stage.events("refresh_token.reused").await, 1);
}

#[tokio::test]
async fn a_thief_who_asks_for_more_is_found_out_too() {
    let stage = stage(true).await;
    let second = stage.next(stage.first()).await;
    let third = stage.next(text(&second, "refresh_token")).await;
    let form = [("grant_type", "refresh_token"), ("refresh_token", stage.first()), ("scope", "openid phone")];
    assert_eq!(refusal(stage.app.token(&form).await).await, (400, "invalid_grant".to_owned()));
    stage.dead(text(&third, "refresh_token")).await;
}

#[tokio::test]
async fn of_fifty_refreshes_at_once_one_living_session_is_left() {
    let stage = stage(true).await;
    let answers = join_all((0..50).map(|_| async { answer(stage.app.refresh(stage.first()).await).await })).await;
    assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
    let given: BTreeSet<&str> = answers.iter().map(|(_, body)| text(body, "refresh_token")).collect();
    assert_eq!(given.len(), 50);
    let watcher = stage.provider.app().await;
    let mut living = Vec::new();
    for token in given {
        let (_, said) = answer(watcher.post("/oauth2/introspect", &[("token", token)]).await).await;
        if said["active"] == json!(true) {
            living.push(token);
        }
    }
    assert_eq!(living.len(), 1);
    stage.next(living[0]).await;
    assert_eq!(stage.events("refresh_token.reused").await, 0);
}

#[tokio::test]
async fn a_client_may_ask_for_less_and_never_for_more() {
    let stage = stage(false).await;
    let ask = async |scope: &str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", stage.first()), ("scope", scope)];
        answer(stage.app.token(&form).await).await
    };
    // Behaviour 56.
    let (status, tokens) = ask("openid email").await;
    assert_eq!((status, &tokens["scope"]), (200, &json!("email openid")));
    let (_, info) = answer(stage.app.userinfo(text(&tokens, "access_token")).await).await;
    assert_eq!((info.get("name"), &info["email"]), (None, &json!("admin@techcorp.com")));
    let (status, tokens) = ask("openid phone").await;
    assert_eq!((status, &tokens["error"]), (400, &json!("invalid_scope")));
    // What was granted is still whole.
    assert_eq!(stage.next(stage.first()).await["scope"], stage.tokens["scope"]);
}

#[tokio::test]
async fn another_client_cannot_use_the_token() {
    let stage = stage(true).await;
    // Behaviour 57.
    for thief in [stage.provider.app().await, stage.provider.public_app().await] {
        assert_eq!(refusal(thief.refresh(stage.first()).await).await, (400, "invalid_grant".to_owned()));
    }
    stage.next(stage.first()).await;
}

#[tokio::test]
async fn a_token_ends_a_week_after_the_sign_in_however_often_it_was_used() {
    let stage = stage(true).await;
    stage.provider.wait(Duration::days(4));
    let second = stage.next(stage.first()).await;
    stage.provider.wait(Duration::days(3) + Duration::minutes(2));
    stage.dead(text(&second, "refresh_token")).await;
}

#[tokio::test]
async fn a_membership_that_ends_kills_its_tokens() {
    let stage = stage(false).await;
    stage.provider.end_membership(&stage.company, &stage.admin).await;
    stage.dead(stage.first()).await;
    assert_eq!(stage.app.userinfo(text(&stage.tokens, "access_token")).await.status(), 401);
}

#[tokio::test]
async fn whoever_signs_out_takes_the_tokens_along() {
    let stage = stage(false).await;
    let page = stage.browser.get("/logout").await;
    stage.browser.send(&page.form("#logout")).await;
    stage.dead(stage.first()).await;
    assert_eq!(stage.app.userinfo(text(&stage.tokens, "access_token")).await.status(), 401);
}

#[tokio::test]
async fn a_client_that_is_switched_off_refreshes_nothing() {
    let stage = stage(false).await;
    stage.provider.switch_off(&stage.app.id).await;
    assert_eq!(refusal(stage.app.refresh(stage.first()).await).await, (401, "invalid_client".to_owned()));
    assert_eq!(stage.app.userinfo(text(&stage.tokens, "access_token")).await.status(), 401);
}

#[tokio::test]
async fn without_offline_access_there_is_no_refresh_token() {
    let stage = stage(true).await;
    let tokens = stage.app.tokens_with(&stage.browser, &[("scope", "openid email")]).await;
    assert_eq!(tokens.get("refresh_token"), None);
}

#[tokio::test]
async fn an_unknown_token_is_refused() {
    let stage = stage(true).await;
    stage.dead("nonsense").await;
    stage.dead(text(&stage.tokens, "access_token")).await;
    let missing = stage.app.token(&[("grant_type", "refresh_token")]).await;
    assert_eq!(refusal(missing).await, (400, "invalid_request".to_owned()));
}
