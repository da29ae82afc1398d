//! Which origins may call from scripts: everybody reads the metadata, the listed ones may ask for tokens.

use reqwest::{Method, Response};

use crate::harness::Provider;

const OURS: &str = "https://front.example";
const ELSEWHERE: &str = "https://evil.example";

async fn start() -> Provider {
    Provider::start_with(&[("FRONTEND_URL", OURS)]).await
}

async fn ask(provider: &Provider, method: Method, path: &str, origin: &str) -> Response {
    provider.stranger().request(method, provider.url(path)).header("Origin", origin).send().await.unwrap()
}

/// What a browser asks before it sends a form with an `Authorization` header.
async fn preflight(provider: &Provider, path: &str, origin: &str) -> Response {
    let request = provider.stranger().request(Method::OPTIONS, provider.url(path)).header("Origin", origin);
    let request = request.header("Access-Control-Request-Method", "POST");
    request.header("Access-Control-Request-Headers", "authorization").send().await.unwrap()
}

fn allowed(response: &Response) -> Option<&str> {
    // Cookies are for our own pages.
    assert_eq!(response.headers().get("access-control-allow-credentials"), None);
    response.headers().get("access-control-allow-origin").map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn any_origin_reads_the_metadata_and_the_keys() {
    let provider = start().await;
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/oauth2/jwks"] {
        let response = ask(&provider, Method::GET, path, ELSEWHERE).await;
        assert_eq!(response.status(), 200);
        assert!(allowed(&response).is_some(), "{path}");
    }
}

#[tokio::test]
async fn only_listed_origins_ask_for_tokens() {
    let provider = start().await;
    for path in ["/oauth2/token", "/oauth2/userinfo", "/oauth2/revoke"] {
        let response = preflight(&provider, path, OURS).await;
        assert_eq!(allowed(&response), Some(OURS), "{path}");
        let headers = response.headers()["access-control-allow-headers"].to_str().unwrap().to_lowercase();
        assert!(headers.contains("authorization") && headers.contains("dpop"), "{headers}");
        assert_eq!(allowed(&preflight(&provider, path, ELSEWHERE).await), None, "{path}");
        assert_eq!(allowed(&ask(&provider, Method::POST, path, OURS).await), Some(OURS), "{path}");
        assert_eq!(allowed(&ask(&provider, Method::POST, path, ELSEWHERE).await), None, "{path}");
    }
}

#[tokio::test]
async fn scripts_may_read_challenges_and_nonces() {
    let provider = start().await;
    let response = ask(&provider, Method::GET, "/oauth2/userinfo", OURS).await;
    let shown = response.headers()["access-control-expose-headers"].to_str().unwrap().to_lowercase();
    assert!(shown.contains("www-authenticate") && shown.contains("dpop-nonce"), "{shown}");
}

#[tokio::test]
async fn an_origin_must_be_the_listed_one_to_the_letter() {
    let provider = start().await;
    for origin in ["null", "http://front.example", "https://front.example:8443", "https://front.example.evil.example"] {
        assert_eq!(allowed(&ask(&provider, Method::POST, "/oauth2/token", origin).await), None, "{origin}");
    }
}

#[tokio::test]
async fn scripts_of_no_origin_reach_the_pages() {
    let provider = start().await;
    for path in ["/oauth2/authorize", "/oauth2/logout", "/oauth2/introspect", "/login"] {
        for origin in [OURS, ELSEWHERE] {
            assert_eq!(allowed(&ask(&provider, Method::GET, path, origin).await), None, "{path}");
            assert_eq!(allowed(&preflight(&provider, path, origin).await), None, "{path}");
        }
    }
}

#[tokio::test]
async fn caches_keep_the_answers_to_different_origins_apart() {
    let provider = start().await;
    let response = ask(&provider, Method::POST, "/oauth2/token", OURS).await;
    let vary = response.headers()["vary"].to_str().unwrap().to_lowercase();
    assert!(vary.contains("origin"), "{vary}");
}
