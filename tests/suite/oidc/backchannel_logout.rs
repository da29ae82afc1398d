//! Back-Channel Logout: whatever ends a login, the apps that it signed somebody in at are told, once, whoever is slow.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign::domain::manage;
use countersign::domain::oidc::backchannel_logout;
use countersign::job;
use countersign::model::client::{AuthMethod, Client, SubjectType};
use countersign::model::jose::SigningAlgorithm;
use countersign::model::role::Role;
use countersign::storage::client;
use josekit::jwk::Jwk;
use serde_json::{Value, json};
use time::Duration;

use crate::harness::app::{answer, claims, registration, text};
use crate::harness::database;
use crate::harness::receiver::{Heard, Receiver};
use crate::harness::{App, Company, Person, Provider, Visitor};

struct Stage {
    provider: Provider,
    receiver: Receiver,
    company: Company,
    admin: Person,
}

impl Stage {
    async fn new() -> Self {
        let receiver = Receiver::start();
        let provider = Provider::start_with(&receiver.settings()).await;
        let (company, admin) = provider.company("TechCorp").await;
        Self { provider, receiver, company, admin }
    }

    /// The same, with the jobs of a server running.
    async fn with_jobs() -> Self {
        let stage = Self::new().await;
        job::start(&stage.provider.house);
        stage
    }

    /// An app that wants to hear at this path.
    async fn app(&self, path: &str, change: impl FnOnce(&mut Client)) -> App {
        let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
        client.metadata.backchannel_logout_uri = Some(self.receiver.url(path));
        change(&mut client);
        self.provider.register((client, secret)).await
    }

    /// A fresh browser in which the admin is signed in, and what the app got there.
    async fn signed_in(&self, app: &App) -> (Visitor, Value) {
        let browser = self.provider.visitor();
        browser.sign_in(&self.admin).await;
        let tokens = app.tokens_with(&browser, &[]).await;
        (browser, tokens)
    }

    /// Signs out on our own page.
    async fn sign_out(&self, browser: &Visitor) {
        let page = browser.get("/logout").await;
        assert!(browser.send(&page.form("#logout")).await.text().contains("Signed out"));
    }

    /// Tries what is due, and waits for it. Answers how much that was.
    async fn deliver(&self) -> usize {
        let house = &self.provider.house;
        let due = backchannel_logout::take_due(house, &house.job("test")).await.unwrap();
        for one in &due {
            backchannel_logout::deliver(house, &house.job("test"), one).await.unwrap();
        }
        due.len()
    }

