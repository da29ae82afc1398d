//! Registering, signing in with a password, and what a refresh token is good for.

use serde_json::json;
use time::Duration;

use crate::harness::{PASSWORD, Provider};
use countersign::model::role::Role;

fn registration(email: &str) -> serde_json::Value {
    json!({ "company_name": "Acme Voice", "email": email, "password": "correct horse battery", "name": "Ada Lovelace" })
}

#[tokio::test]
async fn registering_makes_a_company_and_its_first_admin() {
    let provider = Provider::start().await;
    let answer = provider.api().post("/api/auth/register", registration("Ada@Acme.example")).await.expect(201);
    assert_eq!(answer.body["user"]["email"], "ada@acme.example");
    assert_eq!(answer.body["user"]["role"], "admin");
    assert_eq!(answer.body["user"]["email_verified"], false);
    assert_eq!(answer.body["company"]["name"], "Acme Voice");
    assert_eq!(answer.body["company"]["slug"], "acme-voice");
    let api = provider.api();
    let login = api.try_login("ada@acme.example", "correct horse battery").await.expect(200);
    assert_eq!(login.body["mfa_required"], false);
    let ada = api.holding(&login);
    assert_eq!(ada.get("/api/company").await.expect(200).body["slug"], "acme-voice");
}

#[tokio::test]
async fn an_address_registers_once() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let answer = provider.api().post("/api/auth/register", registration(&admin.email.to_uppercase())).await;
    assert_eq!(answer.expect(409).body["status"], 409);
}

#[tokio::test]
async fn two_companies_of_one_name_get_two_slugs() {
    let provider = Provider::start().await;
    let api = provider.api();
    let first = api.post("/api/auth/register", registration("ada@acme.example")).await.expect(201);
    let second = api.post("/api/auth/register", registration("bea@acme.example")).await.expect(201);
    assert_ne!(first.body["company"]["slug"], second.body["company"]["slug"]);
}

#[tokio::test]
async fn every_flaw_of_a_registration_is_told_at_once() {
    let provider = Provider::start().await;
    let sent = json!({ "company_name": " ", "email": "nobody", "password": "correct horse battery", "name": "a\nb" });
    let answer = provider.api().post("/api/auth/register", sent).await.expect(422);
    let mut flaws = answer.flaws();
    flaws.sort_unstable();
    assert_eq!(flaws, ["company_name", "email", "name"]);
    let sent = json!({ "company_name": "x".repeat(121), "email": "a@b.example", "password": "short", "name": "A" });
    let answer = provider.api().post("/api/auth/register", sent).await.expect(422);
    assert!(answer.flaws().contains(&"company_name") && answer.flaws().contains(&"password"), "{}", answer.text);
}

#[tokio::test]
async fn a_weak_password_is_told_with_a_flawed_address() {
    let provider = Provider::start().await;
    let sent = json!({ "company_name": "Acme", "email": "nobody", "password": "short", "name": "Ada" });
    let answer = provider.api().post("/api/auth/register", sent).await.expect(422);
    let mut flaws = answer.flaws();
    flaws.dedup();
    assert_eq!(flaws, ["email", "password"]);
}

#[tokio::test]
async fn where_addresses_are_confirmed_registering_tells_nothing_about_an_address() {
    let provider = Provider::start_with(&[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api();
    let known = api.post("/api/auth/register", registration(&admin.email)).await.expect(202);
    let unknown = api.post("/api/auth/register", registration("ada@acme.example")).await.expect(202);
    assert_eq!(known.text, unknown.text);
    let letters = provider.letters(&admin.email).await;
    assert_eq!(letters[0].subject, "You already have an account");
    // The known account's password is what it was.
    api.try_login(&admin.email, &admin.password).await.expect(200);
}

#[tokio::test]
async fn nobody_signs_in_before_the_address_is_confirmed() {
    let provider = Provider::start_with(&[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
    let api = provider.api();
    api.post("/api/auth/register", registration("ada@acme.example")).await.expect(202);
    api.try_login("ada@acme.example", "correct horse battery").await.expect(403);
    // Whoever does not know the password learns nothing of that.
    api.try_login("ada@acme.example", "a wrong password").await.expect(401);
    let token = provider.mailed_token("ada@acme.example").await;
    api.post("/api/auth/verify-email", json!({ "token": token })).await.expect(204);
    let ada = api.holding(&api.try_login("ada@acme.example", "correct horse battery").await);
    assert_eq!(ada.get("/api/users/me").await.expect(200).body["email_verified"], true);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api();
    let wrong = api.try_login(&admin.email, "not the password").await.expect(401);
    let unknown = api.try_login("nobody@techcorp.com", "not the password").await.expect(401);
    let no_address = api.try_login("nobody", "not the password").await.expect(401);
    let without_number = |answer: &crate::harness::api::Answer| {
        let mut body = answer.body.clone();
        body.as_object_mut().unwrap().remove("request_id").unwrap();
        (body, answer.headers["content-type"].clone())
    };
    assert_eq!(without_number(&wrong), without_number(&unknown));
    assert_eq!(without_number(&wrong), without_number(&no_address));
}

#[tokio::test]
async fn the_address_is_read_in_any_case() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    provider.api().try_login(&format!(" {} ", admin.email.to_uppercase()), PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_person_chooses_the_company_by_slug_or_id_and_never_another() {
    let provider = Provider::start().await;
    let (home, admin) = provider.company("TechCorp").await;
    let (second, _) = provider.company("VoiceCo").await;
    let (strange, _) = provider.company("Strange").await;
    provider.join(&second, &admin, Role::User).await;
    let api = provider.api();
    for (wanted, slug, role) in [
        (home.slug.clone(), "techcorp", "admin"),
        (second.slug.clone(), "voiceco", "user"),
        (second.id.to_string(), "voiceco", "user"),
    ] {
        let me = api.login_to(&admin, &wanted).await.get("/api/users/me").await.expect(200);
        assert_eq!((me.text_of("company"), me.text_of("role")), (slug.to_owned(), role.to_owned()));
    }
    let me = api.login(&admin).await.get("/api/users/me").await.expect(200);
    assert_eq!(me.body["company"], "techcorp", "without a wish it is the home company");
    for wanted in [strange.slug.clone(), strange.id.to_string(), "nowhere".to_owned(), String::new()] {
        let sent = json!({ "email": admin.email, "password": admin.password, "company": wanted });
        api.post("/api/auth/login", sent).await.expect(404);
    }
}

#[tokio::test]
async fn a_company_that_is_left_is_not_signed_in_to() {
    let provider = Provider::start().await;
    let (home, admin) = provider.company("TechCorp").await;
    let pat = provider.person(&home, Role::User, "pat@techcorp.com").await;
    let (second, _) = provider.company("VoiceCo").await;
    provider.join(&second, &pat, Role::User).await;
    let api = provider.api_of(&admin).await;
    api.delete(&format!("/api/users/{}", pat.id)).await.expect(204);
    let me = provider.api_of(&pat).await.get("/api/users/me").await.expect(200);
    assert_eq!(me.body["company"], "voiceco", "the home is gone, so it is the first by name");
    let sent = json!({ "email": pat.email, "password": pat.password, "company": "techcorp" });
    provider.api().post("/api/auth/login", sent).await.expect(404);
}

#[tokio::test]
async fn an_access_token_expires() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    provider.wait(Duration::minutes(29));
    api.get("/api/users/me").await.expect(200);
    provider.wait(Duration::minutes(2));
    api.get("/api/users/me").await.expect(401);
}
