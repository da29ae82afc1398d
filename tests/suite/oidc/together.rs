//! Requests of one moment go to the database together: each is answered as if it had come alone, and no company hears of another's.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::Value;

use crate::harness::app::{answer, claims, text};
use crate::harness::{App, Company, Person, Provider, Visitor};

/// How many sign-ins of each person.
const EACH: usize = 3;

/// Somebody of a company of their own, signed in.
struct Somebody {
    company: Company,
    admin: Person,
    browser: Visitor,
}

async fn three() -> (Provider, Vec<Somebody>) {
    let provider = Provider::start().await;
    let mut all = Vec::new();
    for name in ["TechCorp", "HealthPlus", "FinServe"] {
        let (company, admin) = provider.company(name).await;
        let browser = provider.visitor();
        browser.sign_in(&admin).await;
        all.push(Somebody { company, admin, browser });
    }
    (provider, all)
}

impl Somebody {
    /// That these tokens are theirs and nobody else's.
    fn owns(&self, tokens: &Value) {
        let claims = claims(text(tokens, "access_token"));
        assert_eq!(claims["company_id"], self.company.id.to_string());
        assert_eq!(claims["sub"], self.admin.id.to_string());
    }

    /// What the trail of their company says of this app, how often, all of it of themselves.
    async fn heard(&self, provider: &Provider, app: &App, action: &str) -> usize {
        let path = format!("/api/audit?action={action}&client={}&limit=100", app.id);
        let list = provider.api_of(&self.admin).await.get(&path).await.expect(200);
        let lines = list.body["items"].as_array().unwrap();
        assert!(lines.iter().all(|line| line["person"] == self.admin.id.to_string()), "{lines:#?}");
        lines.len()
    }
}

/// Each person's codes, made at one moment.
async fn codes<'a>(app: &App, all: &'a [Somebody]) -> Vec<(&'a Somebody, String)> {
    let wanted = all.iter().flat_map(|one| (0..EACH).map(move |_| one));
    let made = join_all(wanted.map(async |one| (one, app.code(&one.browser.get(&app.authorize(&[])).await)))).await;
    assert_eq!(made.iter().map(|(_, code)| code).collect::<BTreeSet<_>>().len(), all.len() * EACH);
    made
}

#[tokio::test]
async fn codes_of_three_companies_become_tokens_at_one_moment_each_its_own() {
    let (provider, all) = three().await;
    let app = provider.public_app().await;
    let codes = codes(&app, &all).await;
    // Every code twice: one of the two is too late, and what the other gave dies of it.
    let twice = codes.iter().chain(codes.iter().take(EACH));
    let answers = join_all(twice.map(async |(one, code)| (*one, answer(app.redeem(code).await).await))).await;
    let (good, bad): (Vec<_>, Vec<_>) = answers.iter().partition(|(_, (status, _))| *status == 200);
    assert_eq!((good.len(), bad.len()), (all.len() * EACH, EACH));
    assert!(bad.iter().all(|(_, (status, body))| *status == 400 && body["error"] == "invalid_grant"));
    for (one, (_, tokens)) in &good {
        one.owns(tokens);
    }
    let seen = join_all(good.iter().map(async |(one, (_, tokens))| {
        (one.company.id, app.userinfo(text(tokens, "access_token")).await.status().as_u16())
    }));
    for (company, status) in seen.await {
        assert_eq!(status, if company == all[0].company.id { 401 } else { 200 });
    }
    for (n, one) in all.iter().enumerate() {
        assert_eq!(one.heard(&provider, &app, "tokens.issued").await, EACH);
        assert_eq!(one.heard(&provider, &app, "code.reused").await, if n == 0 { EACH } else { 0 });
    }
}

#[tokio::test]
async fn refreshes_of_three_companies_at_one_moment_move_each_session_on() {
    let (provider, all) = three().await;
    let app = provider.public_app().await;
    let first =
        join_all(codes(&app, &all).await.into_iter().map(async |(one, code)| (one, app.tokens(&code).await))).await;
    // One company's grants have ended meanwhile.
    let gone = &all[2];
    gone.browser.send(&gone.browser.get("/dashboard").await.form("#logout")).await;
    let refreshed = join_all(
        first.iter().map(async |(one, tokens)| (*one, answer(app.refresh(text(tokens, "refresh_token")).await).await)),
    );
    let mut next = Vec::new();
    for (one, (status, tokens)) in refreshed.await {
        if one.company.id == gone.company.id {
            assert_eq!((status, &tokens["error"]), (400, &Value::from("invalid_grant")));
        } else {
            assert_eq!(status, 200);
            one.owns(&tokens);
            next.push((one, tokens));
        }
    }
    assert_eq!(next.len(), 2 * EACH);
    for one in &all {
        let wanted = if one.company.id == gone.company.id { EACH } else { 2 * EACH };
        assert_eq!(one.heard(&provider, &app, "tokens.issued").await, wanted);
    }
    // What followed is used, and what went before is not: then the families that were replayed die, and no others.
    let used =
        join_all(next.iter().map(async |(_, tokens)| answer(app.refresh(text(tokens, "refresh_token")).await).await.0));
    assert!(used.await.iter().all(|status| *status == 200));
    let replayed = first.iter().filter(|(one, _)| one.company.id == all[0].company.id);
    let dead =
        join_all(replayed.map(async |(_, tokens)| answer(app.refresh(text(tokens, "refresh_token")).await).await.0));
    assert!(dead.await.iter().all(|status| *status == 400));
    assert_eq!(all[0].heard(&provider, &app, "refresh_token.reused").await, EACH);
    assert_eq!(all[1].heard(&provider, &app, "refresh_token.reused").await, 0);
}
