//! `/api/company`, `/api/audit`, `/api/sessions` and `/api/apps`.

use countersign::model::role::Role;
use serde_json::json;

use crate::harness::Provider;
use crate::harness::api::AGENT;

#[tokio::test]
async fn a_manager_reads_the_company_and_an_admin_changes_it() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let manager = provider.person(&company, Role::Manager, "manager@techcorp.com").await;
    let (api, reader) = (provider.api_of(&admin).await, provider.api_of(&manager).await);
    let sent = json!({ "name": "TechCorp AG", "color": "#AA3300", "logo_url": "https://techcorp.example/logo.svg",
        "session_hours": 8, "password_min_length": 15, "mail_domains": ["TechCorp.com"] });
    api.patch("/api/company", sent).await.expect(200);
    let seen = reader.get("/api/company").await.expect(200);
    assert_eq!((&seen.body["name"], &seen.body["color"]), (&json!("TechCorp AG"), &json!("#aa3300")));
    assert_eq!((&seen.body["session_hours"], &seen.body["mail_domains"]), (&json!(8), &json!(["techcorp.com"])));
    reader.patch("/api/company", json!({ "name": "Mine" })).await.expect(403);
    let cleared = api.patch("/api/company", json!({ "session_hours": null, "logo_url": null })).await.expect(200);
    assert_eq!((&cleared.body["session_hours"], &cleared.body["color"]), (&json!(null), &json!("#aa3300")));
    let bad = json!({ "name": "", "color": "red", "logo_url": "http://x", "session_hours": 0, "password_min_length": 7, "mail_domains": ["a b"] });
    let mut flaws: Vec<String> =
        api.patch("/api/company", bad).await.expect(422).flaws().into_iter().map(str::to_owned).collect();
    flaws.sort();
    assert_eq!(flaws, ["color", "logo_url", "mail_domains", "name", "password_min_length", "session_hours"]);
}

#[tokio::test]
async fn the_trail_says_who_did_what_to_whom_from_where() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    let api = provider.api_of(&admin).await;
    api.patch(&format!("/api/users/{}", user.id), json!({ "role": "manager" })).await.expect(200);
    let found = api.get("/api/audit?action=member.role_changed").await.expect(200);
    let event = &found.body["items"][0];
    assert_eq!((&event["person"], &event["actor"]), (&json!(user.id.to_string()), &json!(admin.id.to_string())));
    assert_eq!((&event["ip"], &event["user_agent"]), (&json!("127.0.0.1"), &json!(AGENT)));
    assert_eq!(event["detail"], json!({ "from": "user", "to": "manager" }));
    assert!(event["request_id"].as_str().unwrap().len() == 32);
}

#[tokio::test]
async fn the_trail_is_filtered_and_paged() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    let api = provider.api_of(&admin).await;
    for role in ["manager", "user", "manager", "user"] {
        api.patch(&format!("/api/users/{}", user.id), json!({ "role": role })).await.expect(200);
    }
    assert_eq!(api.get("/api/audit?action=member.").await.each("id").len(), 4);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/api/audit?limit=2{cursor}")).await.expect(200);
        seen.extend(page.each("id").into_iter().map(str::to_owned));
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let once: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), once.len()), (6, 6));
    assert_eq!(api.get(&format!("/api/audit?person={}", user.id)).await.each("id").len(), 4);
    assert!(api.get("/api/audit?to=2020-01-01T00:00:00Z").await.each("id").is_empty());
    assert!(api.get("/api/audit?from=2090-01-01T00:00:00Z").await.each("id").is_empty());
    assert_eq!(api.get("/api/audit?client=cli_countersign_api").await.each("action"), ["tokens.issued"]);
    for (query, status) in [("from=now", 422), ("person=x", 422), ("cursor=x", 400), ("limit=0", 422)] {
        api.get(&format!("/api/audit?{query}")).await.expect(status);
    }
}

#[tokio::test]
async fn the_logins_are_listed_and_ended_one_by_one_or_all_but_this() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (here, second, third) =
        (provider.api_of(&admin).await, provider.api_of(&admin).await, provider.api_of(&admin).await);
    let list = here.get("/api/sessions").await.expect(200);
    let items = list.body["items"].as_array().unwrap();
    assert_eq!((items.len(), items.iter().filter(|one| one["current"] == true).count()), (3, 1));
    let own = |list: &crate::harness::api::Answer| {
        let items = list.body["items"].as_array().unwrap().clone();
        items.into_iter().find(|one| one["current"] == true).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let id = own(&second.get("/api/sessions").await);
    here.delete(&format!("/api/sessions/{id}")).await.expect(204);
    here.delete(&format!("/api/sessions/{id}")).await.expect(404);
    second.get("/api/users/me").await.expect(401);
    here.delete("/api/sessions").await.expect(204);
    third.get("/api/users/me").await.expect(401);
    here.get("/api/users/me").await.expect(200);
}

#[tokio::test]
async fn an_app_that_was_let_in_is_shown_the_door() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let app = provider.partner_app(company.id).await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let consent = browser.get(&app.authorize(&[])).await;
    let tokens = app.tokens(&app.code(&browser.send(&consent.form("#allow")).await)).await;
    let api = provider.api_of(&admin).await;
    let list = api.get("/api/apps").await.expect(200);
    assert_eq!(list.each("client_id"), [app.id.as_str()]);
    assert_eq!(list.each("company_id"), [company.id.to_string()]);
    api.delete(&format!("/api/apps/{}", app.id)).await.expect(204);
    api.delete(&format!("/api/apps/{}", app.id)).await.expect(404);
    assert_eq!(app.userinfo(tokens["access_token"].as_str().unwrap()).await.status(), 401);
    assert_eq!(browser.get(&app.authorize(&[])).await.path(), "/login/consent");
}
