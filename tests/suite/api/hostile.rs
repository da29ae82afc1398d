//! Bad input: a precise 4xx as a problem document, never a fault.

use countersign::http::gate::Access;
use countersign::http::routes::routes;
use reqwest::Method;
use serde_json::json;

use crate::harness::Provider;

fn filled(path: &str) -> String {
    path.replace("{id}", "usr_00000000000000000000000000000000").replace("{client_id}", "cli_nobody")
}

#[tokio::test]
async fn every_body_that_cannot_be_read_is_told_so() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    let json = "application/json";
    let big = format!("{{\"email\":\"{}\"}}", "a".repeat(1_000_000));
    let bodies: [(&str, Vec<u8>, &[u16]); 9] = [
        (json, b"{".to_vec(), &[400]),
        (json, b"".to_vec(), &[400]),
        (json, b"[]".to_vec(), &[400]),
        (json, b"{\"email\":1,\"role\":1,\"name\":1,\"token\":1,\"code\":1,\"refresh_token\":1,\"mfa_token\":1,\"password\":1,\"current_password\":1}".to_vec(), &[400]),
        (json, b"{\"email\":\"a\\u0000b\"}".to_vec(), &[400]),
        (json, b"{\"email\":\"\xff\xfe\"}".to_vec(), &[400]),
        (json, big.into_bytes(), &[413]),
        ("text/plain", b"{}".to_vec(), &[415]),
        ("application/x-www-form-urlencoded", b"a=b".to_vec(), &[415]),
    ];
    // These read no body.
    let bodiless = [
        "/api/auth/mfa/setup",
        "/api/auth/mfa/backup-codes",
        "/api/users/{id}/reset-mfa",
        "/api/users/{id}/password-link",
        "/api/clients/{client_id}/rotate-secret",
    ];
    for route in routes().iter().filter(|route| route.path.starts_with("/api/") && !bodiless.contains(&route.path)) {
        if route.method == Method::GET || route.method == Method::DELETE {
            continue;
        }
        for (kind, body, statuses) in &bodies {
            let sent = Some(((*kind).to_owned(), body.clone()));
            let answer = api.raw(route.method.clone(), &filled(route.path), sent).await;
            let place = format!("{} {} {kind} {}", route.method, route.path, answer.text);
            // Members that client metadata does not know are ignored, and those of a wrong type are flaws.
            let metadata = route.path.starts_with("/api/clients") && body.starts_with(b"{\"email\":1");
            let statuses = if metadata { &[404, 422][..] } else { statuses };
            assert!(statuses.contains(&answer.status), "{place}: {}", answer.status);
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{place}");
            assert_eq!(answer.body["status"], answer.status, "{place}");
        }
    }
}

#[tokio::test]
async fn overlong_and_odd_values_are_flaws_and_not_faults() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    let long = "ä".repeat(5_000);
    for (path, sent) in [
        ("/api/auth/register", json!({ "company_name": long, "email": long, "password": long, "name": long })),
        ("/api/auth/forgot-password", json!({ "email": long })),
        ("/api/auth/reset-password", json!({ "token": long, "password": "correct horse battery" })),
        ("/api/auth/verify-email", json!({ "token": long })),
        ("/api/users", json!({ "email": long, "name": long, "role": "user" })),
    ] {
        api.post(path, sent).await.expect(422);
    }
    api.post("/api/auth/login", json!({ "email": long, "password": long })).await.expect(401);
    api.post("/api/auth/login", json!({ "email": admin.email, "password": long })).await.expect(401);
    api.post("/api/auth/verify-mfa", json!({ "mfa_token": long, "code": long })).await.expect(401);
    api.post("/api/auth/refresh", json!({ "refresh_token": long })).await.expect(401);
    api.post("/api/auth/logout", json!({ "refresh_token": long })).await.expect(204);
    api.put("/api/users/me", json!({ "name": long, "given_name": "a\u{202e}b\n" })).await.expect(422);
    api.put("/api/users/me", json!({ "address": { "planet": "Earth" } })).await.expect(422);
}

#[tokio::test]
async fn odd_paths_and_queries_are_not_found_or_malformed() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    for path in [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/users/x",
        "/api/users/com_00000000000000000000000000000000",
        "/api/users/%00",
        "/api/sessions/x",
        "/api/users/me/more",
    ] {
        let answer = api.get(path).await;
        assert!([404, 405].contains(&answer.status), "{path}: {} {}", answer.status, answer.text);
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
    }
    for query in ["q=%00", "q=%ff", "q=a&q=b", "limit=99999999999999999999"] {
        api.get(&format!("/api/users?{query}")).await.expect(400);
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_told_so() {
    let provider = Provider::start().await;
    for route in routes().iter().filter(|route| route.path.starts_with("/api/") && route.access != Access::Public) {
        let answer = provider.api().send(Method::TRACE, &filled(route.path), None).await;
        assert_eq!(answer.status, 405, "{}", route.path);
    }
}
