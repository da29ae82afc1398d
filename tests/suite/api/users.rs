//! `/api/users`: oneself, and for admins the people of the company.

use std::collections::BTreeSet;

use countersign::model::role::Role;
use serde_json::json;
use time::Duration;

use crate::harness::{PASSWORD, Provider};

#[tokio::test]
async fn one_sees_and_changes_oneself() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    let me = api.get("/api/users/me").await.expect(200);
    assert_eq!(me.body["id"], admin.id.to_string());
    assert_eq!(me.body["company_id"], company.id.to_string());
    assert_eq!((&me.body["role"], &me.body["company"]), (&json!("admin"), &json!("techcorp")));
    let sent = json!({
        "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace", "middle_name": "King", "nickname": "Countess",
        "preferred_username": "ada", "profile": "https://ada.example/", "picture": "https://ada.example/p.png",
        "website": "https://ada.example/w", "gender": "female", "birthdate": "1815-12-10", "zoneinfo": "Europe/London",
        "locale": "en-GB", "phone_number": "+442012345678",
        "address": { "street_address": "12 St James's Square", "locality": "London", "country": "United Kingdom" },
    });
    let after = api.put("/api/users/me", sent.clone()).await.expect(200);
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(&after.body[name], value, "{name}");
    }
    // What is left out stays, what is empty goes.
    let after = api.put("/api/users/me", json!({ "nickname": "" })).await.expect(200);
    assert!(after.body.get("nickname").is_none());
    assert_eq!(after.body["given_name"], "Ada");
}

#[tokio::test]
async fn every_flaw_of_a_change_is_told_at_once_and_nothing_is_changed() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    let sent = json!({ "name": "", "birthdate": "yesterday", "website": "javascript:alert(1)", "zoneinfo": "here", "phone_number": "1", "given_name": "Eve" });
    let answer = api.put("/api/users/me", sent).await.expect(422);
    let flaws: BTreeSet<&str> = answer.flaws().into_iter().collect();
    assert_eq!(flaws, ["birthdate", "name", "phone_number", "website", "zoneinfo"].into());
    assert!(api.get("/api/users/me").await.body.get("given_name").is_none());
}

#[tokio::test]
async fn a_new_address_is_confirmed_at_the_new_and_told_to_the_old() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    let still = api.put("/api/users/me", json!({ "email": "ada@new.example" })).await.expect(200);
    assert_eq!(still.body["email"], admin.email);
    assert_eq!(provider.letters(&admin.email).await[0].subject, "Your e-mail address is about to change");
    let token = provider.mailed_token("ada@new.example").await;
    api.post("/api/auth/verify-email", json!({ "token": token })).await.expect(204);
    assert_eq!(api.get("/api/users/me").await.body["email"], "ada@new.example");
}

#[tokio::test]
async fn a_new_address_needs_a_sign_in_of_the_last_minutes_and_the_same_one_needs_nothing() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    provider.wait(Duration::minutes(16));
    let refused = json!({ "email": "ada@new.example", "nickname": "Countess" });
    api.put("/api/users/me", refused).await.expect(401);
    assert!(provider.letters("ada@new.example").await.is_empty());
    assert!(api.get("/api/users/me").await.body.get("nickname").is_none());
    let same = json!({ "email": admin.email, "nickname": "Countess" });
    assert_eq!(api.put("/api/users/me", same).await.expect(200).body["nickname"], "Countess");
    assert!(provider.letters(&admin.email).await.is_empty());
}

#[tokio::test]
async fn the_address_of_somebody_else_is_not_given_away() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (_, other) = provider.company("StartupXYZ").await;
    let api = provider.api_of(&admin).await;
    api.put("/api/users/me", json!({ "email": other.email })).await.expect(200);
    assert_eq!(provider.letters(&other.email).await[0].subject, "You already have an account");
}

#[tokio::test]
async fn pages_of_the_list_show_everybody_exactly_once_in_every_order() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    for n in 0..7 {
        provider.person(&company, Role::User, &format!("u{n}@techcorp.com")).await;
    }
    let api = provider.api_of(&admin).await;
    for sort in ["name", "email", "created_at", "-created_at"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = api.get(&format!("/api/users?limit=3&sort={sort}{cursor}")).await.expect(200);
            seen.extend(page.each("email").into_iter().map(str::to_owned));
            match page.body["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let once: BTreeSet<&String> = seen.iter().collect();
        assert_eq!((seen.len(), once.len()), (8, 8), "{sort}: {seen:?}");
        if sort == "email" {
            assert!(seen.is_sorted());
        }
    }
}

#[tokio::test]
async fn the_list_is_filtered_and_bad_parameters_are_told() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let user = provider.person(&company, Role::User, "uma_50%@techcorp.com").await;
    provider.person(&company, Role::Manager, "max@techcorp.com").await;
    let api = provider.api_of(&admin).await;
    assert_eq!(api.get("/api/users?role=manager").await.each("email"), ["max@techcorp.com"]);
    assert_eq!(api.get("/api/users?q=UMA").await.each("email"), [user.email.as_str()]);
    // The signs of a pattern are letters like others.
    assert_eq!(api.get("/api/users?q=_50%25").await.each("email"), [user.email.as_str()]);
    api.delete(&format!("/api/users/{}", user.id)).await.expect(204);
    assert_eq!(api.get("/api/users?active=false").await.each("email"), [user.email.as_str()]);
    for (query, status) in [
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=x", 400),
        ("sort=id", 422),
        ("role=king", 400),
        ("cursor=x", 400),
        ("active=maybe", 400),
    ] {
        api.get(&format!("/api/users?{query}")).await.expect(status);
    }
}

