//! The trail: who, for which company, from where, in which request.

use std::collections::BTreeSet;

use countersign::model::role::Role;
use serde_json::json;
use sqlx::Row as _;

use crate::harness::Provider;
use crate::harness::authenticator::Authenticator;
use crate::harness::mailbox::Found;

#[tokio::test]
async fn an_event_says_who_where_from_and_in_which_request() {
    let provider = Provider::start_with(&[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let (company, admin) = provider.company("TechCorp").await;
    let body = serde_json::json!({ "email": admin.email, "password": admin.password });
    let request = provider.stranger().post(provider.url("/api/auth/login")).json(&body);
    let request = request.header("x-forwarded-for", "198.51.100.1, 203.0.113.7").header("user-agent", "desk/1.0");
    let answer = request.send().await.unwrap();
    let number = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let mut conn = provider.database.superuser().await;
    let event = sqlx::query(
        "select company_id, account_id, ip, user_agent, request_id from event where action = 'sign_in.succeeded'",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert_eq!(event.get::<uuid::Uuid, _>("company_id"), company.id.0);
    assert_eq!(event.get::<uuid::Uuid, _>("account_id"), admin.id.0);
    // The nearest address that is no proxy of ours: what stands before it, anybody can write.
    assert_eq!(event.get::<String, _>("ip"), "203.0.113.7");
    assert_eq!(event.get::<String, _>("user_agent"), "desk/1.0");
    assert_eq!(event.get::<String, _>("request_id"), number);
}

#[tokio::test]
async fn a_forwarded_address_is_not_believed_of_strangers() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let body = serde_json::json!({ "email": admin.email, "password": "wrong" });
    let request = provider.stranger().post(provider.url("/api/auth/login")).json(&body);
    request.header("x-forwarded-for", "203.0.113.7").send().await.unwrap();
    let mut conn = provider.database.superuser().await;
    let ip: String =
        sqlx::query_scalar("select ip from event where action = 'sign_in.failed'").fetch_one(&mut conn).await.unwrap();
    assert_eq!(ip, "127.0.0.1");
}

#[tokio::test]
async fn nobody_changes_or_deletes_a_line() {
    use sqlx::Connection as _;
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    provider.visitor().sign_in(&admin).await;
    let mut conn = sqlx::PgConnection::connect(&provider.database.app_url).await.unwrap();
    for statement in ["update event set action = 'x'", "delete from event", "truncate event"] {
        let refused = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{statement}: {refused}");
    }
}

#[tokio::test]
async fn nobody_hides_by_writing_rubbish_into_the_forwarded_header() {
    let provider = Provider::start_with(&[("TRUSTED_PROXIES", "127.0.0.1,10.0.0.0/8")]).await;
    let (_, admin) = provider.company("TechCorp").await;
    for (said, believed) in [
        // The attacker's words, then what the proxy heard.
        ("rubbish, 203.0.113.7", "203.0.113.7"),
        ("10.1.2.3, rubbish, 203.0.113.8", "203.0.113.8"),
        ("198.51.100.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        // As some proxies write it.
        ("203.0.113.10:50123", "203.0.113.10"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("::ffff:203.0.113.11", "203.0.113.11"),
        // The proxy itself said nothing that can be read: it is all that is known.
        ("203.0.113.12, rubbish", "127.0.0.1"),
    ] {
        let body = serde_json::json!({ "email": admin.email, "password": admin.password });
        let request = provider.stranger().post(provider.url("/api/auth/login")).json(&body);
        request.header("x-forwarded-for", said).send().await.unwrap();
        let mut conn = provider.database.superuser().await;
        let ip: String = sqlx::query_scalar("select ip from event order by created_at desc, id desc limit 1")
            .fetch_one(&mut conn)
            .await
            .unwrap();
        assert_eq!(ip, believed, "{said}");
    }
}

#[tokio::test]
async fn whatever_a_person_does_with_the_account_leaves_a_line() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let new = "a wholly new one 7";
    let api = provider.api_of(&admin).await;
    api.try_login(&admin.email, "wrong").await.expect(401);
    api.put("/api/users/me", json!({ "nickname": "Countess" })).await.expect(200);
    // The second factor, from on to off.
    let seed = api.post("/api/auth/mfa/setup", json!({})).await.expect(200).text_of("secret");
    let authenticator = Authenticator::of(&seed);
    let code = authenticator.code(&provider);
    api.post("/api/auth/mfa/enable", json!({ "code": code })).await.expect(200);
    let codes = api.post("/api/auth/mfa/backup-codes", json!({})).await.expect(200);
    let token = api.try_login(&admin.email, &admin.password).await.text_of("mfa_token");
    api.post("/api/auth/verify-mfa", json!({ "mfa_token": token, "code": "000000" })).await.expect(401);
    let backup = codes.body["backup_codes"][0].as_str().unwrap();
    api.post("/api/auth/verify-mfa", json!({ "mfa_token": token, "code": backup })).await.expect(200);
    let sent = json!({ "password": admin.password, "code": authenticator.next_code(&provider) });
    api.post("/api/auth/mfa/disable", sent).await.expect(204);
    // The password, changed and forgotten.
    let sent = json!({ "current_password": admin.password, "new_password": new });
    api.post("/api/auth/change-password", sent).await.expect(204);
    api.post("/api/auth/forgot-password", json!({ "email": admin.email })).await.expect(204);
    let token = provider.mailed_token(&admin.email).await;
    api.post("/api/auth/reset-password", json!({ "token": token, "password": new })).await.expect(204);
    // Another address, and nobody signed in elsewhere.
    let api = api.holding(&api.try_login(&admin.email, new).await);
    api.put("/api/users/me", json!({ "email": "ada@new.example" })).await.expect(200);
    let token = provider.mailed_token("ada@new.example").await;
    api.post("/api/auth/verify-email", json!({ "token": token })).await.expect(204);
    api.delete("/api/sessions").await.expect(204);
    // People of the company, and the company.
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    provider.second_factor(&user).await;
    let (_, stranger) = provider.company("StartupXYZ").await;
    let path = format!("/api/users/{}", user.id);
    api.post("/api/users", json!({ "email": stranger.email, "name": "Sam", "role": "user" })).await.expect(202);
    api.post(&format!("{path}/password-link"), json!({})).await.expect(204);
    api.post(&format!("{path}/reset-mfa"), json!({})).await.expect(204);
    api.delete(&path).await.expect(204);
    api.patch(&path, json!({ "active": true })).await.expect(200);
    api.patch("/api/company", json!({ "color": "#aa3300" })).await.expect(200);
    let said = provider.actions().await;
    for action in [
        "sign_in.succeeded",
        "sign_in.failed",
        "profile.changed",
        "second_factor.enabled",
        "second_factor.failed",
        "second_factor.disabled",
        "backup_codes.renewed",
        "backup_code.used",
        "password.changed",
        "password.reset_asked",
        "password.reset",
        "email.change_asked",
        "email.changed",
        "logins.ended",
        "member.invited",
        "member.password_link_sent",
        "member.second_factor_reset",
        "member.ended",
        "member.restored",
        "company.changed",
    ] {
        assert!(said.iter().any(|line| line == action), "{action}: {said:?}");
    }
    // What happened to the account is told to its owner too.
    let subjects = |letters: Vec<Found>| letters.into_iter().map(|letter| letter.subject).collect::<BTreeSet<_>>();
    let told = subjects(provider.letters(&admin.email).await);
    for subject in [
        "Two-step verification is on",
        "You have new backup codes",
        "Two-step verification is off",
        "Your password was changed",
        "Choose a new password",
        "Your e-mail address is about to change",
    ] {
        assert!(told.contains(subject), "{subject}: {told:?}");
    }
    assert!(subjects(provider.letters("ada@new.example").await).contains("Please confirm your new e-mail address"));
    assert!(subjects(provider.letters(&user.email).await).contains("Two-step verification is off"));
}
