//! `/dashboard/clients`: the company's apps, for admins, and what everybody can open from `/dashboard`.

use countersign::model::role::Role;
use serde_json::json;

use crate::harness::app::{CALLBACK, registration};
use crate::harness::visitor::Form;
use crate::harness::{App, Page, Person, Provider, Visitor};

async fn stage() -> (Provider, Person, Visitor) {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    (provider, admin, browser)
}

fn filled(page: &Page, kind: &str, uris: &str) -> Form {
    page.form("#create").fill("client_name", "Voice Desk").fill("kind", kind).fill("redirect_uris", uris)
}

fn app(provider: &Provider, page: &Page) -> App {
    let secret = page.has("#secret").then(|| page.text_of("#secret"));
    App { id: page.text_of("#client-id"), secret, base: provider.base.clone(), http: provider.stranger() }
}

#[tokio::test]
async fn an_admin_registers_a_web_app_and_signs_in_with_what_the_page_says() {
    let (provider, _, browser) = stage().await;
    let list = browser.get("/dashboard/clients").await;
    assert!(list.has("nav a[href='/dashboard/clients'][aria-current]"));
    let made = browser.send(&filled(&list, "web", CALLBACK)).await;
    assert_eq!(made.status, 200, "{}", made.text());
    assert!(made.text().contains(&provider.base));
    let app = app(&provider, &made);
    let consent = browser.get(&app.authorize(&[])).await;
    let back = browser.send(&consent.form("#allow")).await;
    app.tokens(&app.code(&back)).await;
    // The secret is nowhere any more.
    let again = browser.get(&format!("/dashboard/clients/{}", app.id)).await;
    assert!(!again.has("#secret") && !again.html.contains(app.secret.as_ref().unwrap()));
    assert!(browser.get("/dashboard/clients").await.text_of("#clients").contains("Voice Desk"));
}

#[tokio::test]
async fn each_kind_is_registered_as_it_needs() {
    let (provider, _, browser) = stage().await;
    let list = browser.get("/dashboard/clients").await;
    let phone = browser.send(&filled(&list, "app", "com.example.desk:/callback\nhttps://desk.example/callback")).await;
    assert_eq!(phone.status, 200, "{}", phone.text());
    assert!(!phone.has("#secret") && !phone.has("#rotate"));
    assert!(phone.text().contains("Single-page or mobile app"));
    let service = browser.send(&filled(&list, "service", "")).await;
    let credentials = app(&provider, &service).token(&[("grant_type", "client_credentials")]).await;
    assert_eq!(credentials.status(), 200);
    for (kind, uris, field) in [
        ("web", "com.example.desk:/callback", "redirect_uris"),
        ("web", "", "redirect_uris"),
        ("web", "https://desk.example/#x", "redirect_uris"),
        ("app", "javascript:alert(1)", "redirect_uris"),
    ] {
        let refused = browser.send(&filled(&list, kind, uris)).await;
        assert_eq!(refused.status, 422, "{kind} {uris}");
        assert!(refused.has(&format!("#{field}[aria-invalid]")), "{kind} {uris}: {}", refused.text());
        // What was typed is still there.
        assert!(refused.has("#client_name[value='Voice Desk']"));
    }
    assert_eq!(browser.send(&filled(&list, "magic", CALLBACK)).await.status, 422);
    assert_eq!(browser.send(&filled(&list, "web", CALLBACK).without("csrf")).await.status, 403);
}

#[tokio::test]
async fn an_app_is_changed_gets_a_new_secret_is_switched_off_and_deleted() {
    let (provider, _, browser) = stage().await;
    let list = browser.get("/dashboard/clients").await;
    let made = browser.send(&filled(&list, "service", "")).await;
    let mut app = app(&provider, &made);
    let credentials = [("grant_type", "client_credentials")];
    let page = browser.send(&made.form("#save").fill("client_name", "Renamed")).await;
    assert_eq!(page.text_of("h1"), "Renamed");
    let bad = browser.send(&page.form("#save").fill("redirect_uris", "nonsense")).await;
    assert!(bad.status == 422 && bad.has("#redirect_uris[aria-invalid]"));
    let page = browser.send(&page.form("#rotate")).await;
    assert_eq!(app.token(&credentials).await.status(), 401);
    app.secret = Some(page.text_of("#secret"));
    assert_eq!(app.token(&credentials).await.status(), 200);
    let page = browser.send(&page.form("#off")).await;
    assert!(page.text_of("h1").contains("switched off"));
    assert_eq!(app.token(&credentials).await.status(), 401);
    let page = browser.send(&page.form("#on")).await;
    assert_eq!(app.token(&credentials).await.status(), 200);
    let list = browser.send(&page.form("#delete")).await;
    assert_eq!(list.path(), "/dashboard/clients");
    assert!(!list.text().contains("Renamed"));
    assert_eq!(app.token(&credentials).await.status(), 401);
    let trail = browser.get("/dashboard/events?action=client.").await;
    for said in ["An app was registered", "An app's registration was changed", "An app was deleted"] {
        assert!(trail.text_of("#lines").contains(said), "{said}");
    }
}

