//! The commands of an operator.

use countersign::model::settings::DEV_SECRET;
use serde_json::Value;

use super::{err, out, run};
use crate::harness::{Provider, port};

async fn obey(provider: &Provider, arguments: &[&str]) -> String {
    let settings = [("DATABASE_URL", provider.database.app_url.as_str()), ("SECRET_KEY", DEV_SECRET)];
    let output = run(arguments, &settings).await;
    assert!(output.status.success(), "{arguments:?}: {}{}", out(&output), err(&output));
    out(&output)
}

#[tokio::test]
async fn help_explains_each_command() {
    let help = out(&run(&["--help"], &[]).await);
    for command in ["dev", "serve", "migrate", "seed", "company", "user", "client", "keys", "doctor", "capacity"] {
        assert!(help.contains(&format!("  {command}")), "{command}: {help}");
        assert!(run(&[command, "--help"], &[]).await.status.success(), "{command}");
    }
}

#[tokio::test]
async fn companies_and_people_are_made_and_changed() {
    let provider = Provider::start().await;
    obey(&provider, &["company", "create", "Acme Voice", "acme"]).await;
    assert!(obey(&provider, &["company", "list"]).await.contains("acme"));
    obey(&provider, &["user", "add", "acme", "ada@acme.example", "Ada", "--role", "admin"]).await;
    obey(&provider, &["user", "add", "acme", "bob@acme.example", "Bob"]).await;
    obey(&provider, &["user", "set-role", "acme", "bob@acme.example", "manager"]).await;
    obey(&provider, &["user", "password-link", "acme", "bob@acme.example"]).await;
    assert_eq!(provider.letters("bob@acme.example").await.len(), 2);
    obey(&provider, &["user", "remove", "acme", "bob@acme.example"]).await;
    obey(&provider, &["user", "disable", "ada@acme.example"]).await;
    let shown = obey(&provider, &["user", "show", "ada@acme.example"]).await;
    assert!(shown.contains("switched off") && shown.contains("not verified"), "{shown}");
    obey(&provider, &["user", "enable", "ada@acme.example"]).await;
    obey(&provider, &["company", "require-mfa", "acme", "on"]).await;
    assert!(obey(&provider, &["company", "list"]).await.contains("second factor required"));
    let said = provider.actions().await;
    for action in [
        "company.registered",
        "member.added",
        "member.role_changed",
        "member.ended",
        "account.disabled",
        "account.enabled",
    ] {
        assert!(said.iter().any(|line| line == action), "{action}: {said:?}");
    }
}

#[tokio::test]
async fn a_switched_off_account_is_signed_out_everywhere_at_once() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let tokens = app.tokens(&app.code(&browser.get(&app.authorize(&[])).await)).await;
    obey(&provider, &["user", "disable", &admin.email]).await;
    assert_eq!(browser.get("/dashboard").await.path(), "/login");
    assert_eq!(browser.sign_in(&admin).await.status, 422);
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).await.status(), 401);
}

/// A command is another process: a node has heard of what it changed after two seconds.
fn seen(provider: &Provider) {
    provider.wait(time::Duration::seconds(2));
}

#[tokio::test]
async fn a_client_is_registered_and_its_secret_is_shown_once() {
    let provider = Provider::start().await;
    let made =
        obey(&provider, &["client", "create", "Voice Desk", "--redirect-uri", "https://app.example/callback"]).await;
    let id = made.split_whitespace().find(|word| word.starts_with("cli_")).unwrap().to_owned();
    assert!(obey(&provider, &["client", "list"]).await.contains(&id));
    let secret = made.split_whitespace().find(|word| word.len() == 43).unwrap().to_owned();
    let ask = |secret: String| {
        let form =
            [("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", "https://app.example/callback")];
        provider.stranger().post(provider.url("/oauth2/token")).basic_auth(id.clone(), Some(secret)).form(&form).send()
    };
    assert_eq!(ask(secret.clone()).await.unwrap().status(), 400);
    obey(&provider, &["client", "rotate-secret", &id]).await;
    seen(&provider);
    assert_eq!(ask(secret).await.unwrap().status(), 401);
    obey(&provider, &["client", "redirect-uris", &id, "https://app.example/other"]).await;
    seen(&provider);
    let authorize = |uri: &str| {
        let query = [("client_id", id.as_str()), ("response_type", "code"), ("redirect_uri", uri), ("scope", "openid")];
        provider.stranger().get(provider.url("/oauth2/authorize")).query(&query).send()
    };
    assert_eq!(authorize("https://app.example/callback").await.unwrap().status(), 400);
    assert_eq!(authorize("https://app.example/other").await.unwrap().status(), 303);
    obey(&provider, &["client", "disable", &id]).await;
    seen(&provider);
    assert_eq!(authorize("https://app.example/other").await.unwrap().status(), 400);
    obey(&provider, &["client", "enable", &id]).await;
    seen(&provider);
    assert_eq!(authorize("https://app.example/other").await.unwrap().status(), 303);
    let said = provider.actions().await;
    assert!(["client.created", "client.changed"].iter().all(|action| said.iter().any(|line| line == action)));
    let bad = ["client", "create", "X", "--redirect-uri", "https://app.example/#fragment"];
    let settings = [("DATABASE_URL", provider.database.app_url.as_str()), ("SECRET_KEY", DEV_SECRET)];
    assert!(!run(&bad, &settings).await.status.success());
}

