//! Statements that take too long, connections that hang, and a pool that has none left.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::header::RETRY_AFTER;

use crate::harness::app::text;
use crate::harness::database::Fresh;
use crate::harness::load::{Actors, Load};
use crate::harness::{Provider, Wire};

async fn stage() -> (Wire, Provider, Actors) {
    let wire = Wire::to(&Fresh::copy().await).await;
    let provider = Provider::start_on(wire.database(), &[]).await;
    let actors = Actors::of(&provider).await;
    (wire, provider, actors)
}

fn is_busy(answer: &reqwest::Response) -> bool {
    answer.status() == 503 && answer.headers().contains_key(RETRY_AFTER)
}

#[tokio::test]
async fn who_waits_for_a_lock_is_told_in_time_and_holds_nobody_up() {
    let (wire, _provider, actors) = stage().await;
    let tokens = actors.app.tokens_with(&actors.browser, &[]).await;
    let (refresh, access) = (text(&tokens, "refresh_token"), text(&tokens, "access_token"));
    let mut superuser = wire.database().superuser().await;
    let lock = "begin; select 1 from refresh_token for update; select 1 from authorization_grant for update";
    sqlx::raw_sql(lock).execute(&mut superuser).await.unwrap();
    let since = Instant::now();
    let (waits, served) = tokio::join!(actors.app.refresh(refresh), actors.app.userinfo(access));
    assert_eq!(served.status(), 200);
    assert!(is_busy(&waits), "{}", waits.status());
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    sqlx::raw_sql("rollback").execute(&mut superuser).await.unwrap();
    assert_eq!(actors.app.refresh(refresh).await.status(), 200);
}

#[tokio::test]
async fn a_pool_without_a_connection_left_says_so_and_recovers() {
    let (_wire, provider, actors) = stage().await;
    let tokens = actors.app.tokens_with(&actors.browser, &[]).await;
    let access = text(&tokens, "access_token");
    let taken = join_all((0..5).map(|_| provider.house.db.platform())).await;
    assert!(taken.iter().all(Result::is_ok));
    let since = Instant::now();
    let answers = join_all((0..20).map(|_| actors.app.userinfo(access))).await;
    assert!(answers.iter().all(is_busy), "{answers:?}");
    assert!(since.elapsed() < Duration::from_secs(12), "{:?}", since.elapsed());
    drop(taken);
    let answers = join_all((0..20).map(|_| actors.app.userinfo(access))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200), "{answers:?}");
}

#[tokio::test]
async fn whatever_face_an_outage_wears_it_is_503_and_says_when_to_ask_again() {
    let (wire, provider, actors) = stage().await;
    wire.refuse();
    wire.cut();
    let http = provider.stranger();
    for (path, kind) in [
        ("/oauth2/jwks", "application/json"),
        ("/oauth2/userinfo", "application/json"),
        ("/login", "text/html"),
        ("/dashboard", "text/html"),
        ("/api/users", "application/problem+json"),
        ("/readyz", ""),
    ] {
        let answer = actors.browser.client.get(provider.url(path)).bearer_auth("nonsense").send().await.unwrap();
        let said = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let told = (answer.status().as_u16(), answer.headers().contains_key(RETRY_AFTER));
        // Who shows a token that is none is told so without the database.
        if told.0 != 401 {
            assert_eq!(told, (503, true), "{path}");
            assert!(said.unwrap_or_default().starts_with(kind), "{path}");
        }
    }
    let form = [("grant_type", "client_credentials")];
    let answer = actors.app.post("/oauth2/token", &form).await;
    assert!(is_busy(&answer));
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["error"], "temporarily_unavailable");
    assert_eq!(http.get(provider.url("/healthz")).send().await.unwrap().status(), 200);
    wire.go_on();
    let since = Instant::now();
    while http.get(provider.url("/readyz")).send().await.unwrap().status() != 200 {
        assert!(since.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_server_that_vanishes_without_a_word_is_noticed() {
    let (wire, provider, actors) = stage().await;
    let load = Load::start(&provider, &actors).await;
    load.goes_on().await;
    wire.strand();
    load.goes_on().await;
    let outcome = load.end(&wire.database()).await;
    assert_eq!(outcome.broken, 0, "{outcome:?}");
}
