//! Two nodes, no leader: what a job does is done once, and what one node changes the other sees within two seconds.

use countersign::domain::oidc::backchannel_logout;
use countersign::domain::{delivery, keys};
use countersign::job;
use countersign::model::client::AuthMethod;
use futures_util::future::join_all;
use time::Duration;

use crate::harness::app::{refusal, registration, text};
use crate::harness::{App, Provider};

/// How old what a node remembers may be.
const SEEN: Duration = Duration::seconds(2);

async fn count(provider: &Provider, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&mut provider.database.superuser().await).await.unwrap()
}

/// The same app, at another node.
fn at(node: &Provider, app: &App) -> App {
    App { base: node.base.clone(), ..app.clone() }
}

#[tokio::test]
async fn a_letter_is_taken_by_one_node() {
    let one = Provider::start().await;
    let (_, admin) = one.company("TechCorp").await;
    let two = one.another_node().await;
    let api = one.api_of(&admin).await;
    for number in 0..25 {
        let sent = serde_json::json!({ "email": format!("p{number}@techcorp.com"), "name": "Pat", "role": "user" });
        api.post("/api/users", sent).await.expect(201);
    }
    let letters = count(&one, "select count(*) from outbox").await;
    assert!(letters >= 25);
    let deliver = async |node: &Provider| {
        while delivery::deliver(&node.house, &node.house.job("mail")).await.unwrap() > 0 {}
    };
    tokio::join!(deliver(&one), deliver(&two), deliver(&one), deliver(&two));
    assert_eq!(count(&one, "select count(*) from outbox where attempts = 1 and sent_at is not null").await, letters);
}

#[tokio::test]
async fn a_notice_of_a_logout_is_taken_by_one_node() {
    let one = Provider::start().await;
    let (_, admin) = one.company("TechCorp").await;
    let two = one.another_node().await;
    let browser = one.visitor();
    browser.sign_in(&admin).await;
    for number in 0..6 {
        let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
        client.metadata.backchannel_logout_uri = Some(format!("https://app.example/bye{number}"));
        let app = one.register((client, secret)).await;
        app.tokens_with(&browser, &[]).await;
    }
    let page = browser.get("/logout").await;
    browser.send(&page.form("#logout")).await;
    let take =
        async |node: &Provider| backchannel_logout::take_due(&node.house, &node.house.job("test")).await.unwrap();
    let taken = join_all([&one, &two, &one, &two].map(take)).await;
    assert_eq!(taken.iter().map(Vec::len).sum::<usize>(), 6);
    assert_eq!(count(&one, "select count(*) from logout_notice where attempts = 1").await, 6);
}

#[tokio::test]
async fn keys_that_are_due_rotate_once() {
    let one = Provider::start().await;
    let two = one.another_node().await;
    for node in [&one, &two] {
        node.wait(Duration::days(i64::from(node.house.settings.signing_key_days) + 1));
    }
    let rotate = async |node: &Provider| {
        keys::rotate_when_due(&node.house, &node.house.job("keys")).await.unwrap();
    };
    join_all([&one, &two].map(rotate)).await;
    assert_eq!(one.events().await.iter().filter(|event| *event == "keys.rotated").count(), 1);
}

#[tokio::test]
async fn the_trails_months_are_made_and_swept_by_nodes_at_the_same_moment() {
    let one = Provider::start().await;
    let two = one.another_node().await;
    for node in [&one, &two] {
        node.wait(Duration::days(500));
    }
    let work = async |node: &Provider| {
        job::months(node.house.clone()).await.unwrap();
        job::sweep_all(node.house.clone()).await.unwrap();
    };
    join_all([&one, &two, &one, &two].map(work)).await;
}

#[tokio::test]
async fn a_client_that_is_switched_off_is_refused_by_every_node() {
    let one = Provider::start().await;
    let two = one.another_node().await;
    let (_, admin) = one.company("TechCorp").await;
    let app = one.app().await;
    let browser = one.visitor();
    browser.sign_in(&admin).await;
    let tokens = app.tokens_with(&browser, &[]).await;
    let (there, access) = (at(&two, &app), text(&tokens, "access_token"));
    assert_eq!(there.refresh(text(&tokens, "refresh_token")).await.status(), 200);
    assert_eq!(there.userinfo(access).await.status(), 200);
    one.switch_off(&app.id).await;
    two.wait(SEEN);
    let refused = refusal(there.refresh(text(&tokens, "refresh_token")).await).await;
    assert_eq!(refused, (401, "invalid_client".to_owned()));
    assert_eq!(there.userinfo(access).await.status(), 401);
}

#[tokio::test]
async fn a_key_that_was_rotated_signs_and_verifies_at_every_node() {
    let one = Provider::start().await;
    let two = one.another_node().await;
    let (_, admin) = one.company("TechCorp").await;
    let app = one.app().await;
    let browser = one.visitor();
    browser.sign_in(&admin).await;
    let before = app.tokens_with(&browser, &[]).await;
    assert_eq!(at(&two, &app).userinfo(text(&before, "access_token")).await.status(), 200);
    let signing = keys::rotate(&one.house, &one.house.job("test")).await.unwrap();
    two.wait(SEEN);
    let after = app.tokens_with(&browser, &[]).await;
    for tokens in [&before, &after] {
        assert_eq!(at(&two, &app).userinfo(text(tokens, "access_token")).await.status(), 200);
    }
    let jwks = two.stranger().get(two.url("/oauth2/jwks")).send().await.unwrap().text().await.unwrap();
    assert!(signing.iter().all(|kid| jwks.contains(kid)));
}

#[tokio::test]
async fn a_login_that_ended_is_over_at_every_node() {
    let one = Provider::start().await;
    let two = one.another_node().await;
    let (_, admin) = one.company("TechCorp").await;
    let app = one.app().await;
    let browser = one.visitor();
    browser.sign_in(&admin).await;
    let tokens = app.tokens_with(&browser, &[]).await;
    let there = at(&two, &app);
    assert_eq!(there.userinfo(text(&tokens, "access_token")).await.status(), 200);
    let page = browser.get("/logout").await;
    browser.send(&page.form("#logout")).await;
    two.wait(SEEN);
    assert_eq!(there.userinfo(text(&tokens, "access_token")).await.status(), 401);
    let refused = refusal(there.refresh(text(&tokens, "refresh_token")).await).await;
    assert_eq!(refused, (400, "invalid_grant".to_owned()));
}