#[tokio::test]
async fn a_client_is_registered_from_a_file_shown_changed_and_deleted() {
    let provider = Provider::start().await;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("client-{}.json", uuid::Uuid::now_v7()));
    let path = file.to_str().unwrap();
    std::fs::write(
        &file,
        r#"{"redirect_uris":["https://desk.example/cb"],"grant_types":["authorization_code"],
        "initiate_login_uri":"https://desk.example/start"}"#,
    )
    .unwrap();
    let made = obey(
        &provider,
        &["client", "create", "Desk", "--metadata", path, "--auth-method", "client_secret_jwt", "--dpop-bound"],
    )
    .await;
    let id = made.split_whitespace().find(|word| word.starts_with("cli_")).unwrap().to_owned();
    let shown: Value = serde_json::from_str(&obey(&provider, &["client", "show", &id]).await).unwrap();
    assert_eq!(shown["metadata"]["initiate_login_uri"], "https://desk.example/start");
    assert_eq!(shown["metadata"]["dpop_bound_access_tokens"], true);
    assert_eq!(shown["metadata"]["token_endpoint_auth_method"], "client_secret_jwt");
    std::fs::write(&file, r#"{"initiate_login_uri":null,"client_name":"Renamed"}"#).unwrap();
    obey(&provider, &["client", "change", &id, "--metadata", path]).await;
    let shown: Value = serde_json::from_str(&obey(&provider, &["client", "show", &id]).await).unwrap();
    assert_eq!(shown["metadata"].get("initiate_login_uri"), None);
    assert_eq!(shown["metadata"]["client_name"], "Renamed");
    let settings = [("DATABASE_URL", provider.database.app_url.as_str()), ("SECRET_KEY", DEV_SECRET)];
    // The same reader as everywhere: a profile demands what it does.
    let bad =
        run(&["client", "create", "X", "--redirect-uri", "https://x.example", "--profile", "high"], &settings).await;
    assert!(!bad.status.success() && err(&bad).contains("token_endpoint_auth_method"), "{}", err(&bad));
    obey(&provider, &["client", "delete", &id]).await;
    assert!(!obey(&provider, &["client", "list"]).await.contains(&id));
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn a_token_is_made_that_registers_one_client_of_a_company() {
    let provider = Provider::start().await;
    let (company, _) = provider.company("TechCorp").await;
    let made = ["client", "registration-token", "--company", &company.slug, "--uses", "1", "--days", "2"];
    let said = obey(&provider, &made).await;
    let token = said.split_whitespace().find(|word| word.len() == 43).unwrap();
    let register = || {
        let sent = serde_json::json!({ "redirect_uris": ["https://app.example/callback"] });
        provider.stranger().post(provider.url("/oauth2/register")).bearer_auth(token).json(&sent).send()
    };
    assert_eq!(register().await.unwrap().status(), 201);
    assert_eq!(register().await.unwrap().status(), 401);
    let settings = [("DATABASE_URL", provider.database.app_url.as_str()), ("SECRET_KEY", DEV_SECRET)];
    assert!(!run(&["client", "registration-token", "--uses", "0"], &settings).await.status.success());
}

#[tokio::test]
async fn keys_are_listed_and_rotated() {
    let provider = Provider::start().await;
    let before = obey(&provider, &["keys", "list"]).await;
    assert!(before.contains("current") && before.contains("next"));
    obey(&provider, &["keys", "rotate"]).await;
    let after = obey(&provider, &["keys", "list"]).await;
    assert!(after.contains("previous") && after.contains(", published until "));
    // Times as machines and people read them.
    assert!(after.lines().all(|line| line.ends_with('Z')), "{after}");
    assert!(provider.actions().await.contains(&"keys.rotated".to_owned()));
}

#[tokio::test]
async fn a_lost_second_factor_is_taken_away_by_the_operator() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    provider.second_factor(&admin).await;
    obey(&provider, &["user", "reset-mfa", "techcorp", &admin.email]).await;
    assert_eq!(provider.visitor().sign_in(&admin).await.path(), "/dashboard");
    assert_eq!(provider.letters(&admin.email).await[0].subject, "Two-step verification is off");
}