#[tokio::test]
async fn the_page_of_a_legacy_app_says_what_is_not_demanded() {
    let (provider, admin, browser) = stage().await;
    let sent = json!({ "client_name": "Assistant", "redirect_uris": [CALLBACK], "profile": "legacy" });
    let made = provider.api_of(&admin).await.post("/api/clients", sent).await.expect(201);
    let page = browser.get(&format!("/dashboard/clients/{}", made.text_of("client_id"))).await;
    assert!(page.text_of("#profile").contains("A refresh token is given without the scope offline_access"));
    assert!(browser.get("/dashboard/clients").await.text_of("#clients").contains("legacy"));
}

#[tokio::test]
async fn nobody_else_sees_or_changes_the_apps_of_a_company() {
    let (provider, admin, browser) = stage().await;
    let list = browser.get("/dashboard/clients").await;
    let made = browser.send(&filled(&list, "web", CALLBACK)).await;
    let place = format!("/dashboard/clients/{}", made.text_of("#client-id"));
    let (company, stranger) = provider.company("StartupXYZ").await;
    let user = provider.person(&company, Role::User, "user@startupxyz.com").await;
    let other = provider.visitor();
    other.sign_in(&stranger).await;
    let theirs = other.get("/dashboard/clients").await;
    assert!(!theirs.text().contains("Voice Desk"));
    assert_eq!(other.get(&place).await.status, 404);
    for action in ["save", "rotate", "off", "on", "delete"] {
        let mut form = theirs.form("#create").fill("client_name", "Mine").fill("action", action);
        form.action = provider.url(&place).parse().unwrap();
        assert_eq!(other.send(&form).await.status, 404, "{action}");
    }
    assert_eq!(browser.get(&place).await.text_of("h1"), "Voice Desk");
    let visitor = provider.visitor();
    visitor.sign_in(&user).await;
    assert_eq!(visitor.get("/dashboard/clients").await.status, 403);
    assert!(!visitor.get("/dashboard").await.has("nav a[href='/dashboard/clients']"));
    // Nor is one of the platform's own among them.
    let platforms = provider.app().await;
    assert_eq!(browser.get(&format!("/dashboard/clients/{}", platforms.id)).await.status, 404);
    drop(admin);
}

#[tokio::test]
async fn apps_that_say_where_a_sign_in_begins_can_be_opened_by_the_people_they_serve() {
    let (provider, _, browser) = stage().await;
    let (other, stranger) = provider.company("StartupXYZ").await;
    let starts = |uri: &str, owner| {
        let (mut client, secret) = registration(countersign::model::client::AuthMethod::SecretBasic, owner);
        client.metadata.initiate_login_uri = Some(uri.to_owned());
        (client, secret)
    };
    provider.register(starts("https://all.example/start?x=1", None)).await;
    provider.register(starts("https://theirs.example/start", Some(other.id))).await;
    let off = provider.register(starts("https://off.example/start", None)).await;
    provider.switch_off(&off.id).await;
    let page = browser.get("/dashboard").await;
    let iss: String = url::form_urlencoded::byte_serialize(provider.base.as_bytes()).collect();
    assert!(page.has(&format!("#starts a[href='https://all.example/start?x=1&iss={iss}']")), "{}", page.html);
    assert!(!page.html.contains("theirs.example") && !page.html.contains("off.example"));
    let visitor = provider.visitor();
    visitor.sign_in(&stranger).await;
    assert!(visitor.get("/dashboard").await.has("#starts a[href^='https://theirs.example/start?iss=']"));
}
