//! The OpenAPI document says what the server does.

use std::collections::{BTreeMap, BTreeSet};

use countersign::http::routes::routes;
use countersign::model::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::Provider;
use crate::harness::api::Answer;
use crate::harness::authenticator::Authenticator;

fn operations(document: &Value) -> BTreeMap<(String, String), Value> {
    let mut found = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            found.insert((method.to_uppercase(), path.clone()), operation.clone());
        }
    }
    found
}

/// The members that a schema demands.
fn required(document: &Value, schema: &Value) -> BTreeSet<String> {
    let schema = match schema["$ref"].as_str() {
        Some(place) => document.pointer(place.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let mut names: BTreeSet<String> =
        schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        names.extend(required(document, part));
    }
    names
}

#[tokio::test]
async fn every_route_of_the_api_is_in_the_document_and_nothing_else() {
    let provider = Provider::start().await;
    let document = provider.api().get("/openapi.json").await.expect(200).body;
    let documented: BTreeSet<(String, String)> = operations(&document).into_keys().collect();
    let served: BTreeSet<(String, String)> = routes()
        .iter()
        .filter(|route| route.path.starts_with("/api/"))
        .map(|route| (route.method.to_string(), route.path.to_owned()))
        .collect();
    assert_eq!(documented, served);
    let page = provider.visitor().get("/docs").await;
    for (method, path) in served {
        assert!(page.text().contains(&format!("{method} {path}")), "{method} {path} is not on the page");
    }
}

/// Calls operations, and holds each answer to the document.
struct Checker {
    document: Value,
    called: BTreeSet<(String, String)>,
}

impl Checker {
    fn check(&mut self, method: &Method, path: &str, answer: Answer) -> Answer {
        let operation = &operations(&self.document)[&(method.to_string(), path.to_owned())];
        let documented = &operation["responses"][answer.status.to_string()];
        assert!(documented.is_object(), "{method} {path}: {} is not documented: {}", answer.status, answer.text);
        assert!(answer.status < 300, "{method} {path}: {}", answer.text);
        let schema = &documented["content"]["application/json"]["schema"];
        if schema.is_null() {
            assert!(answer.text.is_empty(), "{method} {path}: a body that is not documented: {}", answer.text);
        } else {
            for name in required(&self.document, schema) {
                assert!(answer.body.get(&name).is_some(), "{method} {path}: no {name} in {}", answer.text);
            }
        }
        self.called.insert((method.to_string(), path.to_owned()));
        answer
    }
}

#[tokio::test]
async fn every_operation_answers_as_the_document_says() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    let api = provider.api();
    let document = api.get("/openapi.json").await.body;
    let mut checker = Checker { document, called: BTreeSet::new() };
    let post = Method::POST;
    macro_rules! call {
        ($api:expr, $method:expr, $path:expr, $place:expr, $body:expr) => {
            checker.check(&$method, $place, $api.send($method, $path, $body).await)
        };
        ($api:expr, $method:expr, $path:expr, $body:expr) => {
            call!($api, $method, $path, $path, $body)
        };
    }
    let sent = json!({ "company_name": "Acme", "email": "ada@acme.example", "password": "correct horse battery", "name": "Ada" });
    call!(api, post.clone(), "/api/auth/register", Some(sent));
    let token = provider.mailed_token("ada@acme.example").await;
    call!(api, post.clone(), "/api/auth/verify-email", Some(json!({ "token": token })));
    call!(api, post.clone(), "/api/auth/forgot-password", Some(json!({ "email": "ada@acme.example" })));
    let token = provider.mailed_token("ada@acme.example").await;
    call!(
        api,
        post.clone(),
        "/api/auth/reset-password",
        Some(json!({ "token": token, "password": "a wholly new one 7" }))
    );
    let credentials = json!({ "email": admin.email, "password": admin.password });
    let login = call!(api, post.clone(), "/api/auth/login", Some(credentials.clone()));
    let refreshed =
        call!(api, post.clone(), "/api/auth/refresh", Some(json!({ "refresh_token": login.body["refresh_token"] })));
    let me = api.with(&refreshed.text_of("access_token"));
    call!(me, Method::GET, "/api/users/me", None);
    call!(me, Method::PUT, "/api/users/me", Some(json!({ "nickname": "Ada" })));
    call!(me, Method::GET, "/api/users", None);
    let added = call!(
        me,
        post.clone(),
        "/api/users",
        Some(json!({ "email": "g@techcorp.com", "name": "Grace", "role": "user" }))
    );
    assert_eq!(added.status, 201);
    let one = format!("/api/users/{}", user.id);
    call!(me, Method::GET, &one, "/api/users/{id}", None);
    call!(me, Method::PATCH, &one, "/api/users/{id}", Some(json!({ "role": "manager" })));
    call!(me, post.clone(), &format!("{one}/password-link"), "/api/users/{id}/password-link", Some(json!({})));
    provider.second_factor(&user).await;
    call!(me, post.clone(), &format!("{one}/reset-mfa"), "/api/users/{id}/reset-mfa", Some(json!({})));
    call!(me, Method::DELETE, &one, "/api/users/{id}", None);
    call!(me, Method::GET, "/api/company", None);
    call!(me, Method::PATCH, "/api/company", Some(json!({ "color": "#aa3300" })));
    call!(me, Method::GET, "/api/audit", None);
    let app = provider.partner_app(company.id).await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    browser.send(&browser.get(&app.authorize(&[])).await.form("#allow")).await;
    call!(me, Method::GET, "/api/apps", None);
    call!(me, Method::DELETE, &format!("/api/apps/{}", app.id), "/api/apps/{client_id}", None);
    let sent = json!({ "client_name": "Desk", "redirect_uris": ["https://desk.example/cb"] });
    let made = call!(me, post.clone(), "/api/clients", Some(sent));
    assert_eq!(made.status, 201);
    call!(me, Method::GET, "/api/clients", None);
    let one = format!("/api/clients/{}", made.text_of("client_id"));
    call!(me, Method::GET, &one, "/api/clients/{client_id}", None);
    call!(me, Method::PATCH, &one, "/api/clients/{client_id}", Some(json!({ "client_name": "Desk 2" })));
    let rotate = format!("{one}/rotate-secret");
    call!(me, post.clone(), &rotate, "/api/clients/{client_id}/rotate-secret", Some(json!({})));
    call!(me, Method::DELETE, &one, "/api/clients/{client_id}", None);
    let sent = json!({ "identifier": "https://calls.example", "name": "Calls", "scopes": ["calls:read"] });
    let made = call!(me, post.clone(), "/api/resources", Some(sent));
    call!(me, Method::GET, "/api/resources", None);
    let one = format!("/api/resources/{}", made.text_of("id"));
    call!(me, Method::GET, &one, "/api/resources/{id}", None);
    call!(me, Method::PATCH, &one, "/api/resources/{id}", Some(json!({ "name": "Calls 2" })));
    call!(me, Method::DELETE, &one, "/api/resources/{id}", None);
    let sessions = call!(me, Method::GET, "/api/sessions", None);
    let others: Vec<Value> = sessions.body["items"].as_array().unwrap().clone();
    let other = others.iter().find(|one| one["current"] == false).unwrap()["id"].as_str().unwrap().to_owned();
    call!(me, Method::DELETE, &format!("/api/sessions/{other}"), "/api/sessions/{id}", None);
    call!(me, Method::DELETE, "/api/sessions", None);
    let setup = call!(me, post.clone(), "/api/auth/mfa/setup", Some(json!({})));
    let totp = Authenticator::of(&setup.text_of("secret"));
    call!(me, post.clone(), "/api/auth/mfa/enable", Some(json!({ "code": totp.code(&provider) })));
    call!(me, Method::GET, "/api/auth/mfa/backup-codes", None);
    call!(me, post.clone(), "/api/auth/mfa/backup-codes", Some(json!({})));
    let halfway = api.post("/api/auth/login", credentials).await.text_of("mfa_token");
    let sent = json!({ "mfa_token": halfway, "code": totp.next_code(&provider) });
    let second = call!(api, post.clone(), "/api/auth/verify-mfa", Some(sent));
    let sent = json!({ "password": admin.password, "code": totp.next_code(&provider) });
    call!(me, post.clone(), "/api/auth/mfa/disable", Some(sent));
    let sent = json!({ "current_password": admin.password, "new_password": "a wholly new one 7" });
    call!(me, post.clone(), "/api/auth/change-password", Some(sent));
    call!(api, post.clone(), "/api/auth/logout", Some(json!({ "refresh_token": second.body["refresh_token"] })));
    let all: BTreeSet<(String, String)> = operations(&checker.document).into_keys().collect();
    assert_eq!(checker.called, all);
}
