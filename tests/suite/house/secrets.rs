//! No secret stands in a log. The harness watches every line of the run; here stands that it would see one.

use crate::harness::app::text;
use crate::harness::secrets::{WATCH, Watch};
use crate::harness::{PASSWORD, Provider};

#[test]
fn a_secret_in_a_line_is_seen_whichever_comes_first() {
    let watch = Watch::default();
    assert_eq!(watch.note("correct horse battery"), None);
    assert_eq!(watch.line("{\"why\":\"correct horses\"}\n"), None);
    assert!(watch.line("{\"typed\":\"correct horse battery\"}\n").is_some());
    assert_eq!(watch.line("{\"token\":\"k7m2p-x4qrt\"}\n"), None);
    assert!(watch.note("k7m2p-x4qrt").unwrap().contains("token"));
    assert_eq!(watch.note("k7m2p-x4qru"), None);
    assert_eq!(watch.note("123456"), None);
    assert_eq!(watch.line("{\"nanos\":1234567,\"id\":\"a123456\"}\n"), None);
    assert!(watch.line("{\"code\":123456}\n").is_some());
    assert!(watch.note("1234567").is_none() && watch.line("{\"n\":654321}\n").is_none());
    assert!(watch.note("654321").is_some());
}

#[tokio::test]
async fn whatever_passes_the_harness_is_watched_for() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let authenticator = provider.second_factor(&admin).await;
    let app = provider.app().await;
    let browser = provider.visitor();
    let page = browser.sign_in(&admin).await;
    let code = authenticator.code(&provider);
    browser.send(&page.form("#verify").fill("code", &code)).await;
    let grant_code = app.code(&browser.get(&app.authorize(&[])).await);
    let tokens = app.tokens(&grant_code).await;
    app.userinfo(text(&tokens, "access_token")).await;
    let forgot = serde_json::json!({ "email": admin.email });
    provider.api().post("/api/auth/forgot-password", forgot).await.expect(204);
    let mailed = provider.mailed_token(&admin.email).await;
    let cookie = browser.cookie().unwrap();
    let cookie = cookie.split("countersign=").nth(1).unwrap().split(';').next().unwrap();
    let database = url::Url::parse(&provider.database.app_url).unwrap();
    for secret in [
        PASSWORD,
        &admin.email,
        &code,
        &grant_code,
        app.secret.as_deref().unwrap(),
        text(&tokens, "access_token"),
        text(&tokens, "refresh_token"),
        text(&tokens, "id_token"),
        &mailed,
        cookie,
        provider.house.settings.secret_key.reveal(),
        database.password().unwrap(),
        &authenticator.backup_codes[0],
    ] {
        assert!(WATCH.knows(secret), "nobody watches for {secret}");
    }
    tracing::info!("a line of this run is heard");
    assert!(WATCH.heard("a line of this run is heard"));
}
