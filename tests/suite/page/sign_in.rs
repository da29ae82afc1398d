//! `/login`, `/login/company` and `/logout`.

use std::time::Duration;

use countersign::domain::hashing::Turn;
use countersign::model::role::Role;
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

use crate::harness::{PASSWORD, Provider};

#[tokio::test]
async fn a_person_signs_in_and_out() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    let page = browser.sign_in(&admin).await;
    assert_eq!(page.path(), "/dashboard");
    assert!(page.text().contains("Ada Admin") && page.text().contains("TechCorp"));
    let bye = browser.send(&page.form("#logout")).await;
    assert_eq!(bye.text_of("h1"), "Signed out");
    assert_eq!(browser.get("/dashboard").await.path(), "/login");
    assert!(provider.actions().await.contains(&"login.ended".to_owned()));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_look_the_same() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    let mut seen = Vec::new();
    for (email, password) in
        [(admin.email.as_str(), "not the password"), ("nobody@techcorp.com", PASSWORD), ("no address", "x")]
    {
        let form = browser.get("/login").await.form("#login").fill("email", email).fill("password", password);
        let page = browser.send(&form).await;
        assert_eq!(page.status, 422);
        seen.push(page.text_of(".summary"));
    }
    assert_eq!(seen, ["Please check E-mail address or password is wrong."; 3]);
}

#[tokio::test]
async fn the_session_id_changes_at_sign_in_and_an_old_one_is_worth_nothing() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.get("/login").await;
    let before = browser.cookie().unwrap();
    browser.sign_in(&admin).await;
    let after = browser.cookie().unwrap();
    assert_ne!(before, after);
    let request = provider.stranger().get(provider.url("/dashboard")).header("cookie", before);
    assert_eq!(request.send().await.unwrap().status(), 303);
}

