//! Clients whose id is the address of a document that they publish (OAuth Client ID Metadata Document).

use serde_json::{Value, json};

use crate::harness::app::{CALLBACK, claims, text};
use crate::harness::publisher::{Answer, Publisher};
use crate::harness::{App, Page, Provider, Visitor};

struct Stage {
    publisher: Publisher,
    provider: Provider,
    browser: Visitor,
    app: App,
}

fn document(id: &str, more: &Value) -> Answer {
    let mut sent = json!({ "client_id": id, "client_name": "Travelling Desk", "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token"] });
    sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Answer::Json(sent)
}

/// A host that the operator named, and somebody who is signed in.
async fn stage() -> Stage {
    let publisher = Publisher::start(Answer::Status(404));
    let host = format!("localhost:{}", publisher.port);
    let [ca, loopback] = publisher.settings();
    let provider = Provider::start_with(&[ca, loopback, ("CLIENT_ID_METADATA_HOSTS", &host)]).await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let id = format!("https://{host}/client.json");
    let app = App { id, ..provider.public_app().await };
    app_publishes(&publisher, &app, &json!({}));
    Stage { publisher, provider, browser, app }
}

fn app_publishes(publisher: &Publisher, app: &App, more: &Value) {
    publisher.publish(document(&app.id, more));
}

impl Stage {
    async fn open(&self) -> Page {
        self.browser.get(&self.app.authorize(&[])).await
    }
}

#[tokio::test]
async fn a_published_document_is_a_client_whose_host_people_see() {
    let stage = stage().await;
    let metadata = stage.provider.api().get("/.well-known/openid-configuration").await.expect(200);
    assert_eq!(metadata.body["client_id_metadata_document_supported"], true);
    let consent = stage.open().await;
    assert_eq!(consent.path(), "/login/consent", "{}", consent.text());
    assert_eq!(consent.text_of("#client-host"), format!("localhost:{}", stage.publisher.port));
    assert!(consent.text().contains("Travelling Desk"));
    let tokens = stage.app.tokens(&stage.app.code(&stage.browser.send(&consent.form("#allow")).await)).await;
    assert_eq!(claims(text(&tokens, "id_token"))["aud"], stage.app.id.as_str());
    assert_eq!(stage.app.refresh(text(&tokens, "refresh_token")).await.status(), 200);
    let apps = stage.browser.get("/dashboard").await;
    assert!(apps.text_of("#apps").contains("Travelling Desk"));
    assert_eq!(stage.publisher.asked(), 1);
}

#[tokio::test]
async fn a_document_is_read_again_after_a_while_and_the_known_one_serves_where_that_fails() {
    let stage = stage().await;
    stage.open().await;
    app_publishes(&stage.publisher, &stage.app, &json!({ "client_name": "Renamed" }));
    assert!(stage.open().await.text().contains("Travelling Desk"));
    assert_eq!(stage.publisher.asked(), 1);
    stage.provider.wait(time::Duration::minutes(16));
    assert!(stage.open().await.text().contains("Renamed"));
    assert_eq!(stage.publisher.asked(), 2);
    stage.provider.wait(time::Duration::minutes(16));
    stage.publisher.publish(Answer::Status(500));
    for _ in 0..3 {
        assert!(stage.open().await.text().contains("Renamed"));
    }
    // A host that does not answer rests for a minute.
    assert_eq!(stage.publisher.asked(), 3);
    stage.provider.wait(time::Duration::hours(25));
    assert_eq!(stage.open().await.status, 400);
}

#[tokio::test]
async fn a_document_that_says_what_it_must_not_is_no_client() {
    let stage = stage().await;
    for more in [
        json!({ "client_id": "https://other.example/client.json" }),
        json!({ "client_id": null }),
        json!({ "client_secret": "sesame" }),
        json!({ "client_secret_expires_at": 0 }),
        json!({ "token_endpoint_auth_method": "client_secret_basic" }),
        json!({ "token_endpoint_auth_method": "client_secret_jwt" }),
        json!({ "token_endpoint_auth_method": "private_key_jwt" }),
        json!({ "grant_types": ["authorization_code", "client_credentials"] }),
        json!({ "redirect_uris": ["javascript:alert(1)"] }),
        json!({ "redirect_uris": 7 }),
    ] {
        app_publishes(&stage.publisher, &stage.app, &more);
        let page = stage.open().await;
        assert_eq!((page.status, page.location()), (400, None), "{more}: {}", page.text());
        assert!(page.text().contains("Something went wrong: invalid_request"), "{}", page.text());
    }
    for odd in [
        Answer::Json(json!([])),
        Answer::Bytes(10),
        Answer::Bytes(400_000),
        Answer::Redirect(stage.publisher.url()),
        Answer::Status(404),
    ] {
        stage.publisher.publish(odd);
        assert_eq!(stage.open().await.status, 400);
    }
    // Nothing of that was kept.
    app_publishes(&stage.publisher, &stage.app, &json!({}));
    assert_eq!(stage.open().await.path(), "/login/consent");
}

