//! Session Management: an app's page asks our frame whether the login is still the one that it knows.

use std::net::SocketAddr;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign::model::client::AuthMethod;

use crate::harness::app::{CALLBACK, registration};
use crate::harness::browser::Browser;
use crate::harness::{Page, Provider, Visitor};

/// The value of the cookie that scripts may read.
fn browser_state(browser: &Visitor) -> Option<String> {
    let cookies = browser.cookie()?;
    cookies.split("; ").find_map(|pair| pair.strip_prefix("countersign-state=").map(str::to_owned))
}

/// Section 3.2, as an app's page computes it.
fn belongs(page: &Page, client: &str, state: &str) -> bool {
    let session_state = page.query("session_state").unwrap();
    let (hashed, salt) = session_state.split_once('.').unwrap();
    let text = format!("{client} https://app.example {state} {salt}");
    hashed == B64.encode(openssl::sha::sha256(text.as_bytes()))
}

#[tokio::test]
async fn an_answer_says_the_state_of_the_browsers_login() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (app, browser) = (provider.app().await, provider.visitor());
    let page = browser.get(&app.authorize(&[])).await;
    assert_eq!(browser_state(&browser), None);
    let page = browser.enter_password(&page, &admin).await;
    let first = browser_state(&browser).unwrap();
    // Behaviour 74.
    assert!(belongs(&page, &app.id, &first));
    assert!(!page.query("session_state").unwrap().contains(' '));
    let again = browser.get(&app.authorize(&[("prompt", "none")])).await;
    assert!(belongs(&again, &app.id, &first), "the same login");
    assert_ne!(page.query("session_state"), again.query("session_state"), "under another salt");
    // A new sign-in is another state, and none is none.
    let login = browser.get(&app.authorize(&[("prompt", "login")])).await;
    browser.enter_password(&login, &admin).await;
    let second = browser_state(&browser).unwrap();
    assert_ne!(first, second);
    browser.send(&browser.get("/logout").await.form("#logout")).await;
    assert_eq!(browser_state(&browser), None);
    let refused = browser.get(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!((refused.query("error").as_deref(), refused.query("session_state")), (Some("login_required"), None));
}

#[tokio::test]
async fn without_openid_there_is_no_session_state() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (app, browser) = (provider.app().await, provider.visitor());
    browser.sign_in(&admin).await;
    let page = browser.get(&app.authorize(&[("scope", "profile")])).await;
    assert!(page.url.as_str().starts_with(CALLBACK) && page.query("session_state").is_none(), "{}", page.url);
}

#[tokio::test]
async fn on_https_frames_of_other_sites_read_the_cookie_and_it_opens_nothing() {
    let settings = [("ISSUER", "https://id.example"), ("REQUIRE_VERIFIED_EMAIL", "false")];
    let provider = Provider::start_with(&settings).await;
    let (_, admin) = provider.company("TechCorp").await;
    let stranger = provider.stranger();
    let login = stranger.get(provider.url("/login")).send().await.unwrap();
    let session = login.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let csrf = login.text().await.unwrap();
    let csrf = csrf.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form = [("csrf", csrf.as_str()), ("email", &admin.email), ("password", &admin.password)];
    let signed_in = stranger.post(provider.url("/login")).header("cookie", session).form(&form).send().await.unwrap();
    assert_eq!(signed_in.status(), 303);
    let cookies: Vec<_> =
        signed_in.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    let state = cookies.iter().find(|cookie| cookie.starts_with("__Host-countersign-state=")).unwrap();
    assert!(state.ends_with("; Path=/; Secure; SameSite=None"), "{state}");
    let as_session = state.split(';').next().unwrap().replace("countersign-state", "countersign");
    let tried = stranger.get(provider.url("/dashboard")).header("cookie", as_session).send().await.unwrap();
    assert_eq!(tried.status(), 303);
}

