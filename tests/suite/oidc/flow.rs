//! Flows: one authorization request in one tab of one browser, from its first page to its one answer.

use futures_util::future::join_all;
use time::Duration;

use crate::harness::{App, Person, Provider, Visitor};

struct Stage {
    provider: Provider,
    admin: Person,
    browser: Visitor,
    app: App,
}

/// Nobody is signed in.
async fn stage() -> Stage {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    Stage { provider, admin, browser, app }
}

#[tokio::test]
async fn two_tabs_do_not_disturb_each_other() {
    let stage = stage().await;
    let first = stage.browser.get(&stage.app.authorize(&[("state", "one")])).await;
    let second = stage.browser.get(&stage.app.authorize(&[("state", "two")])).await;
    let back = stage.browser.enter_password(&first, &stage.admin).await;
    assert_eq!(back.query("state").as_deref(), Some("one"));
    stage.app.tokens(&stage.app.code(&back)).await;
    // The other tab's form is as old as the sign-in, and still good.
    let back = stage.browser.enter_password(&second, &stage.admin).await;
    assert_eq!(back.query("state").as_deref(), Some("two"));
    stage.app.tokens(&stage.app.code(&back)).await;
}

#[tokio::test]
async fn a_tab_that_was_left_behind_goes_on_as_who_signed_in_elsewhere() {
    let stage = stage().await;
    let waiting = stage.browser.get(&stage.app.authorize(&[])).await;
    stage.browser.sign_in(&stage.admin).await;
    let again = stage.browser.get(waiting.url.as_str()).await;
    let back = stage.browser.send(&again.form("#continue")).await;
    stage.app.tokens(&stage.app.code(&back)).await;
}

#[tokio::test]
async fn a_flow_of_another_browser_is_refused() {
    let stage = stage().await;
    let login = stage.browser.get(&stage.app.authorize(&[])).await;
    let thief = stage.provider.visitor();
    let page = thief.get(login.url.as_str()).await;
    assert_eq!((page.status, page.location()), (403, None));
    assert!(page.text().contains("begin again"), "{}", page.text());
    thief.sign_in(&stage.admin).await;
    let flow = login.query("flow").unwrap();
    for path in ["/oauth2/authorize/continue", "/login/company", "/login/consent"] {
        assert_eq!(thief.get(&format!("{path}?flow={flow}")).await.status, 403, "{path}");
    }
    // It is still good where it began.
    stage.app.code(&stage.browser.enter_password(&login, &stage.admin).await);
}

#[tokio::test]
async fn a_flow_gives_one_answer() {
    let stage = stage().await;
    let login = stage.browser.get(&stage.app.authorize(&[])).await;
    stage.app.code(&stage.browser.enter_password(&login, &stage.admin).await);
    let flow = login.query("flow").unwrap();
    let page = stage.browser.get(&format!("/oauth2/authorize/continue?flow={flow}")).await;
    assert_eq!((page.status, page.location()), (403, None));
    assert!(page.text().contains("go back to the app"), "{}", page.text());
}

#[tokio::test]
async fn of_twelve_that_go_on_at_one_moment_one_gets_the_answer() {
    let stage = stage().await;
    let flow = stage.browser.get(&stage.app.authorize(&[])).await.query("flow").unwrap();
    // Beside them somebody else's flow gets its answer.
    let neighbour = stage.provider.visitor();
    let beside = neighbour.get(&stage.app.authorize(&[])).await;
    stage.browser.sign_in(&stage.admin).await;
    neighbour.sign_in(&stage.admin).await;
    let path = format!("/oauth2/authorize/continue?flow={flow}");
    let other = format!("/oauth2/authorize/continue?flow={}", beside.query("flow").unwrap());
    let all = join_all((0..12).map(|_| stage.browser.get(&path)));
    let (all, other) = tokio::join!(all, neighbour.get(&other));
    stage.app.tokens(&stage.app.code(&other)).await;
    let (answered, refused): (Vec<_>, Vec<_>) = all.into_iter().partition(|page| page.query("code").is_some());
    assert_eq!((answered.len(), refused.len()), (1, 11));
    assert!(refused.iter().all(|page| page.status == 403 && page.text().contains("go back to the app")));
    for page in answered {
        stage.app.tokens(&stage.app.code(&page)).await;
    }
}

#[tokio::test]
async fn a_flow_waits_for_an_hour() {
    let stage = stage().await;
    let login = stage.browser.get(&stage.app.authorize(&[])).await;
    stage.provider.wait(Duration::minutes(50));
    assert_eq!(stage.browser.get(login.url.as_str()).await.status, 200);
    stage.provider.wait(Duration::minutes(11));
    let page = stage.browser.enter_password(&login, &stage.admin).await;
    assert_eq!((page.status, page.location()), (403, None));
}

#[tokio::test]
async fn a_client_that_is_switched_off_meanwhile_gets_no_answer() {
    let stage = stage().await;
    let login = stage.browser.get(&stage.app.authorize(&[])).await;
    stage.provider.switch_off(&stage.app.id).await;
    let page = stage.browser.enter_password(&login, &stage.admin).await;
    assert_eq!((page.status, page.location()), (403, None));
}

#[tokio::test]
async fn a_wrong_password_stays_in_the_flow() {
    let stage = stage().await;
    let login = stage.browser.get(&stage.app.authorize(&[])).await;
    let form = login.form("#login").fill("email", &stage.admin.email).fill("password", "wrong password");
    let again = stage.browser.send(&form).await;
    assert_eq!(again.status, 422);
    assert!(again.text().contains("Voice Desk"), "{}", again.text());
    stage.app.tokens(&stage.app.code(&stage.browser.enter_password(&again, &stage.admin).await)).await;
}

#[tokio::test]
async fn the_session_gets_another_name_at_every_sign_in() {
    let stage = stage().await;
    let login = stage.browser.get(&stage.app.authorize(&[])).await;
    let before = stage.browser.cookie().unwrap();
    stage.browser.enter_password(&login, &stage.admin).await;
    assert_ne!(stage.browser.cookie().unwrap(), before);
}

#[tokio::test]
async fn every_page_of_a_flow_lets_its_form_lead_back_to_the_app() {
    let stage = stage().await;
    let login = stage.browser.get(&stage.app.authorize(&[])).await;
    let policy = login.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(login.headers["cache-control"], "no-store");
    assert_eq!(login.headers["referrer-policy"], "no-referrer");
}

#[tokio::test]
async fn a_steps_page_without_its_flow_is_told_to_the_person() {
    let stage = stage().await;
    for path in ["/login?flow=nonsense", "/oauth2/authorize/continue?flow=nonsense"] {
        assert_eq!(stage.browser.get(path).await.status, 403, "{path}");
    }
    assert_eq!(stage.browser.get("/oauth2/authorize/continue").await.status, 400);
}
