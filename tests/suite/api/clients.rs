//! `/api/clients` and `/api/resources`: a company's own apps and APIs.

use countersign::model::role::Role;
use serde_json::{Value, json};

use crate::harness::api::{Answer, Api};
use crate::harness::app::{CALLBACK, claims, text};
use crate::harness::{App, Provider};

/// How old what another node remembers of a client may be.
const SEEN: time::Duration = time::Duration::seconds(2);

fn usual() -> Value {
    json!({ "client_name": "Voice Desk", "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"] })
}

async fn stage() -> (Provider, Api) {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let api = provider.api_of(&admin).await;
    (provider, api)
}

fn app(provider: &Provider, made: &Answer) -> App {
    let secret = made.body["client_secret"].as_str().map(str::to_owned);
    App { id: made.text_of("client_id"), secret, base: provider.base.clone(), http: provider.stranger() }
}

#[tokio::test]
async fn an_admin_registers_an_app_whose_secret_is_shown_once_and_which_asks_for_consent() {
    let (provider, api) = stage().await;
    let made = api.post("/api/clients", usual()).await.expect(201);
    let app = app(&provider, &made);
    let one = format!("/api/clients/{}", app.id);
    assert!(made.text_of("client_secret").len() >= 32);
    assert_eq!(made.body["response_types"], json!(["code"]));
    let shown = api.get(&one).await.expect(200);
    assert!(shown.body.get("client_secret").is_none());
    assert!(!shown.text.contains(app.secret.as_ref().unwrap()));
    assert_eq!(app.token(&[("grant_type", "client_credentials")]).await.status(), 200);
    let browser = provider.visitor();
    let login = browser.get(&app.authorize(&[])).await;
    let admin = crate::harness::api::known(&json!(api.get("/api/users/me").await.text_of("id")), "admin@techcorp.com");
    assert_eq!(browser.enter_password(&login, &admin).await.path(), "/login/consent");
    let trail = api.get("/api/audit?action=client.created").await.expect(200);
    assert_eq!(trail.each("client"), [app.id.as_str()]);
}

#[tokio::test]
async fn a_companys_app_cannot_skip_consent_nor_choose_its_owner_or_id() {
    let (_provider, api) = stage().await;
    let mut sent = usual();
    sent["skip_consent"] = json!(true);
    assert_eq!(api.post("/api/clients", sent.clone()).await.expect(422).flaws(), ["skip_consent"]);
    sent["skip_consent"] = json!(false);
    for (name, value) in
        [("client_id", json!("cli_demo_web")), ("company_id", json!(null)), ("origin", json!("document"))]
    {
        sent[name] = value;
    }
    let made = api.post("/api/clients", sent).await.expect(201);
    assert_ne!(made.text_of("client_id"), "cli_demo_web");
    assert_eq!(made.body["origin"], "own");
}

#[tokio::test]
async fn every_flaw_is_told_with_its_field() {
    let (_provider, api) = stage().await;
    let sent = json!({ "client_name": "x".repeat(200), "redirect_uris": ["https://app.example/#x"], "logo_uri": "http://x.example",
        "token_endpoint_auth_method": "magic" });
    let refused = api.post("/api/clients", sent).await.expect(422);
    assert_eq!(refused.flaws(), ["client_name", "logo_uri", "redirect_uris", "token_endpoint_auth_method"]);
    for odd in [json!([]), json!(null), json!("x"), json!(7)] {
        api.post("/api/clients", odd).await.expect(400);
    }
    for (field, odd) in [("profile", json!("lax")), ("profile", json!(7)), ("enabled", json!("yes"))] {
        let mut sent = usual();
        sent[field] = odd;
        assert_eq!(api.post("/api/clients", sent).await.expect(422).flaws(), [field]);
    }
    let mut sent = usual();
    sent["profile"] = json!("high");
    assert_eq!(api.post("/api/clients", sent).await.expect(422).flaws(), ["token_endpoint_auth_method"]);
}

#[tokio::test]
async fn what_is_left_out_stays_null_takes_away_and_the_secret_lives_on() {
    let (provider, api) = stage().await;
    let mut sent = usual();
    sent["policy_uri"] = json!("https://app.example/policy");
    let made = api.post("/api/clients", sent).await.expect(201);
    let app = app(&provider, &made);
    let one = format!("/api/clients/{}", app.id);
    let change =
        json!({ "client_name": "Renamed", "policy_uri": null, "initiate_login_uri": "https://app.example/start" });
    let changed = api.patch(&one, change).await.expect(200);
    assert_eq!((changed.text_of("client_name"), changed.body.get("policy_uri")), ("Renamed".to_owned(), None));
    assert_eq!(changed.body["redirect_uris"], json!([CALLBACK]));
    assert_eq!(changed.text_of("initiate_login_uri"), "https://app.example/start");
    assert!(changed.body.get("client_secret").is_none());
    assert_eq!(app.token(&[("grant_type", "client_credentials")]).await.status(), 200);
    let legacy = api.patch(&one, json!({ "profile": "legacy" })).await.expect(200);
    assert_eq!(legacy.text_of("profile"), "legacy");
}

