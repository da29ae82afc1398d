//! `/oauth2/register`: clients that register themselves (RFC 7591) and manage that (RFC 7592).

use std::sync::Arc;

use countersign::domain::oidc::registration::token;
use countersign::model::client::Profile;
use countersign::model::id::CompanyId;
use countersign::storage::initial_access_token::Terms;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::harness::app::{CALLBACK, answer, claims, refusal, text};
use crate::harness::publisher::{Answer, Publisher};
use crate::harness::{App, Provider};

/// An initial access token.
async fn sesame(provider: &Provider, company: Option<CompanyId>, uses: Option<i32>) -> String {
    let terms = Terms { company, profile: Profile::Standard };
    let lasts = time::Duration::days(1);
    let made = token::create(&provider.house, &provider.house.job("test"), terms, uses, lasts).await;
    made.unwrap().reveal().to_owned()
}

async fn register(provider: &Provider, token: &str, sent: &Value) -> Response {
    let request = provider.stranger().post(provider.url("/oauth2/register")).json(sent);
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    request.send().await.unwrap()
}

/// What a relying party usually sends.
fn usual() -> Value {
    json!({
        "redirect_uris": [CALLBACK], "client_name": "Stranger's Desk",
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "client_secret_basic",
    })
}

fn with(more: &Value) -> Value {
    let mut sent = usual();
    sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    sent
}

/// Registers what must be accepted.
async fn registered(provider: &Provider, sent: &Value) -> Value {
    let (status, body) = answer(register(provider, &sesame(provider, None, None).await, sent).await).await;
    assert_eq!(status, 201, "{body}");
    body
}

async fn manage(provider: &Provider, method: Method, client: &Value, sent: Option<&Value>) -> Response {
    let place = text(client, "registration_client_uri");
    let request = provider.stranger().request(method, place).bearer_auth(text(client, "registration_access_token"));
    let request = if let Some(sent) = sent { request.json(sent) } else { request };
    request.send().await.unwrap()
}

fn app(provider: &Provider, client: &Value) -> App {
    let secret = client["client_secret"].as_str().map(str::to_owned);
    App { id: text(client, "client_id").to_owned(), secret, base: provider.base.clone(), http: provider.stranger() }
}

/// Behaviour 61.
#[tokio::test]
async fn a_client_registers_itself_and_signs_somebody_in_after_consent() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let sesame = sesame(&provider, None, None).await;
    let answered = register(&provider, &sesame, &usual()).await;
    assert_eq!(answered.status(), 201);
    // Behaviour 48.
    assert_eq!(answered.headers()["cache-control"], "no-store");
    let (_, client) = answer(answered).await;
    // Behaviour 53.
    assert!(text(&client, "client_secret").len() >= 32);
    assert_eq!(client["client_secret_expires_at"], 0);
    assert!(text(&client, "registration_client_uri").starts_with(&provider.base));
    assert!(text(&client, "registration_access_token").len() >= 32);
    for (name, value) in usual().as_object().unwrap() {
        assert_eq!(&client[name], value, "{name}");
    }
    assert_eq!(client["response_types"], json!(["code"]));
    assert_eq!(client["id_token_signed_response_alg"], "RS256");
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let app = app(&provider, &client);
    let consent = browser.get(&app.authorize(&[])).await;
    assert_eq!(consent.path(), "/login/consent");
    assert!(consent.text().contains("Allow Stranger's Desk?"));
    let tokens = app.tokens(&app.code(&browser.send(&consent.form("#allow")).await)).await;
    assert_eq!(claims(text(&tokens, "id_token"))["aud"], app.id.as_str());
    assert!(provider.events().await.contains(&"client.registered".to_owned()));
}

