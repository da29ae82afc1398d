//! Requests that nobody sends by accident: every one gets a precise refusal in its face, and none a fault.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use reqwest::{Method, Response};

use crate::harness::app::{answer, refusal};
use crate::harness::{App, Provider};

/// Endpoints that take forms of clients.
const MACHINES: [&str; 3] = ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke"];
/// Endpoints that people are sent to.
const PAGES: [&str; 2] = ["/oauth2/authorize", "/oauth2/logout"];
const FORM: &str = "application/x-www-form-urlencoded";

async fn post(
    provider: &Provider,
    app: &App,
    path: &str,
    kind: Option<&str>,
    body: impl Into<reqwest::Body>,
) -> Response {
    let request = provider.stranger().post(provider.url(path)).body(body);
    let request = if PAGES.contains(&path) { request } else { request.basic_auth(&app.id, app.secret.as_deref()) };
    let request = if let Some(kind) = kind { request.header("Content-Type", kind) } else { request };
    request.send().await.unwrap()
}

async fn stage() -> (Provider, App) {
    let provider = Provider::start().await;
    let app = provider.app().await;
    (provider, app)
}

/// RFC 6749, section 5.2.
async fn refused(response: Response, status: u16, error: &str) {
    assert_eq!(response.headers()["content-type"], "application/json");
    let (got, body) = answer(response).await;
    assert_eq!((got, body["error"].as_str()), (status, Some(error)), "{body}");
    let printable = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
    assert!(body["error_description"].as_str().unwrap_or_default().bytes().all(printable), "{body}");
}

/// A page that sends nobody anywhere.
async fn stopped(response: Response, status: u16) {
    assert_eq!(response.status(), status, "{}", response.url());
    assert_eq!(response.headers().get("location"), None);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(response.text().await.unwrap().contains("Something went wrong"));
}

/// Forms that cannot be read.
const UNREADABLE: [&[u8]; 8] = [
    b"token=a%00b&grant_type=authorization_code&code=a%00",
    b"token=a\0b",
    b"token=%ff%fe",
    b"token=\xff\xfe",
    b"token=%zz",
    b"token=%4",
    b"token=a&token=b&client_id=a&client_id=b",
    b"%00=x",
];

#[tokio::test]
async fn forms_that_cannot_be_read_are_refused() {
    let (provider, app) = stage().await;
    for body in UNREADABLE {
        for path in MACHINES {
            refused(post(&provider, &app, path, Some(FORM), body).await, 400, "invalid_request").await;
        }
        for path in PAGES {
            stopped(post(&provider, &app, path, Some(FORM), body).await, 400).await;
        }
    }
}

#[tokio::test]
async fn queries_that_cannot_be_read_are_refused() {
    let (provider, app) = stage().await;
    for query in ["more=%00", "more=%ff", "more=%zz", "more=%c3%28", "client_id=again"] {
        stopped(provider.stranger().get(format!("{}&{query}", app.authorize(&[]))).send().await.unwrap(), 400).await;
        let url = provider.url(&format!("/oauth2/logout?state=a&client_id=b&{query}"));
        stopped(provider.stranger().get(url).send().await.unwrap(), 400).await;
    }
    for query in ["flow=%00", "flow=%ff", "flow=a&flow=b", "flow=%zz"] {
        for path in ["/oauth2/authorize/continue", "/login"] {
            stopped(provider.stranger().get(provider.url(&format!("{path}?{query}"))).send().await.unwrap(), 400).await;
        }
    }
}

#[tokio::test]
async fn a_body_of_a_megabyte_is_refused() {
    let (provider, app) = stage().await;
    let big = format!("token={}", "a".repeat(1 << 20));
    for path in MACHINES {
        refused(post(&provider, &app, path, Some(FORM), big.clone()).await, 413, "invalid_request").await;
    }
    for path in PAGES {
        stopped(post(&provider, &app, path, Some(FORM), big.clone()).await, 413).await;
    }
    let form = format!("access_token={}", "a".repeat(1 << 20));
    let request = provider.stranger().post(provider.url("/oauth2/userinfo")).header("Content-Type", FORM).body(form);
    refused(request.send().await.unwrap(), 413, "invalid_request").await;
}