#[tokio::test]
async fn anybody_may_frame_the_one_page_and_no_other() {
    let provider = Provider::start().await;
    let page = provider.visitor().get("/oauth2/check-session").await;
    assert_eq!(page.status, 200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("frame-ancestors"));
    assert!(!page.headers.contains_key("x-frame-options"));
    assert!(!page.headers.contains_key("set-cookie"));
    let other = provider.visitor().get("/logout").await;
    assert_eq!(other.headers["x-frame-options"], "DENY");
}

/// A page of an app at an origin of its own: asks the frame again and again, and shows what it says.
async fn app_page(frame: &str) -> String {
    let html = format!(
        r##"<!DOCTYPE html><title>App</title><p id="answer">waiting</p><p id="odd">waiting</p><iframe id="op" src="{frame}"></iframe>
        <script>
        const query = new URLSearchParams(location.search);
        const ask = (message) => document.querySelector("#op").contentWindow.postMessage(message, "{frame}");
        let asked = "#answer";
        addEventListener("message", (event) => {{
          if (event.origin !== new URL("{frame}").origin) return;
          document.querySelector(asked).textContent = event.data;
          asked = asked === "#answer" ? "#odd" : "#answer";
          setTimeout(() => ask(asked === "#answer" ? query.get("client") + " " + query.get("session_state") : "nonsense"), 50);
        }});
        addEventListener("load", () => ask(query.get("client") + " " + query.get("session_state")));
        </script>"##
    );
    serve(html).await
}

/// An origin with one page.
async fn serve(html: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().route("/callback", get(move || async move { Html(html) }));
    tokio::spawn(async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
    });
    format!("http://localhost:{port}/callback")
}

async fn says(browser: &Browser, css: &str, wanted: &str) {
    let mut said = String::new();
    for _ in 0..400 {
        said = browser.wait_for(css).await.text().await.unwrap_or_default();
        if said == wanted {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{css} says {said}, not {wanted}");
}

#[tokio::test]
async fn a_page_of_another_origin_sees_unchanged_and_after_the_sign_out_changed() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let callback = app_page(&provider.url("/oauth2/check-session")).await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    let callback = format!("{callback}?client={}", client.id);
    client.redirect_uris = vec![callback.clone()];
    let app = provider.register((client, secret)).await;
    let browser = Browser::open().await;
    browser.goto(app.authorize(&[("redirect_uri", &callback)])).await;
    browser.fill("#email", &admin.email).await;
    browser.fill("#password", &admin.password).await;
    browser.click("#login").await;
    // Behaviour 74.
    says(&browser, "#answer", "unchanged").await;
    says(&browser, "#odd", "error").await;
    let left = browser.new_tab().await;
    browser.goto(provider.url("/logout")).await;
    browser.click("#logout").await;
    browser.switch_to(left).await;
    says(&browser, "#answer", "changed").await;
    browser.new_tab().await;
    browser.goto(provider.url("/login")).await;
    browser.fill("#email", &admin.email).await;
    browser.fill("#password", &admin.password).await;
    browser.click("#login").await;
    browser.goto(app.authorize(&[("redirect_uri", &callback)])).await;
    says(&browser, "#answer", "unchanged").await;
}

#[tokio::test]
async fn a_stranger_does_not_learn_that_nobody_is_signed_in() {
    let provider = Provider::start().await;
    let frame = provider.url("/oauth2/check-session");
    // What would belong to no state at all can be computed by anybody.
    let page = serve(format!(
        r##"<!DOCTYPE html><title>Stranger</title><p id="answer">waiting</p><iframe id="op" src="{frame}"></iframe>
        <script>
        addEventListener("message", (event) => {{ document.querySelector("#answer").textContent = event.data; }});
        addEventListener("load", async () => {{
          const text = new TextEncoder().encode(`cli_x ${{location.origin}}  salt`);
          const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
          const hashed = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
          document.querySelector("#op").contentWindow.postMessage(`cli_x ${{hashed}}.salt`, "{frame}");
        }});
        </script>"##
    ))
    .await;
    let browser = Browser::open().await;
    browser.goto(page).await;
    says(&browser, "#answer", "changed").await;
}