#[tokio::test]
async fn nobody_registers_without_a_good_token_where_one_is_needed() {
    let provider = Provider::start().await;
    let once = sesame(&provider, None, Some(1)).await;
    for token in ["", "nonsense", &"x".repeat(5000)] {
        let refused = register(&provider, token, &usual()).await;
        assert!(refused.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        assert_eq!(refusal(refused).await, (401, "invalid_token".to_owned()));
    }
    // What is refused uses nothing up.
    let bad = register(&provider, &once, &json!({})).await;
    assert_eq!(refusal(bad).await, (400, "invalid_redirect_uri".to_owned()));
    assert_eq!(register(&provider, &once, &usual()).await.status(), 201);
    assert_eq!(refusal(register(&provider, &once, &usual()).await).await.0, 401);
    let old = sesame(&provider, None, None).await;
    provider.wait(time::Duration::hours(25));
    assert_eq!(refusal(register(&provider, &old, &usual()).await).await.0, 401);
}

#[tokio::test]
async fn a_token_with_one_use_registers_one_client_however_many_come_at_once() {
    let provider = Provider::start().await;
    let once = sesame(&provider, None, Some(1)).await;
    let sent = usual();
    let all = futures_util::future::join_all((0..20).map(|_| register(&provider, &once, &sent))).await;
    let mut statuses: Vec<u16> = all.iter().map(|answer| answer.status().as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert!(statuses[1..].iter().all(|status| *status == 401), "{statuses:?}");
}

#[tokio::test]
async fn registration_is_off_where_the_operator_says_so() {
    let provider = Provider::start_with(&[("DYNAMIC_REGISTRATION", "off")]).await;
    let sesame = sesame(&provider, None, None).await;
    assert_eq!(register(&provider, &sesame, &usual()).await.status(), 404);
    let metadata = provider.api().get("/.well-known/openid-configuration").await.expect(200);
    assert!(metadata.body.get("registration_endpoint").is_none());
    let other = Provider::start().await;
    let metadata = other.api().get("/.well-known/openid-configuration").await.expect(200);
    assert_eq!(metadata.body["registration_endpoint"], format!("{}/oauth2/register", other.base));
}

#[tokio::test]
async fn where_everybody_may_register_one_address_is_slowed() {
    let provider = Provider::start_with(&[("DYNAMIC_REGISTRATION", "open")]).await;
    let mut made = 0;
    let slowed = loop {
        let answer = register(&provider, "", &usual()).await;
        if answer.status() != 201 || made > 60 {
            break answer;
        }
        made += 1;
    };
    assert!(made >= 20, "{made}");
    assert_eq!(slowed.status(), 429);
    assert!(slowed.headers().contains_key("retry-after"));
    // A wrong token is not as good as none.
    assert_eq!(refusal(register(&provider, "nonsense", &usual()).await).await.0, 401);
}

#[tokio::test]
async fn what_cannot_be_accepted_is_told_with_its_code() {
    let provider = Provider::start().await;
    let sesame = sesame(&provider, None, None).await;
    for (more, code) in [
        // Behaviour 63.
        (json!({ "redirect_uris": ["https://app.example/callback#x"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": ["javascript:alert(1)"] }), "invalid_redirect_uri"),
        (json!({ "redirect_uris": [] }), "invalid_redirect_uri"),
        // Behaviour 65.
        (json!({ "initiate_login_uri": "http://app.example/start" }), "invalid_client_metadata"),
        (json!({ "response_types": ["id_token token"] }), "invalid_client_metadata"),
        (json!({ "jwks": { "keys": [{ "kty": "oct", "k": "AAAA" }] } }), "invalid_client_metadata"),
        (json!({ "id_token_signed_response_alg": "none" }), "invalid_client_metadata"),
        (json!({ "client_name": "x".repeat(500) }), "invalid_client_metadata"),
        // It would speak for itself in every company.
        (json!({ "grant_types": ["authorization_code", "client_credentials"] }), "invalid_client_metadata"),
    ] {
        let refused = refusal(register(&provider, &sesame, &with(&more)).await).await;
        assert_eq!(refused, (400, code.to_owned()), "{more}");
    }
    let client = registered(&provider, &with(&json!({ "initiate_login_uri": "https://app.example/start" }))).await;
    assert_eq!(client["initiate_login_uri"], "https://app.example/start");
}

#[tokio::test]
async fn bodies_that_are_no_metadata_are_refused_and_none_is_a_fault() {
    let provider = Provider::start().await;
    let sesame = sesame(&provider, None, None).await;
    let send = |kind: &str, body: Vec<u8>| {
        let request = provider.stranger().post(provider.url("/oauth2/register")).bearer_auth(&sesame);
        request.header("Content-Type", kind).body(body).send()
    };
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(100_000));
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in
        ["", "{", "null", "[]", "\"x\"", "7", "{\"client_name\":\"\\u0000\"}", "{\"client_name\":\"\\ud800\"}", &deep]
    {
        let refused = refusal(send("application/json", body.into()).await.unwrap()).await;
        assert_eq!(refused, (400, "invalid_client_metadata".to_owned()), "{}", &body[..body.len().min(40)]);
    }
    assert_eq!(refusal(send("application/json", b"{\"x\":\"\xff\"}".to_vec()).await.unwrap()).await.0, 400);
    assert_eq!(send("application/json", huge.into()).await.unwrap().status(), 413);
    assert_eq!(send("text/plain", b"{}".to_vec()).await.unwrap().status(), 415);
    for name in
        ["redirect_uris", "client_name", "jwks", "scope", "contacts", "default_max_age", "jwks_uri", "grant_types"]
    {
        for odd in [json!(true), json!(-1), json!({}), json!([[]]), json!([null]), json!("\u{7f}")] {
            let status = register(&provider, &sesame, &with(&json!({ name: odd }))).await.status();
            assert_eq!(status, 400, "{name}: {odd}");
        }
    }
}

#[tokio::test]
async fn a_client_reads_replaces_and_deletes_its_registration() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let client = registered(&provider, &usual()).await;
    let (status, shown) = answer(manage(&provider, Method::GET, &client, None).await).await;
    assert_eq!((status, &shown["client_name"]), (200, &json!("Stranger's Desk")));
    assert_eq!(shown["registration_access_token"], client["registration_access_token"]);
    assert!(shown.get("client_secret").is_none());
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let app = app(&provider, &client);
    let allowed = browser.send(&browser.get(&app.authorize(&[])).await.form("#allow")).await;
    let tokens = app.tokens(&app.code(&allowed)).await;
    let change = with(
        &json!({ "client_id": app.id, "client_name": "Renamed", "redirect_uris": [CALLBACK, "https://app.example/2"] }),
    );
    let (status, replaced) = answer(manage(&provider, Method::PUT, &client, Some(&change)).await).await;
    assert_eq!(status, 200, "{replaced}");
    assert_eq!((&replaced["client_name"], replaced.get("client_secret")), (&json!("Renamed"), None));
    // What is left out has its default again; the secret still serves.
    assert_eq!(app.refresh(text(&tokens, "refresh_token")).await.status(), 200);
    assert_eq!(app.userinfo(text(&tokens, "access_token")).await.status(), 200);
    // Behaviour 62.
    let gone = manage(&provider, Method::DELETE, &client, None).await;
    assert_eq!(gone.status(), 204);
    assert_eq!(app.userinfo(text(&tokens, "access_token")).await.status(), 401);
    assert_eq!(refusal(app.refresh(text(&tokens, "refresh_token")).await).await, (401, "invalid_client".to_owned()));
    assert_eq!(browser.get(&app.authorize(&[])).await.status, 400);
    assert_eq!(refusal(manage(&provider, Method::GET, &client, None).await).await.0, 401);
    let said = provider.events().await;
    assert!(said.contains(&"client.changed".to_owned()) && said.contains(&"client.deleted".to_owned()));
}

#[tokio::test]
async fn another_clients_token_manages_nothing() {
    let provider = Provider::start().await;
    let (mine, theirs) = (registered(&provider, &usual()).await, registered(&provider, &usual()).await);
    let own = provider.app().await;
    let initial = sesame(&provider, None, None).await;
    for (id, token) in [
        (text(&theirs, "client_id"), text(&mine, "registration_access_token")),
        (text(&theirs, "client_id"), text(&theirs, "client_secret")),
        (text(&theirs, "client_id"), &initial),
        (text(&theirs, "client_id"), ""),
        (own.id.as_str(), text(&mine, "registration_access_token")),
        (own.id.as_str(), ""),
        ("cli_nobody", text(&mine, "registration_access_token")),
        ("%ff", text(&mine, "registration_access_token")),
    ] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let place = provider.url(&format!("/oauth2/register/{id}"));
            let request = provider.stranger().request(method.clone(), place).bearer_auth(token).json(&usual());
            let status = request.send().await.unwrap().status();
            assert!(status == 401 || (id == "%ff" && status == 404), "{method} {id}: {status}");
        }
    }
    assert_eq!(manage(&provider, Method::GET, &theirs, None).await.status(), 200);
}

#[tokio::test]
async fn a_replacement_names_its_client_and_its_secret_and_changes_no_other() {
    let provider = Provider::start().await;
    let (mine, theirs) = (registered(&provider, &usual()).await, registered(&provider, &usual()).await);
    let put = |more: Value| {
        let (provider, mine) = (&provider, &mine);
        async move { manage(provider, Method::PUT, mine, Some(&with(&more))).await }
    };
    for more in [
        json!({}),
        json!({ "client_id": theirs["client_id"] }),
        json!({ "client_id": 7 }),
        json!({ "client_id": mine["client_id"], "client_secret": theirs["client_secret"] }),
        json!({ "client_id": mine["client_id"], "client_secret": 7 }),
        json!({ "client_id": mine["client_id"], "logo_uri": "http://x.example" }),
    ] {
        assert_eq!(refusal(put(more.clone()).await).await, (400, "invalid_client_metadata".to_owned()), "{more}");
    }
    let both = json!({ "client_id": mine["client_id"], "client_secret": mine["client_secret"] });
    assert_eq!(put(both).await.status(), 200);
    // A method that needs the secret itself gets a new one; one that needs none takes it away.
    let jwt = json!({ "client_id": mine["client_id"], "token_endpoint_auth_method": "client_secret_jwt" });
    let (_, renewed) = answer(put(jwt).await).await;
    assert!(renewed["client_secret"].is_string() && renewed["client_secret"] != mine["client_secret"]);
    let mut conn = provider.database.superuser().await;
    let sealed: Option<Vec<u8>> = sqlx::query_scalar("select secret_sealed from client where id = $1")
        .bind(text(&mine, "client_id"))
        .fetch_one(&mut conn)
        .await
        .unwrap();
    let place = format!("client_secret/{}", text(&mine, "client_id"));
    let open = provider.house.sealer.open(&place, &sealed.unwrap()).unwrap();
    assert_eq!(open, text(&renewed, "client_secret").as_bytes());
    let public = json!({ "client_id": mine["client_id"], "token_endpoint_auth_method": "none" });
    let (status, shown) = answer(put(public).await).await;
    assert_eq!((status, shown.get("client_secret")), (200, None));
}

#[tokio::test]
async fn a_client_that_was_switched_off_cannot_switch_itself_on() {
    let provider = Provider::start().await;
    let client = registered(&provider, &usual()).await;
    provider.switch_off(text(&client, "client_id")).await;
    let change = with(&json!({ "client_id": client["client_id"] }));
    for (method, sent) in [(Method::GET, None), (Method::PUT, Some(&change)), (Method::DELETE, None)] {
        assert_eq!(manage(&provider, method, &client, sent).await.status(), 403);
    }
}

#[tokio::test]
async fn a_companys_token_registers_clients_of_that_company() {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let (_, stranger) = provider.company("StartupXYZ").await;
    let sesame = sesame(&provider, Some(company.id), None).await;
    let sent = with(&json!({ "grant_types": ["authorization_code", "client_credentials"] }));
    let (status, client) = answer(register(&provider, &sesame, &sent).await).await;
    assert_eq!(status, 201, "{client}");
    let app = app(&provider, &client);
    let (browser, other) = (provider.visitor(), provider.visitor());
    browser.sign_in(&admin).await;
    assert_eq!(browser.get(&app.authorize(&[])).await.path(), "/login/consent");
    other.sign_in(&stranger).await;
    assert_eq!(other.get(&app.authorize(&[])).await.query("error").as_deref(), Some("access_denied"));
    let (status, tokens) = answer(app.token(&[("grant_type", "client_credentials")]).await).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(claims(text(&tokens, "access_token"))["company_id"], company.id.to_string());
    let change = with(&json!({ "client_id": app.id }));
    assert_eq!(manage(&provider, Method::PUT, &client, Some(&change)).await.status(), 200);
    assert_eq!(manage(&provider, Method::DELETE, &client, None).await.status(), 204);
}

#[tokio::test]
async fn a_client_that_registered_itself_is_not_trusted_with_the_tokens_of_others() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let own = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let tokens = own.tokens_with(&browser, &[]).await;
    let stranger = app(&provider, &registered(&provider, &usual()).await);
    let asked = [("token", text(&tokens, "access_token"))];
    assert_eq!(answer(own.post("/oauth2/introspect", &asked).await).await.1["active"], true);
    assert_eq!(answer(stranger.post("/oauth2/introspect", &asked).await).await.1, json!({ "active": false }));
}

/// Behaviours 64 and 67.
#[tokio::test]
async fn a_sector_is_fetched_and_holds_every_redirect_uri() {
    let publisher = Publisher::start(Answer::Json(json!([CALLBACK, "https://other.example/callback"])));
    let provider = Provider::start_with(&publisher.settings()).await;
    let sesame = sesame(&provider, None, None).await;
    let sent = |uris: &[&str], sector: &str| {
        with(&json!({ "subject_type": "pairwise", "redirect_uris": uris, "sector_identifier_uri": sector }))
    };
    let both = [CALLBACK, "https://other.example/callback"];
    let good = register(&provider, &sesame, &sent(&both, &publisher.url())).await;
    assert_eq!(good.status(), 201);
    assert_eq!(publisher.asked(), 1);
    let missing = [CALLBACK, "https://third.example/callback"];
    let mut bad = vec![sent(&missing, &publisher.url())];
    // Without one, several hosts are several sectors; private addresses are not asked.
    bad.push(with(&json!({ "subject_type": "pairwise", "redirect_uris": both })));
    for address in ["https://10.0.0.1/", "https://169.254.169.254/latest", "https://[fc00::1]/", "http://localhost/"] {
        bad.push(sent(&both, address));
    }
    for sent in bad {
        let refused = refusal(register(&provider, &sesame, &sent).await).await;
        assert_eq!(refused, (400, "invalid_client_metadata".to_owned()), "{sent}");
    }
    for odd in [
        Answer::Json(json!({ "redirect_uris": both })),
        Answer::Json(json!([1])),
        Answer::Redirect("https://localhost/".into()),
        Answer::Status(404),
        Answer::Bytes(400_000),
    ] {
        publisher.publish(odd);
        let refused = refusal(register(&provider, &sesame, &sent(&both, &publisher.url())).await).await;
        assert_eq!(refused, (400, "invalid_client_metadata".to_owned()));
    }
}

/// Behaviour 66.
#[tokio::test]
async fn the_sign_in_and_consent_pages_show_the_clients_picture_policy_and_terms() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let looks = json!({ "logo_uri": "https://app.example/logo.png", "policy_uri": "https://app.example/policy",
        "tos_uri": "https://app.example/terms", "client_uri": "https://app.example" });
    let app = app(&provider, &registered(&provider, &with(&looks)).await);
    let browser = provider.visitor();
    let login = browser.get(&app.authorize(&[])).await;
    let consent = browser.enter_password(&login, &admin).await;
    assert_eq!((login.path(), consent.path()), ("/login", "/login/consent"));
    for page in [login, consent] {
        assert!(page.has("img[src='https://app.example/logo.png']"), "{}", page.html);
        assert!(page.has("a[href='https://app.example/policy']") && page.has("a[href='https://app.example/terms']"));
        assert!(page.text().contains("Stranger's Desk"));
    }
}

