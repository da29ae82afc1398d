//! What every page carries, and what error pages say.

use crate::harness::Provider;

#[tokio::test]
async fn pages_carry_the_headers_that_browsers_hold_to() {
    let provider = Provider::start().await;
    let page = provider.visitor().get("/login").await;
    let header =
        |name: &str| page.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let policy = header("content-security-policy");
    for part in
        ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]
    {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    assert!(!policy.contains("unsafe-inline"));
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let cookie = header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
}

#[tokio::test]
async fn on_https_the_cookie_is_bound_to_the_host() {
    let provider = Provider::start_with(&[("ISSUER", "https://id.example")]).await;
    let response = provider.stranger().get(provider.url("/login")).send().await.unwrap();
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-countersign=") && cookie.contains("Secure") && cookie.contains("Path=/"),
        "{cookie}"
    );
    assert!(response.headers().contains_key("strict-transport-security"));
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_says_so() {
    let provider = Provider::start().await;
    let page = provider.visitor().get("/nothing/here").await;
    assert_eq!((page.status, page.text_of("h1")), (404, "Something went wrong: not found".to_owned()));
    assert_eq!(provider.visitor().get("/assets/nothing.css").await.status, 404);
}

#[tokio::test]
async fn hostile_forms_get_a_precise_answer_and_never_a_fault() {
    let provider = Provider::start().await;
    let long = format!("email={}", "a".repeat(1_000_000));
    let bodies: [(&str, Vec<u8>, u16); 5] = [
        ("application/x-www-form-urlencoded", b"email=%00&password=x".to_vec(), 400),
        ("application/x-www-form-urlencoded", b"email=%ff%fe&password=x".to_vec(), 400),
        ("application/x-www-form-urlencoded", b"email=%zz".to_vec(), 400),
        ("application/json", b"{}".to_vec(), 415),
        ("application/x-www-form-urlencoded", long.into_bytes(), 413),
    ];
    for path in [
        "/login",
        "/register",
        "/login/totp",
        "/forgot-password",
        "/reset-password",
        "/logout",
        "/verify-email",
        "/join",
    ] {
        for (kind, body, status) in &bodies {
            let request = provider.stranger().post(provider.url(path)).header("content-type", *kind).body(body.clone());
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), *status, "{path} {kind}");
            assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        }
    }
}

#[tokio::test]
async fn the_mail_of_development_is_not_there_where_mail_goes_out() {
    let provider =
        Provider::start_with(&[("SMTP_HOST", "127.0.0.1"), ("SMTP_FROM", "a@b.example"), ("SMTP_TLS", "none")]).await;
    assert_eq!(provider.visitor().get("/dev/mail").await.status, 404);
}