#[tokio::test]
async fn who_guesses_is_slowed_and_the_owner_elsewhere_is_not_locked_out() {
    let provider = Provider::start_with(&[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let login = provider.visitor();
    let mut last = 0;
    for _ in 0..8 {
        let form = login.get("/login").await.form("#login").fill("email", &admin.email).fill("password", "guess");
        last = login.send(&form).await.status;
    }
    assert_eq!(last, 429);
    // The owner, from another network.
    let body = serde_json::json!({ "email": admin.email, "password": PASSWORD });
    let request = provider.stranger().post(provider.url("/api/auth/login")).header("x-forwarded-for", "203.0.113.9");
    assert_eq!(request.json(&body).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn where_addresses_must_be_confirmed_sign_in_waits_for_that() {
    let provider = Provider::start_with(&[("REQUIRE_VERIFIED_EMAIL", "on")]).await;
    let browser = provider.visitor();
    let form = browser.get("/register").await.form("#register");
    let form = form
        .fill("company_name", "Acme")
        .fill("name", "Eve")
        .fill("email", "eve@acme.example")
        .fill("password", PASSWORD);
    assert_eq!(browser.send(&form).await.text_of("h1"), "Check your mail");
    let form = browser.get("/login").await.form("#login").fill("email", "eve@acme.example").fill("password", PASSWORD);
    let waits = browser.send(&form).await;
    assert_eq!((waits.status, waits.text_of("h1")), (403, "Confirm your e-mail address".to_owned()));
    browser.send(&waits.form("#again")).await;
    let link = provider.mailed_link("eve@acme.example").await;
    let confirm = browser.get(&link).await;
    browser.send(&confirm.form("#confirm")).await;
    assert_eq!(browser.send(&form).await.path(), "/dashboard");
}

#[tokio::test]
async fn who_belongs_to_two_companies_switches_between_them() {
    let provider = Provider::start().await;
    let (techcorp, _) = provider.company("TechCorp").await;
    let (startup, _) = provider.company("StartupXYZ").await;
    let agency = provider.person(&techcorp, Role::User, "agency@example.com").await;
    provider.join(&startup, &agency, Role::Admin).await;
    let browser = provider.visitor();
    let page = browser.sign_in(&agency).await;
    assert!(!page.text().contains("People"));
    let picker = browser.get("/login/company").await;
    let page = browser.send(&picker.form(&format!("button[value={}]", startup.id))).await;
    assert_eq!(page.path(), "/dashboard");
    assert_eq!(browser.get("/dashboard/users").await.status, 200);
}

#[tokio::test]
async fn nobody_chooses_a_company_that_is_not_theirs() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (other, _) = provider.company("StartupXYZ").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let form = browser.get("/login/company").await.form(".choice").fill("company", &other.id.to_string());
    assert_eq!(browser.send(&form).await.status, 404);
}

#[tokio::test]
async fn a_form_without_this_browsers_token_is_refused() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (browser, other) = (provider.visitor(), provider.visitor());
    let page = browser.sign_in(&admin).await;
    let stolen =
        other.get("/login").await.form("#login").fields.into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    for form in [page.form("#logout").without("csrf"), page.form("#logout").fill("csrf", &stolen)] {
        assert_eq!(browser.send(&form).await.status, 403);
    }
    assert_eq!(browser.get("/dashboard").await.path(), "/dashboard");
}

#[tokio::test]
async fn next_leads_to_our_own_pages_only() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    for (next, lands) in [
        ("/dashboard/users", "/dashboard/users"),
        ("//evil.example", "/dashboard"),
        ("https://evil.example", "/dashboard"),
        ("/\\evil.example", "/dashboard"),
    ] {
        let browser = provider.visitor();
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let login = browser.get(&format!("/login?next={next}")).await;
        let page = browser.enter_password(&login, &admin).await;
        assert_eq!((page.url.origin().ascii_serialization(), page.path()), (provider.base.clone(), lands));
    }
}

#[tokio::test]
async fn whoever_sends_slowly_keeps_nobody_from_signing_in() {
    use tokio::io::AsyncWriteExt as _;
    let provider = Provider::start_with(&[("PASSWORD_HASH_QUEUE", "1")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let mut slow = Vec::new();
    for _ in 0..10 {
        let mut connection = tokio::net::TcpStream::connect(("127.0.0.1", provider.port)).await.unwrap();
        let head = "POST /login HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                    content-length: 100\r\n\r\nemail=";
        connection.write_all(head.as_bytes()).await.unwrap();
        slow.push(connection);
    }
    let page = provider.visitor().sign_in(&admin).await;
    assert_eq!((page.path(), slow.len()), ("/dashboard", 10));
}

#[tokio::test]
async fn who_finds_no_place_to_sign_in_is_told_so_at_the_door_on_a_page_like_any_other() {
    let provider = Provider::start_with(&[("PASSWORD_HASH_QUEUE", "1")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    let form = browser.get("/login").await.form("#login").fill("email", &admin.email).fill("password", &admin.password);
    let places: Vec<_> = std::iter::from_fn(|| provider.house.hashing.place().ok()).collect();
    let page = browser.send_once(&form).await;
    assert_eq!(page.status, 503);
    assert!(page.text().contains("Very many people sign in just now") && page.text().contains("try again"));
    let header = |name: &str| page.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!((header("retry-after"), header("cache-control"), header("x-frame-options")), ("2", "no-store", "DENY"));
    assert!(header("content-security-policy").contains("style-src 'self' 'nonce-"));
    assert!(page.text().contains(header("x-request-id")));
    // Only passwords wait.
    assert_eq!(browser.get("/login").await.status, 200);
    drop(places);
    assert_eq!(browser.send(&form).await.path(), "/dashboard");
}

/// Everybody's turn, taken.
async fn all_turns(provider: &Provider) -> Vec<Turn> {
    let hashing = &provider.house.hashing;
    let mut turns = Vec::new();
    while let Ok(turn) = timeout(Duration::from_millis(50), hashing.turn(hashing.place().unwrap())).await {
        turns.push(turn.unwrap());
    }
    turns
}

async fn attempts(provider: &Provider) -> i64 {
    let mut conn = PgConnection::connect(&provider.database.superuser_url).await.unwrap();
    sqlx::query_scalar("select count(*) from throttle").fetch_one(&mut conn).await.unwrap()
}

#[tokio::test]
async fn whoever_has_a_place_waits_for_a_turn_before_anything_is_asked_of_the_database() {
    let provider = Provider::start_with(&[("PASSWORD_HASH_THREADS", "1")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    let form = browser.get("/login").await.form("#login").fill("email", &admin.email).fill("password", &admin.password);
    let mut turns = all_turns(&provider).await;
    assert_eq!(turns.len(), 4);
    let before = attempts(&provider).await;
    let signing_in = browser.send(&form);
    tokio::pin!(signing_in);
    assert!(timeout(Duration::from_millis(300), &mut signing_in).await.is_err());
    assert_eq!(attempts(&provider).await, before);
    // Nobody else waits with them.
    assert_eq!(provider.visitor().get("/login").await.status, 200);
    turns.pop();
    assert_eq!(signing_in.await.path(), "/dashboard");
}

#[tokio::test]
async fn whoever_waits_too_long_for_a_turn_is_told_to_come_again_and_the_attempt_counts_for_nothing() {
    let provider = Provider::start_with(&[("PASSWORD_HASH_THREADS", "1")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    let form = browser.get("/login").await.form("#login").fill("email", &admin.email).fill("password", &admin.password);
    let (turns, before) = (all_turns(&provider).await, attempts(&provider).await);
    let body = serde_json::json!({ "email": admin.email, "password": admin.password });
    let call = provider.stranger().post(provider.url("/api/auth/login")).json(&body).send();
    // Those before them hang: nothing comes free.
    let (page, answer) = tokio::join!(browser.send_once(&form), call);
    let answer = answer.unwrap();
    for (status, headers) in [(page.status, &page.headers), (answer.status().as_u16(), answer.headers())] {
        assert_eq!((status, headers.get("retry-after").and_then(|value| value.to_str().ok())), (503, Some("2")));
    }
    assert!(page.text().contains("try again"));
    assert_eq!(attempts(&provider).await, before);
    // Their places are free again.
    drop(turns);
    assert_eq!(browser.send(&form).await.path(), "/dashboard");
}

#[tokio::test]
async fn a_page_that_is_looked_at_keeps_the_session_of_nobody_alive_and_is_not_written_for_each_look() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    let login = browser.get("/login").await;
    let versions = async || {
        let mut conn = PgConnection::connect(&provider.database.superuser_url).await.unwrap();
        let rows = sqlx::query_scalar::<_, String>("select xmin::text from browser_session").fetch_all(&mut conn);
        rows.await.unwrap()
    };
    let first = versions().await;
    browser.get("/login").await;
    assert_eq!(versions().await, first);
    for _ in 0..3 {
        provider.wait(time::Duration::minutes(40));
        assert_eq!(browser.get("/login").await.status, 200);
    }
    // Two hours later the first page's form is still good.
    let form = login.form("#login").fill("email", &admin.email).fill("password", &admin.password);
    assert_eq!(browser.send(&form).await.path(), "/dashboard");
}
