//! Two companies: whatever one's admin calls, nothing of the other is seen or changed.

use countersign::model::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Provider;

#[tokio::test]
async fn another_companys_ids_are_not_there() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    let (_, stranger) = provider.company("StartupXYZ").await;
    let theirs = provider.api_of(&user).await;
    let api = provider.api_of(&stranger).await;
    let person = format!("/api/users/{}", user.id);
    let session = theirs.get("/api/sessions").await.each("id")[0].to_owned();
    let app = provider.partner_app(company.id).await;
    let before = provider.api_of(&admin).await.get(&person).await.expect(200).body;
    let change = json!({ "role": "admin", "active": false });
    let owner = provider.api_of(&admin).await;
    let sent = json!({ "identifier": "https://calls.example", "name": "Calls" });
    let resource = format!("/api/resources/{}", owner.post("/api/resources", sent).await.expect(201).text_of("id"));
    let client = format!("/api/clients/{}", app.id);
    let platforms = format!("/api/clients/{}", provider.app().await.id);
    let tries: [(Method, String, Option<Value>); 16] = [
        (Method::GET, client.clone(), None),
        (Method::PATCH, client.clone(), Some(json!({ "redirect_uris": ["https://evil.example/"] }))),
        (Method::POST, format!("{client}/rotate-secret"), Some(json!({}))),
        (Method::DELETE, client.clone(), None),
        (Method::GET, platforms.clone(), None),
        (Method::DELETE, platforms, None),
        (Method::GET, resource.clone(), None),
        (Method::PATCH, resource.clone(), Some(json!({ "name": "Mine" }))),
        (Method::DELETE, resource.clone(), None),
        (Method::GET, person.clone(), None),
        (Method::PATCH, person.clone(), Some(change)),
        (Method::DELETE, person.clone(), None),
        (Method::POST, format!("{person}/reset-mfa"), Some(json!({}))),
        (Method::POST, format!("{person}/password-link"), Some(json!({}))),
        (Method::DELETE, format!("/api/sessions/{session}"), None),
        (Method::DELETE, format!("/api/apps/{}", app.id), None),
    ];
    for (method, path, body) in tries {
        api.send(method, &path, body).await.expect(404);
    }
    theirs.get("/api/users/me").await.expect(200);
    owner.get(&client).await.expect(200);
    owner.get(&resource).await.expect(200);
    assert_eq!(provider.api_of(&admin).await.get(&person).await.expect(200).body, before);
    assert!(provider.letters(&user.email).await.is_empty());
}

#[tokio::test]
async fn lists_hold_nothing_of_another_company() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    provider.api_of(&user).await;
    let (other, stranger) = provider.company("StartupXYZ").await;
    let api = provider.api_of(&stranger).await;
    let sent = json!({ "client_name": "techcorp desk", "redirect_uris": ["https://techcorp.example/cb"] });
    provider.api_of(&admin).await.post("/api/clients", sent).await.expect(201);
    let sent = json!({ "identifier": "https://techcorp.example", "name": "techcorp calls" });
    provider.api_of(&admin).await.post("/api/resources", sent).await.expect(201);
    let queries = [
        "/api/users".to_owned(),
        "/api/users?q=techcorp".to_owned(),
        "/api/audit".to_owned(),
        format!("/api/audit?person={}", user.id),
        "/api/sessions".to_owned(),
        "/api/apps".to_owned(),
        "/api/clients".to_owned(),
        "/api/resources".to_owned(),
        "/api/company".to_owned(),
        "/api/users/me".to_owned(),
    ];
    for path in queries {
        let answer = api.get(&path).await.expect(200);
        for secret in [company.id.to_string(), user.id.to_string(), admin.id.to_string(), "techcorp".to_owned()] {
            assert!(!answer.text.contains(&secret), "{path} shows {secret}: {}", answer.text);
        }
    }
    // A cursor that another company's list gave shows one's own people, and nobody else.
    provider.person(&company, Role::User, "more@techcorp.com").await;
    let page = provider.api_of(&admin).await.get("/api/users?limit=1").await.expect(200);
    let cursor = page.body["next_cursor"].as_str().unwrap();
    let answer = api.get(&format!("/api/users?cursor={cursor}")).await.expect(200);
    assert!(!answer.text.contains("techcorp"), "{}", answer.text);
    drop(other);
}

#[tokio::test]
async fn who_belongs_to_both_acts_for_one_at_a_time() {
    let provider = Provider::start().await;
    let (techcorp, _) = provider.company("TechCorp").await;
    let (startup, _) = provider.company("StartupXYZ").await;
    let agency = provider.person(&techcorp, Role::User, "agency@example.com").await;
    provider.join(&startup, &agency, Role::Admin).await;
    let as_user = provider.api().login_to(&agency, "techcorp").await;
    let as_admin = provider.api().login_to(&agency, "startupxyz").await;
    as_user.get("/api/users").await.expect(403);
    let list = as_admin.get("/api/users").await.expect(200);
    assert!(!list.text.contains("admin@techcorp.com"));
    as_admin.get(&format!("/api/users/{}", agency.id)).await.expect(200);
    // A membership that ends in one company leaves the other alone.
    as_admin.delete(&format!("/api/users/{}", agency.id)).await.expect(204);
    as_user.get("/api/users/me").await.expect(200);
}