#[tokio::test]
async fn a_short_name_that_cannot_be_one_is_told_in_words() {
    let provider = Provider::start().await;
    let settings = [("DATABASE_URL", provider.database.app_url.as_str()), ("SECRET_KEY", DEV_SECRET)];
    let output = run(&["company", "create", "Acme", "Not A Slug"], &settings).await;
    assert!(!output.status.success());
    assert!(err(&output).contains("slug must be lower case letters and digits"), "{}", err(&output));
}

#[tokio::test]
async fn demo_accounts_come_into_a_database_only_when_it_is_said_to_be_for_development() {
    let provider = Provider::start().await;
    let settings = [("DATABASE_URL", provider.database.app_url.as_str()), ("SECRET_KEY", DEV_SECRET)];
    let refused = run(&["seed"], &settings).await;
    assert!(!refused.status.success());
    assert!(err(&refused).contains("set COUNTERSIGN_SEED=development"), "{}", err(&refused));
    let [database, secret] = settings;
    let done = run(&["seed"], &[database, secret, ("COUNTERSIGN_SEED", "development")]).await;
    assert!(done.status.success(), "{}", err(&done));
    provider.api().try_login("admin@techcorp.com", "SecurePass123!").await.expect(200);
}

#[tokio::test]
async fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let provider = Provider::start().await;
    let port = port::free();
    let (issuer, mail) = (format!("http://localhost:{port}"), port.to_string());
    let ill = [
        ("DATABASE_URL", provider.database.superuser_url.as_str()),
        ("SECRET_KEY", DEV_SECRET),
        ("ISSUER", &issuer),
        ("SMTP_HOST", "127.0.0.1"),
        ("SMTP_PORT", &mail),
        ("SMTP_FROM", "a@b.example"),
    ];
    let output = run(&["doctor"], &ill).await;
    assert!(!output.status.success());
    let said = out(&output);
    for sign in ["SECRET_KEY: is a default", "is a superuser", "see SMTP_HOST", "does not answer"] {
        assert!(said.contains(sign), "{sign}: {said}");
    }
    let well = [
        ("DATABASE_URL", provider.database.app_url.as_str()),
        ("SECRET_KEY", super::SECRET),
        ("ISSUER", provider.base.as_str()),
        ("REQUIRE_VERIFIED_EMAIL", "false"),
    ];
    let output = run(&["doctor"], &well).await;
    assert!(output.status.success(), "{}", out(&output));
    assert!(out(&output).contains("Everything is in order."));
    for sign in
        ["what is over was swept", "0 letters wait", "0 logout notices wait", " refresh_token ", "in 1 partitions"]
    {
        assert!(out(&output).contains(sign), "{sign}: {}", out(&output));
    }
}

#[tokio::test]
async fn the_doctor_names_what_waits_for_too_long_and_what_nobody_swept() {
    use sqlx::Executor as _;
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let forgot = serde_json::json!({ "email": admin.email });
    provider.api().post("/api/auth/forgot-password", forgot).await.expect(204);
    provider.visitor().sign_in(&admin).await;
    let mut conn = provider.database.superuser().await;
    conn.execute("update outbox set created_at = created_at - interval '1 day'").await.unwrap();
    conn.execute("update browser_session set expires_at = expires_at - interval '3 days'").await.unwrap();
    conn.execute("update mail_token set expires_at = expires_at - interval '3 days'").await.unwrap();
    let settings = [
        ("DATABASE_URL", provider.database.app_url.as_str()),
        ("SECRET_KEY", super::SECRET),
        ("ISSUER", provider.base.as_str()),
        ("REQUIRE_VERIFIED_EMAIL", "false"),
    ];
    let output = run(&["doctor"], &settings).await;
    assert!(!output.status.success());
    let said = out(&output);
    let signs =
        ["WRONG  1 letters wait", "WRONG  browser_session holds a row", "WRONG  mail_token holds a row", "3 to mend."];
    for sign in signs {
        assert!(said.contains(sign), "{sign}: {said}");
    }
    assert!(!said.contains(&admin.email));
}
