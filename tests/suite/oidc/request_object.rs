//! Request objects (RFC 9101): signed by the client, or refused.

use countersign::model::client::AuthMethod;
use countersign::model::jose::SigningAlgorithm;
use serde_json::{Value, json};

use crate::harness::app::{CALLBACK, CHALLENGE, refusal, registration};
use crate::harness::publisher::{Answer, Publisher};
use crate::harness::signer::{Signer, jwks, unsigned};
use crate::harness::{App, Page, Provider, Visitor};

struct Stage {
    provider: Provider,
    app: App,
    signer: Signer,
    browser: Visitor,
}

async fn stage_with(algorithm: SigningAlgorithm) -> Stage {
    let provider = Provider::start().await;
    let (_, person) = provider.company("TechCorp").await;
    let signer = Signer::new(algorithm, "one");
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.jwks = Some(jwks(&[&signer]));
    let app = provider.register((client, secret)).await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    Stage { provider, app, signer, browser }
}

async fn stage() -> Stage {
    stage_with(SigningAlgorithm::Rs256).await
}

impl Stage {
    /// What the object says, with this member changed; null takes it away.
    fn claims(&self, name: &str, value: &Value) -> Value {
        let now = self.provider.house.clock.now().unix_timestamp();
        let mut claims = json!({
            "iss": self.app.id, "aud": self.provider.base, "iat": now, "nbf": now, "exp": now + 300, "jti": "one",
            "client_id": self.app.id, "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid email",
            "state": "inner-state", "nonce": "inner-nonce", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        });
        claims[name] = value.clone();
        claims
    }

    async fn open(&self, object: &str, more: &[(&str, &str)]) -> Page {
        let mut all = vec![("request", object), ("state", "outer-state"), ("nonce", "outer-nonce")];
        all.extend(more);
        self.browser.get(&self.app.authorize(&all)).await
    }

    async fn refused(&self, claims: &Value) -> String {
        let page = self.open(&self.signer.sign(claims), &[]).await;
        page.query("error").unwrap_or_else(|| panic!("no error in {} for {claims}", page.url))
    }
}

#[tokio::test]
async fn what_is_signed_wins_over_what_stands_beside_it() {
    for algorithm in SigningAlgorithm::ALL {
        let stage = stage_with(algorithm).await;
        let page = stage.open(&stage.signer.sign(&stage.claims("x", &Value::Null)), &[]).await;
        assert_eq!(page.query("state").as_deref(), Some("inner-state"), "{algorithm:?}");
        let tokens = stage.app.tokens(&stage.app.code(&page)).await;
        assert_eq!(crate::harness::app::claims(tokens["id_token"].as_str().unwrap())["nonce"], "inner-nonce");
        assert_eq!(tokens["scope"], "email openid");
    }
}

#[tokio::test]
async fn numbers_and_objects_inside_are_read_as_parameters() {
    let stage = stage().await;
    let mut claims = stage.claims("max_age", &json!(0));
    stage.provider.wait(time::Duration::minutes(1));
    let page = stage.open(&stage.signer.sign(&claims), &[]).await;
    assert_eq!(page.path(), "/login");
    claims = stage.claims("claims", &json!({ "id_token": { "email": null } }));
    let page = stage.open(&stage.signer.sign(&claims), &[]).await;
    let tokens = stage.app.tokens(&stage.app.code(&page)).await;
    assert!(crate::harness::app::claims(tokens["id_token"].as_str().unwrap())["email"].is_string());
}

#[tokio::test]
async fn an_unsigned_object_is_refused_and_never_ignored() {
    let stage = stage().await;
    // Behaviour 36.
    let page = stage.open(&unsigned(&stage.claims("x", &Value::Null)), &[]).await;
    assert_eq!(page.query("error").as_deref(), Some("request_not_supported"));
    assert_eq!(page.query("state").as_deref(), Some("outer-state"));
    assert!(page.query("code").is_none());
}

#[tokio::test]
async fn the_signed_redirect_uri_wins_and_a_bad_one_leads_nowhere() {
    let stage = stage().await;
    // Behaviour 37.
    let object = stage.signer.sign(&stage.claims("x", &Value::Null));
    stage.app.code(&stage.open(&object, &[("redirect_uri", "https://evil.example/")]).await);
    let object = stage.signer.sign(&stage.claims("redirect_uri", &json!("https://evil.example/")));
    let page = stage.open(&object, &[]).await;
    assert_eq!((page.status, page.url.host_str()), (400, Some("localhost")));
    let forged = Signer::new(SigningAlgorithm::Rs256, "one").sign(&stage.claims("x", &Value::Null));
    let page = stage.open(&forged, &[("redirect_uri", "https://evil.example/")]).await;
    assert_eq!((page.status, page.url.host_str()), (400, Some("localhost")));
}