#[tokio::test]
async fn initial_access_tokens_that_are_over_are_swept() {
    let provider = Provider::start().await;
    let once = sesame(&provider, None, Some(1)).await;
    sesame(&provider, None, None).await;
    assert_eq!(register(&provider, &once, &usual()).await.status(), 201);
    let left = || async {
        let count = "select count(*) from initial_access_token";
        sqlx::query_scalar::<_, i64>(count).fetch_one(&mut provider.database.superuser().await).await.unwrap()
    };
    assert_eq!(left().await, 2);
    countersign::job::sweep_all(Arc::clone(&provider.house)).await.unwrap();
    assert_eq!(left().await, 1);
    provider.wait(time::Duration::days(3));
    countersign::job::sweep_all(Arc::clone(&provider.house)).await.unwrap();
    assert_eq!(left().await, 0);
}

#[tokio::test]
async fn who_registered_itself_is_known_to_people_by_where_it_leads() {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let app = app(&provider, &registered(&provider, &with(&json!({ "client_name": "Countersign Admin" }))).await);
    let page = browser.get(&app.authorize(&[])).await;
    assert_eq!(page.text_of("#client-returns-to"), "app.example");
    let sent = with(&json!({ "application_type": "native", "redirect_uris": ["com.evil.app://bank.example/cb"] }));
    let native = registered(&provider, &sent).await;
    let id = text(&native, "client_id");
    let page =
        browser.get(&app.authorize(&[("client_id", id), ("redirect_uri", "com.evil.app://bank.example/cb")])).await;
    assert_eq!(page.text_of("#client-returns-to"), "com.evil.app:");
}

#[tokio::test]
async fn a_scheme_of_an_apps_own_does_not_join_the_sector_of_a_host() {
    let provider = Provider::start().await;
    let sesame = sesame(&provider, None, None).await;
    let sent = with(&json!({ "application_type": "native", "subject_type": "pairwise",
        "redirect_uris": ["https://bank.example/cb", "com.evil.app://bank.example/cb"] }));
    assert_eq!(refusal(register(&provider, &sesame, &sent).await).await, (400, "invalid_client_metadata".to_owned()));
}