#[tokio::test]
async fn a_body_of_another_kind_is_refused() {
    let (provider, app) = stage().await;
    for kind in [Some("application/json"), Some("text/plain"), Some("multipart/form-data; boundary=x"), Some("x"), None]
    {
        for path in MACHINES {
            refused(post(&provider, &app, path, kind, r#"{"token":"a"}"#).await, 415, "invalid_request").await;
        }
        for path in PAGES {
            stopped(post(&provider, &app, path, kind, r#"{"token":"a"}"#).await, 415).await;
        }
    }
    // Parameters of the media type change nothing.
    let response =
        post(&provider, &app, "/oauth2/revoke", Some("Application/X-WWW-Form-URLencoded; charset=UTF-8"), "token=a")
            .await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn methods_that_are_not_served_are_refused() {
    let (provider, _) = stage().await;
    for (path, wrong) in [
        ("/oauth2/token", &["GET", "PUT", "DELETE", "PATCH"][..]),
        ("/oauth2/introspect", &["GET", "PUT", "DELETE"]),
        ("/oauth2/revoke", &["GET", "PUT", "DELETE"]),
        ("/oauth2/userinfo", &["PUT", "DELETE", "PATCH"]),
        ("/oauth2/jwks", &["POST", "PUT", "DELETE"]),
        ("/.well-known/openid-configuration", &["POST", "PUT", "DELETE"]),
    ] {
        for method in wrong {
            let method: Method = method.parse().unwrap();
            let response = provider.stranger().request(method.clone(), provider.url(path)).send().await.unwrap();
            assert!(response.headers().contains_key("allow"), "{method} {path}");
            refused(response, 405, "invalid_request").await;
        }
    }
    for path in ["/oauth2/authorize", "/oauth2/authorize/continue", "/oauth2/logout", "/oauth2/logout/confirm"] {
        let response = provider.stranger().put(provider.url(path)).send().await.unwrap();
        stopped(response, 405).await;
    }
}

#[tokio::test]
async fn paths_that_are_not_there_are_refused_in_json() {
    let (provider, _) = stage().await;
    for path in ["/oauth2/nothing", "/oauth2/token/", "/.well-known/nothing"] {
        let response = provider.stranger().get(provider.url(path)).send().await.unwrap();
        assert_eq!(refusal(response).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn values_that_are_too_long_are_refused() {
    let (provider, app) = stage().await;
    let long = "s".repeat(2049);
    stopped(provider.stranger().get(app.authorize(&[("state", &long)])).send().await.unwrap(), 400).await;
    for name in ["nonce", "login_hint", "company"] {
        let response = provider.stranger().get(app.authorize(&[(name, &long)])).send().await.unwrap();
        let location = response.headers()["location"].to_str().unwrap();
        assert!(location.contains("error=invalid_request"), "{name}: {location}");
    }
    let longest = "s".repeat(2048);
    let response = provider.stranger().get(app.authorize(&[("state", &longest)])).send().await.unwrap();
    assert!(response.headers()["location"].to_str().unwrap().starts_with("/login"));
}

#[tokio::test]
async fn authorization_headers_that_cannot_be_read_are_refused() {
    let (provider, _) = stage().await;
    for header in [&b"Bearer \xff\xfe"[..], b"Bearer", b"Bearer ", b"Basic \xff", b"Pigeon x", b" "] {
        let value = reqwest::header::HeaderValue::from_bytes(header).unwrap();
        let request = provider.stranger().get(provider.url("/oauth2/userinfo")).header("Authorization", value.clone());
        refused(request.send().await.unwrap(), 401, "invalid_token").await;
        for path in MACHINES {
            let request = provider.stranger().post(provider.url(path)).header("Authorization", value.clone());
            refused(request.form(&[("token", "a")]).send().await.unwrap(), 401, "invalid_client").await;
        }
    }
}

#[tokio::test]
async fn tokens_made_of_rubbish_are_no_fault() {
    let (provider, app) = stage().await;
    let deep = format!("{}.e30.x", "eyJhbGciOiJSUzI1NiJ9".repeat(500));
    for token in ["..", "a.b.c", "e30.e30.e30", "eyJ0eXAiOjF9.e30.", &deep, "\u{1F511}"] {
        let request = provider.stranger().post(provider.url("/oauth2/userinfo")).form(&[("access_token", token)]);
        refused(request.send().await.unwrap(), 401, "invalid_token").await;
        let (status, said) = answer(app.post("/oauth2/introspect", &[("token", token)]).await).await;
        assert_eq!((status, &said["active"]), (200, &false.into()));
        assert_eq!(app.post("/oauth2/revoke", &[("token", token)]).await.status(), 200);
        assert_eq!(refusal(app.refresh(token).await).await, (400, "invalid_grant".to_owned()));
        assert_eq!(refusal(app.redeem(token).await).await, (400, "invalid_grant".to_owned()));
    }
}

/// The database takes no NUL, however well it is wrapped.
#[tokio::test]
async fn a_nul_inside_what_is_decoded_later_is_no_fault() {
    let (provider, app) = stage().await;
    let assertion = format!("e30.{}.x", B64.encode(r#"{"sub":"cli_a\u0000"}"#));
    for path in ["/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/par"] {
        let basic = provider.stranger().post(provider.url(path)).basic_auth("cli_a%00", Some("x"));
        refused(basic.form(&[("token", "a")]).send().await.unwrap(), 401, "invalid_client").await;
        let form = [
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ];
        let asserted = provider.stranger().post(provider.url(path)).form(&form);
        refused(asserted.send().await.unwrap(), 401, "invalid_client").await;
    }
    let provider = Provider::start_with(&[("DYNAMIC_REGISTRATION", "token")]).await;
    let known = provider.stranger().get(provider.url("/oauth2/register/cli_a%00")).bearer_auth("x");
    assert!((400..500).contains(&known.send().await.unwrap().status().as_u16()));
    for (name, value) in [
        ("claims", r#"{"userinfo":{"a\u0000":null}}"#),
        ("claims", r#"{"id_token":{"sub":{"value":"a\u0000"}}}"#),
        ("authorization_details", r#"[{"type":"a\u0000"}]"#),
    ] {
        let request = app.http.get(app.authorize(&[(name, value)]));
        let answer = request.send().await.unwrap();
        let location = answer.headers()["location"].to_str().unwrap();
        assert!(location.contains("error=invalid_"), "{name}: {location}");
    }
}

#[tokio::test]
async fn a_session_cookie_of_rubbish_is_no_session() {
    let (provider, app) = stage().await;
    for cookie in ["countersign=", "countersign=nonsense", "countersign=%00%ff", "countersign=AAAAAAAAAAAAAAAAAAAAAA"] {
        let request = provider.stranger().get(app.authorize(&[])).header("Cookie", cookie);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 303, "{cookie}");
        assert!(response.headers()["location"].to_str().unwrap().starts_with("/login?flow="), "{cookie}");
    }
}

#[tokio::test]
async fn a_page_to_go_on_to_is_a_path_of_ours_or_the_dashboard() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    for next in [
        "%2F%01",
        "%2F%7F",
        "%2F%C3%A9",
        "%2F%2Fevil.example",
        "https%3A%2F%2Fevil.example",
        "%2F%5Cevil.example",
        "%2F%09%2Fevil.example",
    ] {
        let page = browser.get(&format!("/login?next={next}")).await;
        assert!(page.status < 500, "{next}: {}", page.status);
        assert!(page.url.as_str().starts_with(&provider.base), "{next}: {}", page.url);
    }
}