#[tokio::test]
async fn an_object_of_somebody_else_or_for_somebody_else_is_refused() {
    let stage = stage().await;
    let now = stage.provider.house.clock.now().unix_timestamp();
    for (name, value) in [
        ("aud", json!("https://other.example")),
        ("aud", json!(["https://other.example"])),
        ("aud", json!(7)),
        ("iss", json!("cli_other")),
        ("iss", json!(null)),
        ("client_id", json!("cli_other")),
        ("sub", json!(stage.app.id)),
        ("exp", json!(now - 1)),
        ("exp", json!("soon")),
        ("nbf", json!(now + 60)),
        ("request", json!("another")),
        ("request_uri", json!("https://app.example/request")),
        ("response_type", json!("id_token")),
        ("state", json!("nul\u{0}")),
    ] {
        assert_eq!(stage.refused(&stage.claims(name, &value)).await, "invalid_request_object", "{name} {value}");
    }
    let stranger = Signer::new(SigningAlgorithm::Rs256, "one");
    let page = stage.open(&stranger.sign(&stage.claims("x", &Value::Null)), &[]).await;
    assert_eq!(page.query("error").as_deref(), Some("invalid_request_object"));
    for rubbish in ["x", "a.b.c", "e30.e30.", "....", &"a".repeat(5000)] {
        let page = stage.open(rubbish, &[]).await;
        assert_eq!(page.query("error").as_deref(), Some("invalid_request_object"), "{rubbish}");
    }
}

#[tokio::test]
async fn a_client_can_be_held_to_signing_and_to_one_algorithm() {
    let provider = Provider::start().await;
    let (_, person) = provider.company("TechCorp").await;
    let (right, wrong) = (Signer::new(SigningAlgorithm::Es256, "one"), Signer::new(SigningAlgorithm::Rs256, "two"));
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.jwks = Some(jwks(&[&right, &wrong]));
    client.metadata.require_signed_request_object = true;
    client.metadata.request_object_signing_alg = Some("ES256".to_owned());
    let app = provider.register((client, secret)).await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    let stage = Stage { provider, app, signer: right, browser };
    let page = stage.browser.get(&stage.app.authorize(&[])).await;
    assert_eq!(page.query("error").as_deref(), Some("invalid_request"));
    let page = stage.open(&wrong.sign(&stage.claims("x", &Value::Null)), &[]).await;
    assert_eq!(page.query("error").as_deref(), Some("invalid_request_object"));
    // What is not signed does not count: no prompt of the outer request.
    let object = stage.signer.sign(&stage.claims("x", &Value::Null));
    stage.app.code(&stage.open(&object, &[("prompt", "login")]).await);
    // Pushed alike.
    let refused = stage.app.post("/oauth2/par", &[("response_type", "code"), ("redirect_uri", CALLBACK)]).await;
    assert_eq!(refusal(refused).await, (400, "invalid_request".to_owned()));
    let pushed = stage.app.post("/oauth2/par", &[("request", &object)]).await;
    assert_eq!(pushed.status(), 201);
}

#[tokio::test]
async fn an_object_is_fetched_only_from_where_the_client_registered() {
    let stage = stage().await;
    // Behaviour 38.
    let request = stage.app.authorize(&[("request_uri", "https://app.example/request.jwt#random")]);
    assert_eq!(stage.browser.get(&request).await.query("error").as_deref(), Some("invalid_request_uri"));
    // A registered one on a network of ours is not called.
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.request_uris = vec!["https://127.0.0.1:1/request.jwt#random".to_owned()];
    let app = stage.provider.register((client, secret)).await;
    let request = app.authorize(&[("request_uri", "https://127.0.0.1:1/request.jwt#random")]);
    assert_eq!(stage.browser.get(&request).await.query("error").as_deref(), Some("invalid_request_uri"));
}

#[tokio::test]
async fn a_registered_place_is_asked_whatever_fragment_the_client_added() {
    let publisher = Publisher::start(Answer::Status(404));
    let provider = Provider::start_with(&publisher.settings()).await;
    let (_, person) = provider.company("TechCorp").await;
    let signer = Signer::new(SigningAlgorithm::Rs256, "one");
    let registered = format!("{}#random", publisher.url());
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.jwks = Some(jwks(&[&signer]));
    client.metadata.request_uris = vec![registered.clone()];
    let app = provider.register((client, secret)).await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    let stage = Stage { provider, app, signer, browser };
    let open = async || {
        let request = stage.app.authorize(&[("request_uri", &registered), ("state", "outer-state")]);
        stage.browser.get(&request).await
    };
    // Behaviours 38 and 67.
    publisher.publish(Answer::Text(stage.signer.sign(&stage.claims("x", &Value::Null))));
    assert_eq!(open().await.query("state").as_deref(), Some("inner-state"));
    publisher.publish(Answer::Text(unsigned(&stage.claims("x", &Value::Null))));
    assert_eq!(open().await.query("error").as_deref(), Some("request_uri_not_supported"));
    for answer in [Answer::Status(404), Answer::Bytes(300_000), Answer::Redirect(publisher.url())] {
        publisher.publish(answer);
        assert_eq!(open().await.query("error").as_deref(), Some("invalid_request_uri"));
    }
}

#[tokio::test]
async fn a_parameter_of_which_the_name_holds_a_nul_is_refused_where_it_is_pushed() {
    let stage = stage().await;
    let object = stage.signer.sign(&stage.claims("more\0", &json!("x")));
    let pushed = stage.app.post("/oauth2/par", &[("request", &object)]).await;
    assert_eq!(refusal(pushed).await, (400, "invalid_request_object".to_owned()));
}
