//! A connection breaks in the middle of a transaction: before its commit, or after it with the answer lost. No token is issued
//! twice, and who asks again gets on.

use countersign::model::role::Role;
use reqwest::header::RETRY_AFTER;
use serde_json::json;

use crate::harness::app::{answer, refusal, text};
use crate::harness::database::Fresh;
use crate::harness::load::Actors;
use crate::harness::wire::Break;
use crate::harness::{PASSWORD, Provider, Wire};

async fn stage() -> (Wire, Provider, Actors) {
    let wire = Wire::to(&Fresh::copy().await).await;
    let provider = Provider::start_on(wire.database(), &[]).await;
    let actors = Actors::of(&provider).await;
    (wire, provider, actors)
}

/// The answer to what broke.
#[track_caller]
fn busy(answer: &reqwest::Response) {
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key(RETRY_AFTER));
}

async fn count(wire: &Wire, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&mut wire.database().superuser().await).await.unwrap()
}

/// What makes the work of a transaction last.
const COMMIT: &str = "commit";
/// The one statement that is the whole of a code's exchange, and that of a refresh.
const TAKES_CODE: &str = "take_codes(";
const TAKES_TOKEN: &str = "take_refresh_tokens(";
/// That of a sign-in's beginning.
const BEGINS_LOGIN: &str = "from sign_in(";

#[tokio::test]
async fn a_code_whose_exchange_was_never_committed_is_good_still() {
    let (wire, _provider, actors) = stage().await;
    let code = actors.app.code(&actors.browser.get(&actors.app.authorize(&[])).await);
    wire.cut_at(TAKES_CODE, Break::Before);
    let first = actors.app.redeem(&code).await;
    assert_eq!(wire.traps_left(), 0, "nothing was committed");
    busy(&first);
    actors.app.tokens(&code).await;
    assert_eq!(refusal(actors.app.redeem(&code).await).await, (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_code_whose_tokens_were_lost_on_the_way_gives_none_again() {
    let (wire, _provider, actors) = stage().await;
    let code = actors.app.code(&actors.browser.get(&actors.app.authorize(&[])).await);
    wire.cut_at(TAKES_CODE, Break::AnswerLost);
    busy(&actors.app.redeem(&code).await);
    assert_eq!(refusal(actors.app.redeem(&code).await).await, (400, "invalid_grant".to_owned()));
    // The app sends the browser again, and there it goes on without a word.
    actors.app.tokens_with(&actors.browser, &[]).await;
}

#[tokio::test]
async fn a_refresh_that_broke_is_asked_for_again_with_the_same_token() {
    for at in [Break::Before, Break::AnswerLost] {
        let (wire, provider, actors) = stage().await;
        let tokens = actors.app.tokens_with(&actors.browser, &[]).await;
        let first = text(&tokens, "refresh_token");
        wire.cut_at(TAKES_TOKEN, at);
        busy(&actors.app.refresh(first).await);
        let (status, second) = answer(actors.app.refresh(first).await).await;
        assert_eq!(status, 200, "{at:?}: {second}");
        let (status, third) = answer(actors.app.refresh(text(&second, "refresh_token")).await).await;
        assert_eq!(status, 200, "{at:?}: {third}");
        assert!(!provider.events().await.contains(&"refresh_token.reused".to_owned()));
    }
}

#[tokio::test]
async fn a_sign_in_that_broke_signs_in_when_it_is_sent_again() {
    for at in [Break::Before, Break::AnswerLost] {
        let (wire, provider, actors) = stage().await;
        let browser = provider.visitor();
        let login = browser.get("/login").await;
        let form = login.form("#login").fill("email", &actors.admin.email).fill("password", PASSWORD);
        wire.cut_at(BEGINS_LOGIN, at);
        let page = browser.send_once(&form).await;
        assert_eq!(page.status, 503, "{at:?}");
        assert!(page.headers.contains_key(RETRY_AFTER) && page.text().contains("try again"), "{}", page.text());
        assert_eq!(browser.send(&form).await.path(), "/dashboard", "{at:?}");
    }
}

#[tokio::test]
async fn a_code_that_broke_after_the_password_was_right_comes_without_another_password() {
    let (wire, provider, actors) = stage().await;
    let browser = provider.visitor();
    let login = browser.get(&actors.app.authorize(&[])).await;
    let form = login.form("#login").fill("email", &actors.admin.email).fill("password", PASSWORD);
    wire.cut_at("answer_flows(", Break::Before);
    let page = browser.send(&form).await;
    assert_eq!(wire.traps_left(), 0, "nothing broke");
    actors.app.tokens(&actors.app.code(&page)).await;
}

#[tokio::test]
async fn a_sign_up_that_broke_makes_one_company_at_most() {
    let sent = json!({
        "company_name": "Acme Voice", "email": "ada@acme.example", "password": "correct horse battery", "name": "Ada",
    });
    for (at, then) in [(Break::Before, 201), (Break::AnswerLost, 409)] {
        let (wire, provider, _actors) = stage().await;
        wire.cut_at(COMMIT, at);
        let broken = provider.api().post("/api/auth/register", sent.clone()).await.expect(503);
        assert!(broken.headers.contains_key(RETRY_AFTER));
        provider.api().post("/api/auth/register", sent.clone()).await.expect(then);
        assert_eq!(count(&wire, "select count(*) from company where name = 'Acme Voice'").await, 1);
    }
}

#[tokio::test]
async fn a_change_by_the_api_that_broke_was_made_with_its_event_or_not_at_all() {
    for (at, then) in [(Break::Before, 201), (Break::AnswerLost, 409)] {
        let (wire, provider, actors) = stage().await;
        let api = provider.api_of(&actors.admin).await;
        let sent = json!({ "email": "grace@techcorp.com", "name": "Grace", "role": Role::User });
        // The token is looked at in a transaction of its own before.
        wire.cut_after("insert into event", COMMIT, at);
        let broken = api.post("/api/users", sent.clone()).await.expect(503);
        assert!(broken.headers.contains_key(RETRY_AFTER));
        api.post("/api/users", sent).await.expect(then);
        assert_eq!(count(&wire, "select count(*) from account where email = 'grace@techcorp.com'").await, 1);
        assert_eq!(count(&wire, "select count(*) from event where action = 'member.added'").await, 1);
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_kept_is_an_outage_too() {
    let (wire, provider, _actors) = stage().await;
    for path in ["/login", "/oauth2/authorize?client_id=cli_x"] {
        wire.cut_times("browser_session", Break::Before, 9);
        let page = provider.visitor().get(path).await;
        if page.status != 400 {
            assert_eq!(page.status, 503, "{path}: {}", page.html);
            assert!(page.headers.contains_key(RETRY_AFTER), "{path}");
        }
    }
}