#[tokio::test]
async fn a_person_is_added_and_invited_by_letter() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    let sent = json!({ "email": "Grace@TechCorp.com", "name": "Grace", "role": "manager" });
    let added = api.post("/api/users", sent.clone()).await.expect(201);
    assert_eq!((&added.body["email"], &added.body["email_verified"]), (&json!("grace@techcorp.com"), &json!(false)));
    let token = provider.mailed_token("grace@techcorp.com").await;
    api.post("/api/auth/reset-password", json!({ "token": token, "password": PASSWORD })).await.expect(204);
    let grace = api.holding(&api.try_login("grace@techcorp.com", PASSWORD).await);
    assert_eq!(grace.get("/api/users/me").await.body["email_verified"], true);
    api.post("/api/users", sent).await.expect(409);
    let bad = api.post("/api/users", json!({ "email": "x", "name": "", "role": "user" })).await.expect(422);
    assert_eq!(bad.flaws(), ["email", "name"]);
}

#[tokio::test]
async fn who_has_an_account_is_invited_and_not_added() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (_, other) = provider.company("StartupXYZ").await;
    let api = provider.api_of(&admin).await;
    let sent = json!({ "email": other.email, "name": "Whoever", "role": "admin" });
    let answer = api.post("/api/users", sent).await.expect(202);
    assert!(!answer.text.contains(&other.id.to_string()));
    assert_eq!(api.get("/api/users").await.each("email"), [admin.email.as_str()]);
    assert!(!api.get("/api/audit").await.text.contains(&other.id.to_string()));
    // The invitation is no link to a new password.
    let token = provider.mailed_token(&other.email).await;
    api.post("/api/auth/reset-password", json!({ "token": token, "password": "a wholly new one 7" })).await.expect(422);
}

#[tokio::test]
async fn only_addresses_of_the_companys_domains_are_added() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    api.patch("/api/company", json!({ "mail_domains": ["techcorp.com"] })).await.expect(200);
    let sent = |email: &str| json!({ "email": email, "name": "Grace", "role": "user" });
    assert_eq!(api.post("/api/users", sent("grace@elsewhere.example")).await.expect(422).flaws(), ["email"]);
    api.post("/api/users", sent("grace@techcorp.com")).await.expect(201);
}

#[tokio::test]
async fn a_membership_that_ends_takes_its_tokens_along_and_can_begin_again() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    let (api, theirs) = (provider.api_of(&admin).await, provider.api_of(&user).await);
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&user).await;
    let tokens = app.tokens(&app.code(&browser.get(&app.authorize(&[])).await)).await;
    let path = format!("/api/users/{}", user.id);
    api.patch(&path, json!({ "role": "manager" })).await.expect(200);
    assert_eq!(theirs.get("/api/users/me").await.expect(200).body["role"], "manager");
    assert_eq!(api.patch(&path, json!({ "active": false })).await.expect(200).body["active"], false);
    theirs.get("/api/users/me").await.expect(401);
    theirs.post("/api/auth/refresh", json!({ "refresh_token": theirs.refresh })).await.expect(401);
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).await.status(), 401);
    assert_eq!(app.refresh(tokens["refresh_token"].as_str().unwrap()).await.status(), 400);
    provider.api().try_login(&user.email, &user.password).await.expect(403);
    api.patch(&path, json!({ "active": true })).await.expect(200);
    provider.api_of(&user).await;
    // What died stays dead.
    theirs.get("/api/users/me").await.expect(401);
}

#[tokio::test]
async fn the_last_admin_stays_even_when_two_remove_each_other_at_once() {
    let provider = Provider::start().await;
    let (company, first) = provider.company("TechCorp").await;
    let api = provider.api_of(&first).await;
    let own = format!("/api/users/{}", first.id);
    api.delete(&own).await.expect(409);
    api.patch(&own, json!({ "role": "user" })).await.expect(409);
    let second = provider.person(&company, Role::Admin, "second@techcorp.com").await;
    let other = provider.api_of(&second).await;
    let theirs = format!("/api/users/{}", second.id);
    let (one, two) = tokio::join!(api.delete(&theirs), other.delete(&own));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses[0], 204);
    assert!([401, 403, 409].contains(&statuses[1]), "{statuses:?}");
    let mut conn = provider.database.superuser().await;
    let admins: i64 = sqlx::query_scalar("select count(*) from membership where role = 'admin' and ended_at is null")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(admins, 1);
}

#[tokio::test]
async fn only_the_home_company_helps_an_account_recover() {
    let provider = Provider::start().await;
    let (home, admin) = provider.company("TechCorp").await;
    let (guest_of, other) = provider.company("StartupXYZ").await;
    let agency = provider.person(&home, Role::User, "agency@example.com").await;
    provider.join(&guest_of, &agency, Role::User).await;
    let (api, stranger) = (provider.api_of(&admin).await, provider.api_of(&other).await);
    provider.second_factor(&agency).await;
    for what in ["reset-mfa", "password-link"] {
        stranger.post(&format!("/api/users/{}/{what}", agency.id), json!({})).await.expect(403);
        api.post(&format!("/api/users/{}/{what}", agency.id), json!({})).await.expect(204);
    }
    api.post(&format!("/api/users/{}/reset-mfa", agency.id), json!({})).await.expect(409);
    assert_eq!(provider.api().try_login(&agency.email, &agency.password).await.expect(200).body["mfa_required"], false);
    assert_eq!(provider.letters(&agency.email).await[0].subject, "TechCorp invites you");
}
