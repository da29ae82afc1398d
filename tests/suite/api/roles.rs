//! Who may call what: every operation, by everybody who might try.

use countersign::http::gate::Access;
use countersign::http::routes::routes;
use countersign::model::role::Role;
use reqwest::Method;
use serde_json::json;

use crate::harness::Provider;

/// A path with something in the place of its parameters.
fn filled(path: &str) -> String {
    path.replace("{id}", "usr_00000000000000000000000000000000").replace("{client_id}", "cli_nobody")
}

fn body(method: &Method) -> Option<serde_json::Value> {
    (method != Method::GET && method != Method::DELETE).then(|| json!({}))
}

#[tokio::test]
async fn every_operation_that_needs_a_token_refuses_whatever_is_none() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let tokens = app.tokens(&app.code(&browser.get(&app.authorize(&[])).await)).await;
    let good = provider.api_of(&admin).await.token.unwrap();
    // The same token with one letter of its claims changed: every one of ours begins with the same.
    let flipped = good.replacen(".ey", ".fy", 1);
    let wrong = [
        // Meant for another audience.
        tokens["access_token"].as_str().unwrap().to_owned(),
        tokens["id_token"].as_str().unwrap().to_owned(),
        tokens["refresh_token"].as_str().unwrap().to_owned(),
        flipped,
        "eyJhbGciOiJub25lIn0.e30.".to_owned(),
        "x".repeat(5000),
    ];
    let mut tried = 0;
    for route in routes().iter().filter(|route| matches!(route.access, Access::Token(_) | Access::Enroller)) {
        let path = filled(route.path);
        let without = provider.api().send(route.method.clone(), &path, body(&route.method)).await;
        assert_eq!(without.status, 401, "{} {path}", route.method);
        assert!(without.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        for token in &wrong {
            let answer = provider.api().with(token).send(route.method.clone(), &path, body(&route.method)).await;
            assert_eq!(answer.status, 401, "{} {path}: {}", route.method, answer.text);
        }
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    provider.wait(time::Duration::minutes(31));
    api.get("/api/users/me").await.expect(401);
}

#[tokio::test]
async fn a_role_that_is_too_low_is_refused_and_one_that_is_enough_is_not() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let manager = provider.person(&company, Role::Manager, "manager@techcorp.com").await;
    let user = provider.person(&company, Role::User, "user@techcorp.com").await;
    let callers = [
        (Role::User, provider.api_of(&user).await),
        (Role::Manager, provider.api_of(&manager).await),
        (Role::Admin, provider.api_of(&admin).await),
    ];
    for route in routes() {
        let Access::Token(least) = route.access else { continue };
        // Ending all other logins would end those of the next calls.
        if route.path == "/api/sessions" && route.method == Method::DELETE {
            continue;
        }
        for (role, api) in &callers {
            let answer = api.send(route.method.clone(), &filled(route.path), body(&route.method)).await;
            let refused = answer.status == 403 && answer.text.contains("your role does not allow this");
            assert_eq!(refused, *role < least, "{role} {} {}: {}", route.method, route.path, answer.text);
            assert!(answer.status < 500, "{role} {} {}: {}", route.method, route.path, answer.text);
        }
    }
}