    /// The token in a request, verified with the published keys.
    async fn verified(&self, heard: &Heard) -> (Value, Value) {
        let token = heard.body.strip_prefix("logout_token=").unwrap();
        let header: Value = serde_json::from_slice(&B64.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
        let jwks =
            answer(self.provider.stranger().get(self.provider.url("/oauth2/jwks")).send().await.unwrap()).await.1;
        let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
        let algorithm = SigningAlgorithm::read(text(&header, "alg")).unwrap();
        let jwk = Jwk::from_map(key.as_object().unwrap().clone()).unwrap();
        let verifier = countersign::domain::keys::verifier(algorithm, &jwk).unwrap();
        josekit::jwt::decode_with_verifier(token, verifier.as_ref()).unwrap();
        (header, claims(token))
    }
}

fn sid(tokens: &Value) -> Value {
    claims(text(tokens, "id_token"))["sid"].clone()
}

fn sids(heard: &[Heard]) -> Vec<Value> {
    heard.iter().map(|heard| claims(heard.body.strip_prefix("logout_token=").unwrap())["sid"].clone()).collect()
}

#[tokio::test]
async fn an_app_is_told_in_a_token_that_says_which_login_ended() {
    let stage = Stage::with_jobs().await;
    let app = stage.app("/bye", |_| {}).await;
    let (browser, tokens) = stage.signed_in(&app).await;
    let id = claims(text(&tokens, "id_token"));
    stage.sign_out(&browser).await;
    let heard = stage.receiver.heard("/", 1).await.remove(0);
    // Behaviour 72.
    assert_eq!((heard.method.as_str(), heard.path.as_str()), ("POST", "/bye"));
    assert_eq!(heard.content_type.as_deref(), Some("application/x-www-form-urlencoded"));
    assert!(!heard.body.contains('&'), "{}", heard.body);
    let (header, said) = stage.verified(&heard).await;
    assert_eq!((&header["typ"], &header["alg"]), (&json!("logout+jwt"), &json!("RS256")));
    let now = stage.provider.house.clock.now().unix_timestamp();
    assert_eq!(said["iss"], stage.provider.base);
    assert_eq!(said["aud"], app.id);
    assert!((now - said["iat"].as_i64().unwrap()).abs() < 60);
    assert_eq!(said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap(), 120);
    assert!(text(&said, "jti").len() >= 22);
    assert_eq!(said["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    assert_eq!((&said["sub"], &said["sid"]), (&id["sub"], &id["sid"]));
    assert_eq!(said.as_object().unwrap().len(), 8, "no nonce and nothing else: {said}");
    // Once.
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(stage.receiver.so_far("/").len(), 1);
}

#[tokio::test]
async fn the_token_is_signed_as_the_apps_id_tokens_are_and_names_the_person_as_they_do() {
    let stage = Stage::new().await;
    let app = stage
        .app("/bye", |client| {
            client.metadata.id_token_signed_response_alg = SigningAlgorithm::Es256;
            client.metadata.subject_type = SubjectType::Pairwise;
        })
        .await;
    let (browser, tokens) = stage.signed_in(&app).await;
    stage.sign_out(&browser).await;
    assert_eq!(stage.deliver().await, 1);
    let (header, said) = stage.verified(&stage.receiver.heard("/", 1).await[0]).await;
    // Behaviour 72.
    assert_eq!(header["alg"], "ES256");
    assert_eq!(said["sub"], claims(text(&tokens, "id_token"))["sub"]);
    assert!(text(&said, "sub").starts_with("ppid_"));
}

#[tokio::test]
async fn whatever_ends_a_login_its_apps_are_told() {
    let stage = Stage::new().await;
    let (provider, house) = (&stage.provider, &stage.provider.house);
    let app = stage.app("/bye", |_| {}).await;
    let person = provider.person(&stage.company, Role::User, "pat@techcorp.com").await;
    let mut expected: Vec<Value> = Vec::new();
    for cause in ["hint", "elsewhere", "others", "password", "member", "disabled"] {
        let browser = provider.visitor();
        browser.sign_in(&person).await;
        let tokens = app.tokens_with(&browser, &[]).await;
        let cx = house.job("test");
        match cause {
            "hint" => {
                let hint = text(&tokens, "id_token");
                assert_eq!(browser.get(&format!("/oauth2/logout?id_token_hint={hint}")).await.status, 200);
            }
            "elsewhere" => {
                let api = provider.api_of(&person).await;
                let id = text(&claims(text(&tokens, "id_token")), "sid").to_owned();
                assert_eq!(api.delete(&format!("/api/sessions/{id}")).await.status, 204);
            }
            "others" => {
                let api = provider.api_of(&person).await;
                assert_eq!(api.delete("/api/sessions").await.status, 204);
            }
            "password" => {
                let api = provider.api_of(&person).await;
                let change = json!({ "current_password": person.password, "new_password": person.password });
                let done = api.post("/api/auth/change-password", change).await;
                assert!(done.status < 300, "{}", done.text);
            }
            "member" => {
                let api = provider.api_of(&stage.admin).await;
                let path = format!("/api/users/{}", person.id);
                assert_eq!(api.delete(&path).await.status, 204);
                assert_eq!(api.patch(&path, json!({ "active": true })).await.status, 200);
            }
            _ => manage::user::disable(house, &cx, person.id).await.unwrap(),
        }
        expected.push(sid(&tokens));
        assert_eq!(stage.deliver().await, 1, "{cause}");
        assert_eq!(sids(&stage.receiver.heard("/bye", expected.len()).await), expected, "{cause}");
    }
    assert_eq!(stage.deliver().await, 0);
}

#[tokio::test]
async fn an_app_that_is_shown_the_door_is_told() {
    let stage = Stage::new().await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, Some(stage.company.id));
    client.consent = countersign::model::client::ConsentRule::Ask;
    client.metadata.backchannel_logout_uri = Some(stage.receiver.url("/bye"));
    let app = stage.provider.register((client, secret)).await;
    let browser = stage.provider.visitor();
    browser.sign_in(&stage.admin).await;
    let page = browser.get(&app.authorize(&[])).await;
    let tokens = app.tokens(&app.code(&browser.send(&page.form("#allow")).await)).await;
    let gone = stage.provider.api_of(&stage.admin).await.delete(&format!("/api/apps/{}", app.id)).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    assert_eq!(stage.deliver().await, 1);
    assert_eq!(sids(&stage.receiver.so_far("/bye")), [sid(&tokens)]);
}

#[tokio::test]
async fn only_apps_of_this_login_that_want_to_hear_are_told() {
    let stage = Stage::new().await;
    let (app, elsewhere) = (stage.app("/bye", |_| {}).await, stage.app("/elsewhere", |_| {}).await);
    let deaf = stage.provider.app().await;
    let gone = stage.app("/gone", |_| {}).await;
    let (browser, tokens) = stage.signed_in(&app).await;
    deaf.tokens_with(&browser, &[]).await;
    gone.tokens_with(&browser, &[]).await;
    // Twice in one login is one app.
    app.tokens_with(&browser, &[]).await;
    stage.signed_in(&elsewhere).await;
    let mut off = client::read(&stage.provider.house.db, &gone.id).await.unwrap().unwrap();
    off.disabled_at = Some(stage.provider.house.clock.now());
    let mut tx = stage.provider.house.db.platform().await.unwrap();
    client::save_platform(&mut tx, &off, stage.provider.house.clock.now()).await.unwrap();
    tx.commit_unremarkable().await.unwrap();
    stage.sign_out(&browser).await;
    stage.deliver().await;
    assert_eq!(sids(&stage.receiver.so_far("/")), [sid(&tokens)]);
    assert_eq!(stage.deliver().await, 0);
}

#[tokio::test]
async fn an_app_whose_tokens_have_long_expired_is_told() {
    let stage = Stage::new().await;
    let app = stage.app("/bye", |_| {}).await;
    let browser = stage.provider.visitor();
    browser.sign_in(&stage.admin).await;
    let tokens = app.tokens_with(&browser, &[("scope", "openid")]).await;
    stage.provider.wait(Duration::hours(3));
    job::sweep_all(stage.provider.house.clone()).await.unwrap();
    stage.sign_out(&browser).await;
    assert_eq!(stage.deliver().await, 1);
    assert_eq!(sids(&stage.receiver.so_far("/bye")), [sid(&tokens)]);
}

#[tokio::test]
async fn a_login_that_a_later_one_took_the_place_of_ends_with_the_browsers_sign_out() {
    let stage = Stage::new().await;
    let app = stage.app("/bye", |_| {}).await;
    let (browser, first) = stage.signed_in(&app).await;
    let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
    let second = app.tokens(&app.code(&browser.enter_password(&page, &stage.admin).await)).await;
    assert_ne!(sid(&first), sid(&second));
    stage.sign_out(&browser).await;
    assert_eq!(stage.deliver().await, 2);
    let told = sids(&stage.receiver.so_far("/bye"));
    assert!(told.contains(&sid(&first)) && told.contains(&sid(&second)), "{told:?}");
}

#[tokio::test]
async fn a_receiver_that_fails_twice_gets_it_the_third_time() {
    let stage = Stage::with_jobs().await;
    let app = stage.app("/bye", |_| {}).await;
    let (browser, tokens) = stage.signed_in(&app).await;
    stage.receiver.fail(2);
    stage.sign_out(&browser).await;
    let heard = stage.receiver.heard("/bye", 3).await;
    assert_eq!(sids(&heard), vec![sid(&tokens); 3]);
    let jtis: std::collections::BTreeSet<_> = heard.iter().map(|heard| &heard.body).collect();
    assert_eq!(jtis.len(), 3, "signed when it is sent");
    tokio::time::sleep(std::time::Duration::from_secs(9)).await;
    assert_eq!(stage.receiver.so_far("/bye").len(), 3);
}

#[tokio::test]
async fn a_receiver_that_never_answers_slows_nobody() {
    let stage = Stage::with_jobs().await;
    let (silent, app) = (stage.app("/silent", |_| {}).await, stage.app("/bye", |_| {}).await);
    let mut browsers = Vec::new();
    for _ in 0..8 {
        let browser = stage.signed_in(&silent).await.0;
        browsers.push(browser);
    }
    app.tokens_with(&browsers[7], &[]).await;
    for browser in &browsers {
        let before = std::time::Instant::now();
        stage.sign_out(browser).await;
        assert!(before.elapsed() < std::time::Duration::from_secs(3));
    }
    let before = std::time::Instant::now();
    stage.receiver.heard("/bye", 1).await;
    assert!(before.elapsed() < std::time::Duration::from_secs(4), "{:?}", before.elapsed());
    assert!(!stage.receiver.so_far("/silent").is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let stage = Stage::new().await;
    let app = stage.app("/moved", |_| {}).await;
    let (browser, _) = stage.signed_in(&app).await;
    stage.sign_out(&browser).await;
    assert_eq!(stage.deliver().await, 1);
    assert_eq!((stage.receiver.so_far("/moved").len(), stage.receiver.so_far("/elsewhere").len()), (1, 0));
    stage.provider.wait(Duration::seconds(3));
    assert_eq!(stage.deliver().await, 1, "it is tried again");
}

#[tokio::test]
async fn two_nodes_tell_an_app_once() {
    let stage = Stage::with_jobs().await;
    let database::Fresh { name, app_url, superuser_url } = &stage.provider.database;
    let same = database::Fresh { name: name.clone(), app_url: app_url.clone(), superuser_url: superuser_url.clone() };
    let settings = [&stage.receiver.settings()[..], &[("ISSUER", stage.provider.base.as_str())]].concat();
    let second = Provider::start_on(same, &settings).await;
    job::start(&second.house);
    let app = stage.app("/bye", |_| {}).await;
    let mut expected = Vec::new();
    for _ in 0..6 {
        let (browser, tokens) = stage.signed_in(&app).await;
        stage.sign_out(&browser).await;
        expected.push(sid(&tokens));
    }
    stage.receiver.heard("/bye", expected.len()).await;
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    let mut heard = sids(&stage.receiver.so_far("/bye"));
    heard.sort_by_key(ToString::to_string);
    expected.sort_by_key(ToString::to_string);
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn what_a_node_took_before_it_died_another_sends() {
    let stage = Stage::new().await;
    let app = stage.app("/bye", |_| {}).await;
    let (browser, _) = stage.signed_in(&app).await;
    stage.sign_out(&browser).await;
    let house = &stage.provider.house;
    assert_eq!(backchannel_logout::take_due(house, &house.job("dies")).await.unwrap().len(), 1);
    assert_eq!(stage.deliver().await, 0, "another node has it");
    stage.provider.wait(Duration::seconds(31));
    assert_eq!(stage.deliver().await, 1);
    assert_eq!(stage.receiver.so_far("/bye").len(), 1);
}

#[tokio::test]
async fn what_no_app_takes_within_a_day_is_given_up_and_the_trail_says_so() {
    let stage = Stage::new().await;
    let app = stage.app("/bye", |_| {}).await;
    let (browser, _) = stage.signed_in(&app).await;
    stage.receiver.fail(usize::MAX);
    stage.sign_out(&browser).await;
    let mut tries = 0;
    for _ in 0..60 {
        tries += stage.deliver().await;
        stage.provider.wait(Duration::hours(1));
    }
    assert!((20..30).contains(&tries), "{tries}");
    assert_eq!(stage.provider.actions().await.iter().filter(|action| *action == "logout_notice.lost").count(), 1);
}

#[tokio::test]
async fn an_address_that_is_not_public_https_is_not_called() {
    let stage = Stage::new().await;
    for uri in ["http://localhost/bye", "https://10.0.0.1/bye", "nonsense"] {
        let app = stage.app("/bye", |client| client.metadata.backchannel_logout_uri = Some(uri.to_owned())).await;
        let (browser, _) = stage.signed_in(&app).await;
        stage.sign_out(&browser).await;
        assert_eq!(stage.deliver().await, 1);
    }
    assert!(stage.receiver.so_far("/").is_empty());
}

#[tokio::test]
async fn notices_that_nobody_comes_to_try_do_not_pile_up() {
    let stage = Stage::new().await;
    let app = stage.app("/bye", |_| {}).await;
    for (hours, told) in [(47, 1), (49, 0)] {
        let (browser, _) = stage.signed_in(&app).await;
        stage.sign_out(&browser).await;
        stage.provider.wait(Duration::hours(hours));
        job::sweep_all(stage.provider.house.clone()).await.unwrap();
        assert_eq!(stage.deliver().await, told);
    }
}
