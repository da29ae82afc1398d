//! RP-Initiated Logout: the login ends, and the browser goes back only where the app registered.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign::storage::login;
use serde_json::Value;
use time::Duration;

use crate::harness::app::{claims, text};
use crate::harness::{App, Page, Person, Provider, Visitor};

const BYE: &str = "https://app.example/bye";

struct Stage {
    provider: Provider,
    admin: Person,
    browser: Visitor,
    app: App,
    tokens: Value,
}

async fn stage() -> Stage {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let tokens = app.tokens_with(&browser, &[]).await;
    Stage { provider, admin, browser, app, tokens }
}

impl Stage {
    fn hint(&self) -> &str {
        text(&self.tokens, "id_token")
    }

    async fn logout(&self, params: &[(&str, &str)]) -> Page {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish();
        self.browser.get(&format!("/oauth2/logout?{query}")).await
    }

    async fn signed_in(&self) -> bool {
        let page = self.browser.get(&self.app.authorize(&[("prompt", "none")])).await;
        let error = page.query("error");
        assert!(error.is_none() || error.as_deref() == Some("login_required"), "{error:?}");
        error.is_none()
    }
}

#[tokio::test]
async fn with_a_hint_the_browser_goes_back_with_the_state_and_the_login_is_dead() {
    let stage = stage().await;
    let page =
        stage.logout(&[("id_token_hint", stage.hint()), ("post_logout_redirect_uri", BYE), ("state", "s-._~ &")]).await;
    // Behaviour 68.
    assert!(page.url.as_str().starts_with(BYE), "{}", page.url);
    let pairs: Vec<_> = page.url.query_pairs().into_owned().collect();
    assert_eq!(pairs, [("state".to_owned(), "s-._~ &".to_owned())]);
    assert!(!stage.signed_in().await);
    assert_eq!(stage.app.userinfo(text(&stage.tokens, "access_token")).await.status(), 401);
}

#[tokio::test]
async fn state_that_was_not_sent_does_not_come_back() {
    let stage = stage().await;
    let page = stage.logout(&[("id_token_hint", stage.hint()), ("post_logout_redirect_uri", BYE)]).await;
    // Behaviour 68.
    assert_eq!(page.url.as_str(), BYE);
}

#[tokio::test]
async fn an_id_token_that_has_expired_is_hint_enough() {
    let stage = stage().await;
    stage.provider.wait(Duration::minutes(40));
    let page = stage.logout(&[("id_token_hint", stage.hint()), ("post_logout_redirect_uri", BYE)]).await;
    assert_eq!(page.url.as_str(), BYE);
    assert!(!stage.signed_in().await);
}

#[tokio::test]
async fn a_uri_that_is_not_registered_is_never_followed() {
    let stage = stage().await;
    // Behaviour 69.
    for uri in ["https://app.example/bye?more=1", "https://app.example/bye/", "https://evil.example/", "nonsense"] {
        let page = stage.logout(&[("id_token_hint", stage.hint()), ("post_logout_redirect_uri", uri)]).await;
        assert_eq!((page.status, page.location()), (400, None), "{uri}");
    }
    assert!(stage.signed_in().await);
}

