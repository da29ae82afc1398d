//! Whoever guesses is slowed; the owner is not locked out.

use serde_json::json;
use time::Duration;

use crate::harness::Provider;
use crate::harness::api::Answer;

const PROXY: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.1");
const GUESSER: &str = "203.0.113.66";
const OWNER: &str = "198.51.100.7";

fn wait_of(answer: &Answer) -> i64 {
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_guesser_is_slowed_and_the_owner_signs_in_from_elsewhere() {
    let provider = Provider::start_with(&[PROXY]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let guesser = provider.api().at(GUESSER);
    let mut refused = None;
    for number in 0..8 {
        let answer = guesser.try_login(&admin.email, &format!("guess {number}")).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        answer.expect(401);
    }
    let refused = refused.expect("nobody slowed the guesser");
    assert!(wait_of(&refused) >= 1);
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    // The right password does not help him now, so that he does not learn it.
    guesser.try_login(&admin.email, &admin.password).await.expect(429);
    provider.api().at(OWNER).try_login(&admin.email, &admin.password).await.expect(200);
}

#[tokio::test]
async fn each_further_guess_costs_more_and_a_wait_is_enough() {
    let provider = Provider::start_with(&[PROXY]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let guesser = provider.api().at(GUESSER);
    let mut waits = Vec::new();
    while waits.len() < 4 {
        let answer = guesser.try_login(&admin.email, "a guess").await;
        if answer.status == 429 {
            waits.push(wait_of(&answer));
            provider.wait(Duration::seconds(wait_of(&answer) + 1));
        }
    }
    assert!(waits.is_sorted() && waits[3] > waits[0] * 3, "{waits:?}");
    guesser.try_login(&admin.email, &admin.password).await.expect(200);
}

#[tokio::test]
async fn an_unknown_address_is_slowed_alike() {
    let provider = Provider::start_with(&[PROXY]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let mut seen = Vec::new();
    for email in [admin.email.as_str(), "nobody@techcorp.com"] {
        let guesser = provider.api().at(GUESSER);
        let mut statuses = Vec::new();
        for _ in 0..8 {
            statuses.push(guesser.try_login(email, "a guess").await.status);
        }
        seen.push(statuses);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].contains(&429));
}

#[tokio::test]
async fn guesses_are_counted_per_account_and_address() {
    let provider = Provider::start_with(&[PROXY]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let (_, other) = provider.company("VoiceCo").await;
    let guesser = provider.api().at(GUESSER);
    while guesser.try_login(&admin.email, "a guess").await.status != 429 {}
    // The same address may sign in to another account, and another address to this one.
    guesser.try_login(&other.email, &other.password).await.expect(200);
    provider.api().at(OWNER).try_login(&admin.email, "a typo").await.expect(401);
    provider.api().at(OWNER).try_login(&admin.email, &admin.password).await.expect(200);
}

#[tokio::test]
async fn many_addresses_together_cost_the_owner_half_a_minute_at_most() {
    let provider = Provider::start_with(&[PROXY]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let mut slowed = false;
    for number in 0..45 {
        let from = format!("203.0.113.{number}");
        let answer = provider.api().at(&from).try_login(&admin.email, "a guess").await;
        if answer.status == 429 {
            slowed = true;
            assert!(wait_of(&answer) <= 31, "{}", wait_of(&answer));
            provider.wait(Duration::seconds(wait_of(&answer)));
        }
    }
    assert!(slowed);
    provider.wait(Duration::seconds(31));
    provider.api().at(OWNER).try_login(&admin.email, &admin.password).await.expect(200);
}

#[tokio::test]
async fn an_address_that_nobody_vouches_for_is_not_believed() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let mut slowed = false;
    for number in 0..8 {
        let from = format!("203.0.113.{number}");
        slowed |= provider.api().at(&from).try_login(&admin.email, "a guess").await.status == 429;
    }
    assert!(slowed);
}

#[tokio::test]
async fn whoever_adds_addresses_of_their_own_stays_who_they_are() {
    let provider = Provider::start_with(&[PROXY]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let mut slowed = false;
    for number in 0..8 {
        // The proxy appends what it saw to what the client claimed.
        let from = format!("198.51.100.{number}, {GUESSER}");
        slowed |= provider.api().at(&from).try_login(&admin.email, "a guess").await.status == 429;
    }
    assert!(slowed);
}

#[tokio::test]
async fn codes_are_not_guessed_either() {
    let provider = Provider::start_with(&[PROXY]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.second_factor(&admin).await;
    let guesser = provider.api().at(GUESSER);
    let token = guesser.try_login(&admin.email, &admin.password).await.expect(200).text_of("mfa_token");
    let guess = async || {
        let sent = json!({ "mfa_token": token, "code": app.wrong_code(&provider) });
        guesser.post("/api/auth/verify-mfa", sent).await
    };
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(guess().await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    let owner = provider.api().at(OWNER);
    let token = owner.try_login(&admin.email, &admin.password).await.expect(200).text_of("mfa_token");
    let sent = json!({ "mfa_token": token, "code": app.next_code(&provider) });
    owner.post("/api/auth/verify-mfa", sent).await.expect(200);
}

#[tokio::test]
async fn one_address_does_not_register_without_end() {
    let provider = Provider::start_with(&[PROXY]).await;
    let flood = provider.api().at(GUESSER);
    // Flawed ones count too, and cost no hash.
    let sent = json!({ "company_name": "", "email": "nobody", "password": "x", "name": "" });
    let mut last = 0;
    for _ in 0..24 {
        last = flood.post("/api/auth/register", sent.clone()).await.status;
    }
    assert_eq!(last, 429);
    provider.api().at(OWNER).post("/api/auth/register", sent).await.expect(422);
}