#[tokio::test]
async fn only_plain_addresses_of_named_hosts_are_asked() {
    let stage = stage().await;
    let place = format!("localhost:{}", stage.publisher.port);
    for id in [
        format!("https://127.0.0.1:{}/client.json", stage.publisher.port),
        format!("http://{place}/client.json"),
        format!("https://{place}/"),
        format!("https://{place}"),
        format!("https://{place}/client.json#x"),
        format!("https://user@{place}/client.json"),
        format!("https://{place}/a/../client.json"),
        format!("https://{place}/%2e%2e/client.json"),
        "https://10.0.0.1/client.json".to_owned(),
        "https://other.example/client.json".to_owned(),
        format!("https://other.example/?{place}/client.json"),
    ] {
        stage.publisher.publish(document(&id, &json!({})));
        let page = stage.browser.get(&App { id: id.clone(), ..stage.app.clone() }.authorize(&[])).await;
        assert_eq!(page.status, 400, "{id}");
    }
    assert_eq!(stage.publisher.asked(), 0);
    let other = Provider::start().await;
    let metadata = other.api().get("/.well-known/openid-configuration").await.expect(200);
    assert_eq!(metadata.body["client_id_metadata_document_supported"], false);
}

#[tokio::test]
async fn a_redirect_uri_that_left_the_document_is_no_longer_good_and_a_client_switched_off_stays_off() {
    let stage = stage().await;
    assert_eq!(stage.open().await.path(), "/login/consent");
    app_publishes(&stage.publisher, &stage.app, &json!({ "redirect_uris": ["https://elsewhere.example/callback"] }));
    stage.provider.wait(time::Duration::minutes(16));
    assert_eq!(stage.open().await.status, 400);
    app_publishes(&stage.publisher, &stage.app, &json!({}));
    stage.provider.switch_off(&stage.app.id).await;
    stage.provider.wait(time::Duration::minutes(16));
    assert_eq!(stage.open().await.status, 400);
    assert_eq!(stage.publisher.asked(), 2);
}

#[tokio::test]
async fn documents_that_nobody_uses_are_swept() {
    let stage = stage().await;
    stage.open().await;
    let count = || async {
        let count = "select count(*) from client where origin = 'document'";
        sqlx::query_scalar::<_, i64>(count).fetch_one(&mut stage.provider.database.superuser().await).await.unwrap()
    };
    let sweep = || countersign::job::sweep_all(std::sync::Arc::clone(&stage.provider.house));
    sweep().await.unwrap();
    assert_eq!(count().await, 1);
    stage.provider.wait(time::Duration::days(31));
    sweep().await.unwrap();
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn a_client_that_is_switched_off_while_its_host_takes_its_time_stays_off() {
    let stage = stage().await;
    stage.open().await;
    stage.provider.wait(time::Duration::minutes(16));
    app_publishes(&stage.publisher, &stage.app, &json!({ "client_name": "Renamed" }));
    stage.publisher.hold();
    let switched_off = async {
        while stage.publisher.asked() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        stage.provider.switch_off(&stage.app.id).await;
        stage.publisher.release();
    };
    let (page, ()) = tokio::join!(stage.open(), switched_off);
    assert_eq!(page.status, 400, "{}", page.text());
    assert_eq!(stage.open().await.status, 400);
}

#[tokio::test]
async fn whoever_makes_addresses_up_is_slowed() {
    let stage = stage().await;
    stage.publisher.publish(Answer::Status(404));
    let mut last = 0;
    for number in 0..40 {
        let made_up = stage.app.id.replace("client.json", &format!("{number}.json"));
        last = stage.browser.get(&stage.app.authorize(&[("client_id", &made_up)])).await.status;
    }
    assert_eq!(last, 429);
    assert!(stage.publisher.asked() < 30, "{}", stage.publisher.asked());
}