#[tokio::test]
async fn a_hint_that_we_did_not_sign_is_never_followed() {
    let stage = stage().await;
    let payload = stage.hint().split('.').nth(1).unwrap();
    let unsigned = format!("{}.{payload}.", B64.encode(r#"{"alg":"none","typ":"JWT"}"#));
    let hs256 = format!("{}.{payload}.{}", B64.encode(r#"{"alg":"HS256","typ":"JWT"}"#), B64.encode([7; 32]));
    // Behaviour 70.
    for hint in [unsigned.as_str(), &hs256, "nonsense", text(&stage.tokens, "access_token")] {
        let page = stage.logout(&[("id_token_hint", hint), ("post_logout_redirect_uri", BYE)]).await;
        assert_eq!((page.status, page.location()), (400, None), "{hint}");
    }
    assert!(stage.signed_in().await);
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked_and_a_page_says_that_they_are_signed_out() {
    // Behaviour 71.
    for params in [&[][..], &[("state", "lonely")][..]] {
        let stage = stage().await;
        let page = stage.logout(params).await;
        assert_eq!((page.status, page.location()), (200, None));
        assert!(stage.signed_in().await);
        let done = stage.browser.send(&page.form("#logout")).await;
        assert_eq!(done.status, 200);
        assert!(done.text().contains("Signed out"), "{}", done.text());
        assert!(!stage.signed_in().await);
    }
}

#[tokio::test]
async fn with_a_hint_and_no_uri_a_page_says_that_they_are_signed_out() {
    let stage = stage().await;
    let page = stage.logout(&[("id_token_hint", stage.hint())]).await;
    // Behaviour 71.
    assert_eq!((page.status, page.location()), (200, None));
    assert!(page.text().contains("Signed out"), "{}", page.text());
    assert!(!stage.signed_in().await);
}

#[tokio::test]
async fn a_client_id_alone_leads_back_once_the_person_has_agreed() {
    let stage = stage().await;
    let page = stage.logout(&[("client_id", &stage.app.id), ("post_logout_redirect_uri", BYE), ("state", "x")]).await;
    assert_eq!((page.status, page.location()), (200, None));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' https://app.example"), "{policy}");
    let back = stage.browser.send(&page.form("#logout")).await;
    assert_eq!(back.url.as_str(), "https://app.example/bye?state=x");
    assert!(!stage.signed_in().await);
}

#[tokio::test]
async fn client_id_and_hint_must_name_the_same_app() {
    let stage = stage().await;
    let other = stage.provider.app().await;
    let page = stage
        .logout(&[("client_id", &other.id), ("id_token_hint", stage.hint()), ("post_logout_redirect_uri", BYE)])
        .await;
    assert_eq!((page.status, page.location()), (400, None));
}

#[tokio::test]
async fn a_hint_for_somebody_else_asks_whoever_is_signed_in() {
    let stage = stage().await;
    let (_, other) = stage.provider.company("Rival").await;
    let browser = stage.provider.visitor();
    browser.sign_in(&other).await;
    let page = browser.get(&format!("/oauth2/logout?id_token_hint={}", stage.hint())).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains(&other.email), "{}", page.text());
    assert!(stage.signed_in().await);
}

#[tokio::test]
async fn a_form_posted_from_elsewhere_works_by_its_hint() {
    let stage = stage().await;
    // Browsers send no cookie of ours with it; the hint names the login.
    let stranger = stage.provider.stranger().post(stage.provider.url("/oauth2/logout"));
    let form = [("id_token_hint", stage.hint()), ("post_logout_redirect_uri", BYE), ("state", "p")];
    let response = stranger.form(&form).send().await.unwrap();
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["location"], "https://app.example/bye?state=p");
    assert!(!stage.signed_in().await);
}

#[tokio::test]
async fn nobody_is_signed_out_without_the_pages_own_form() {
    let stage = stage().await;
    let page = stage.logout(&[]).await;
    let forged = stage.browser.send(&page.form("#logout").without("csrf")).await;
    assert_eq!(forged.status, 403);
    assert!(stage.signed_in().await);
}

#[tokio::test]
async fn another_login_of_the_same_person_lives_on() {
    let stage = stage().await;
    let phone = stage.provider.visitor();
    phone.sign_in(&stage.admin).await;
    stage.logout(&[("id_token_hint", stage.hint())]).await;
    assert!(phone.get(&stage.app.authorize(&[("prompt", "none")])).await.query("code").is_some());
}

#[tokio::test]
async fn no_code_is_given_in_a_login_that_ends_at_the_same_moment() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let (app, browser) = (provider.app().await, provider.visitor());
    browser.sign_in(&admin).await;
    let tokens = app.tokens_with(&browser, &[]).await;
    let sid = claims(text(&tokens, "id_token"))["sid"].as_str().unwrap().parse().unwrap();
    // The sign-out is under way, and the request comes before it is through.
    let mut tx = provider.house.db.account(admin.id).await.unwrap();
    assert!(login::end(&mut tx, sid, provider.house.clock.now()).await.unwrap());
    let address = app.authorize(&[("prompt", "none")]);
    let (page, ()) = tokio::join!(browser.get(&address), async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        tx.commit_unremarkable().await.unwrap();
    });
    assert_eq!((page.query("error").as_deref(), page.query("code")), (Some("login_required"), None), "{}", page.url);
}