#[tokio::test]
async fn a_new_secret_voids_the_old_one_and_a_switched_off_app_gets_nothing() {
    let (provider, api) = stage().await;
    let made = api.post("/api/clients", usual()).await.expect(201);
    let mut app = app(&provider, &made);
    let one = format!("/api/clients/{}", app.id);
    let credentials = [("grant_type", "client_credentials")];
    let renewed = api.post(&format!("{one}/rotate-secret"), json!({})).await.expect(200);
    provider.wait(SEEN);
    assert_eq!(app.token(&credentials).await.status(), 401);
    app.secret = Some(renewed.text_of("client_secret"));
    assert_eq!(app.token(&credentials).await.status(), 200);
    api.patch(&one, json!({ "enabled": false })).await.expect(200);
    provider.wait(SEEN);
    assert_eq!(app.token(&credentials).await.status(), 401);
    api.patch(&one, json!({ "client_name": "Still off" })).await.expect(200);
    provider.wait(SEEN);
    assert_eq!(app.token(&credentials).await.status(), 401);
    api.patch(&one, json!({ "enabled": true })).await.expect(200);
    provider.wait(SEEN);
    assert_eq!(app.token(&credentials).await.status(), 200);
    let mut public = usual();
    public["token_endpoint_auth_method"] = json!("none");
    public["grant_types"] = json!(["authorization_code"]);
    let public = api.post("/api/clients", public).await.expect(201);
    assert!(public.body.get("client_secret").is_none());
    api.post(&format!("/api/clients/{}/rotate-secret", public.text_of("client_id")), json!({})).await.expect(409);
    api.delete(&one).await.expect(204);
    api.get(&one).await.expect(404);
    api.delete(&one).await.expect(404);
    assert_eq!(app.token(&credentials).await.status(), 401);
}

#[tokio::test]
async fn the_list_goes_by_name_page_by_page() {
    let (_provider, api) = stage().await;
    for name in ["Delta desk", "Alpha", "Charlie", "Bravo two words", "Alpha"] {
        let mut sent = usual();
        sent["client_name"] = json!(name);
        api.post("/api/clients", sent).await.expect(201);
    }
    let mut names: Vec<String> = Vec::new();
    let mut path = "/api/clients?limit=2".to_owned();
    loop {
        let page = api.get(&path).await.expect(200);
        names.extend(page.each("client_name").iter().map(|name| (*name).to_owned()));
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        path = format!("/api/clients?limit=2&cursor={cursor}");
    }
    assert_eq!(names, ["Alpha", "Alpha", "Bravo two words", "Charlie", "Delta desk"]);
    api.get("/api/clients?limit=0").await.expect(422);
    api.get("/api/clients?cursor=nonsense").await.expect(400);
}

#[tokio::test]
async fn only_admins_see_apps() {
    let (provider, _) = stage().await;
    let (company, _) = provider.company("StartupXYZ").await;
    let manager = provider.person(&company, Role::Manager, "manager@startupxyz.com").await;
    let api = provider.api_of(&manager).await;
    api.get("/api/clients").await.expect(403);
    api.post("/api/clients", usual()).await.expect(403);
    api.get("/api/resources").await.expect(403);
}

#[tokio::test]
async fn tokens_are_given_for_a_resource_as_it_is_registered() {
    let (provider, api) = stage().await;
    let sent = json!({ "identifier": "https://calls.example/v1", "name": "Calls", "scopes": ["calls:read"], "token_lifetime_seconds": 60 });
    let made = api.post("/api/resources", sent.clone()).await.expect(201);
    let one = format!("/api/resources/{}", made.text_of("id"));
    api.post("/api/resources", sent).await.expect(409);
    let mut client = usual();
    client["scope"] = json!("openid calls:read");
    let app = app(&provider, &api.post("/api/clients", client).await.expect(201));
    let browser = provider.visitor();
    let login = browser.get("/login").await;
    let admin = crate::harness::api::known(&json!(api.get("/api/users/me").await.text_of("id")), "admin@techcorp.com");
    browser.enter_password(&login, &admin).await;
    let ask = [("resource", "https://calls.example/v1"), ("scope", "openid calls:read")];
    let page = browser.get(&app.authorize(&ask)).await;
    let tokens = app.tokens(&app.code(&browser.send(&page.form("#allow")).await)).await;
    assert_eq!(tokens["expires_in"], 60);
    let said = claims(text(&tokens, "access_token"));
    assert!(said["aud"].to_string().contains("https://calls.example/v1"), "{said}");
    let changed = api.patch(&one, json!({ "token_lifetime_seconds": null, "enabled": false })).await.expect(200);
    assert_eq!((&changed.body["token_lifetime_seconds"], &changed.body["enabled"]), (&Value::Null, &json!(false)));
    assert_eq!(browser.get(&app.authorize(&ask)).await.query("error").as_deref(), Some("invalid_target"));
    api.delete(&one).await.expect(204);
    api.get(&one).await.expect(404);
}

#[tokio::test]
async fn a_resource_is_never_one_of_ours() {
    let (provider, api) = stage().await;
    let base = &provider.base;
    let upper = base.replace("localhost", "LOCALHOST");
    for identifier in [
        format!("{base}/api"),
        base.clone(),
        format!("{base}/"),
        format!("{upper}/api"),
        "https://calls.example/#x".to_owned(),
        "http://calls.example".to_owned(),
        "javascript:alert(1)".to_owned(),
        "calls".to_owned(),
        String::new(),
        format!("https://calls.example/{}", "x".repeat(400)),
    ] {
        let refused = api.post("/api/resources", json!({ "identifier": identifier, "name": "X" })).await.expect(422);
        assert_eq!(refused.flaws(), ["identifier"], "{identifier}");
    }
    for (field, odd) in [
        ("scopes", json!(["openid"])),
        ("scopes", json!(["a b"])),
        ("token_lifetime_seconds", json!(5)),
        ("name", json!("")),
    ] {
        let mut sent = json!({ "identifier": "https://calls.example", "name": "X" });
        sent[field] = odd;
        assert_eq!(api.post("/api/resources", sent).await.expect(422).flaws(), [field]);
    }
}
