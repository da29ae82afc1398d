//! ID tokens in the front channel, for clients whose registration asks for them; never an access token. And signed answers (JARM).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign::domain::keys::{self, Kind};
use countersign::model::client::AuthMethod;
use countersign::model::jose::SigningAlgorithm;
use serde_json::Value;

use crate::harness::app::{CALLBACK, claims, registration};
use crate::harness::{App, Page, Provider, Visitor};

struct Stage {
    provider: Provider,
    app: App,
    browser: Visitor,
}

async fn stage() -> Stage {
    let provider = Provider::start().await;
    let (_, person) = provider.company("TechCorp").await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.response_types = ["code", "id_token", "id_token code"].map(str::to_owned).to_vec();
    client.metadata.authorization_signed_response_alg = Some(SigningAlgorithm::Ps256);
    let app = provider.register((client, secret)).await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    Stage { provider, app, browser }
}

impl Stage {
    async fn open(&self, more: &[(&str, &str)]) -> Page {
        self.browser.get(&self.app.authorize(more)).await
    }
}

fn fragment(page: &Page, name: &str) -> Option<String> {
    let text = page.url.fragment().unwrap_or_default();
    url::form_urlencoded::parse(text.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

fn half(text: &str) -> String {
    B64.encode(&openssl::sha::sha256(text.as_bytes())[..16])
}

#[tokio::test]
async fn code_and_id_token_come_in_the_fragment_and_belong_together() {
    let stage = stage().await;
    for order in ["code id_token", "id_token code"] {
        let page = stage.open(&[("response_type", order)]).await;
        // Behaviour 22.
        assert_eq!(page.url.query(), None);
        assert!(page.url.as_str().starts_with(CALLBACK));
        let code = fragment(&page, "code").unwrap();
        let front = claims(&fragment(&page, "id_token").unwrap());
        // Behaviour 42.
        assert_eq!(front["c_hash"], half(&code));
        assert_eq!(front["s_hash"], half("a-state"));
        assert_eq!(front["nonce"], "a-nonce");
        assert!(front.get("at_hash").is_none());
        assert_eq!(fragment(&page, "iss"), Some(stage.provider.base.clone()));
        assert!(fragment(&page, "access_token").is_none());
        let tokens = stage.app.tokens(&code).await;
        let back = claims(tokens["id_token"].as_str().unwrap());
        // Behaviour 43.
        let userinfo: Value = stage.app.userinfo(tokens["access_token"].as_str().unwrap()).await.json().await.unwrap();
        assert_eq!((&front["sub"], &back["sub"]), (&userinfo["sub"], &userinfo["sub"]));
        assert_eq!(front["iss"], back["iss"]);
    }
}

#[tokio::test]
async fn an_id_token_alone_holds_what_the_scopes_ask_for() {
    let stage = stage().await;
    let page = stage.open(&[("response_type", "id_token"), ("scope", "openid email offline_access")]).await;
    let front = claims(&fragment(&page, "id_token").unwrap());
    // Behaviour 46, and 35 for the claims request.
    assert!(front["email"].is_string());
    assert!(front.get("name").is_none());
    assert!(front.get("c_hash").is_none());
    assert!(fragment(&page, "code").is_none());
    let wish = r#"{"userinfo":{"name":{"essential":true}},"id_token":{"nickname":null}}"#;
    let page = stage.open(&[("response_type", "id_token"), ("scope", "openid"), ("claims", wish)]).await;
    let front = claims(&fragment(&page, "id_token").unwrap());
    assert!(front["name"].is_string());
}

#[tokio::test]
async fn a_nonce_is_required_where_an_id_token_comes_from_the_authorization_endpoint() {
    let stage = stage().await;
    for kind in ["id_token", "code id_token"] {
        let page = stage.open(&[("response_type", kind), ("nonce", "")]).await;
        // Behaviour 21.
        assert_eq!(fragment(&page, "error").as_deref(), Some("invalid_request"), "{}", page.url);
        assert_eq!(fragment(&page, "state").as_deref(), Some("a-state"));
        assert_eq!(page.url.query(), None);
    }
}

#[tokio::test]
async fn an_id_token_never_stands_in_a_query() {
    let stage = stage().await;
    for mode in ["query", "query.jwt"] {
        let page = stage.open(&[("response_type", "id_token"), ("response_mode", mode)]).await;
        assert_eq!(page.url.query(), None);
        assert!(page.url.fragment().is_some(), "{}", page.url);
        assert!(fragment(&page, "id_token").is_none());
    }
    let page = stage.open(&[("response_type", "id_token"), ("response_mode", "form_post")]).await;
    assert!(page.form("#form-post").fields.iter().any(|(name, _)| name == "id_token"));
}

#[tokio::test]
async fn only_who_registered_for_it_gets_an_id_token_in_the_front_channel() {
    let stage = stage().await;
    let plain = stage.provider.app().await;
    for kind in ["id_token", "code id_token"] {
        let page = stage.browser.get(&plain.authorize(&[("response_type", kind)])).await;
        assert_eq!(fragment(&page, "error").as_deref(), Some("unauthorized_client"));
    }
    let page = stage.open(&[("response_type", "id_token"), ("scope", "email")]).await;
    assert_eq!(fragment(&page, "error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_code_alone_may_come_in_the_fragment() {
    let stage = stage().await;
    let page = stage.open(&[("response_mode", "fragment")]).await;
    assert_eq!(page.url.query(), None);
    stage.app.tokens(&fragment(&page, "code").unwrap()).await;
}

#[tokio::test]
async fn a_signed_answer_is_one_jwt_wherever_it_stands() {
    let stage = stage().await;
    for mode in ["jwt", "query.jwt", "fragment.jwt", "form_post.jwt"] {
        let page = stage.open(&[("response_mode", mode)]).await;
        let response = match mode {
            "fragment.jwt" => fragment(&page, "response"),
            "form_post.jwt" => {
                let fields = page.form("#form-post").fields;
                assert_eq!(fields.len(), 1);
                fields.into_iter().find(|(name, _)| name == "response").map(|(_, value)| value)
            }
            _ => page.query("response"),
        };
        let response = response.unwrap_or_else(|| panic!("{mode}: {}", page.url));
        let house = &stage.provider.house;
        let now = house.clock.now();
        let read = keys::verify_living(house, now, Kind::AuthorizationResponse, &response).await.unwrap().unwrap();
        let header: Value = serde_json::from_slice(&B64.decode(response.split('.').next().unwrap()).unwrap()).unwrap();
        assert_eq!(header["alg"], "PS256");
        assert_eq!((&read["aud"], &read["state"]), (&stage.app.id.clone().into(), &"a-state".into()));
        let beside = page.url.as_str().starts_with(CALLBACK).then(|| page.query("code").or(page.query("state")));
        assert_eq!(beside.flatten(), None, "{mode}");
        stage.app.tokens(read["code"].as_str().unwrap()).await;
    }
}

#[tokio::test]
async fn a_signed_answer_carries_refusals_and_id_tokens_too() {
    let stage = stage().await;
    let page = stage.open(&[("response_mode", "jwt"), ("prompt", "dance")]).await;
    assert_eq!(claims(&page.query("response").unwrap())["error"], "invalid_request");
    let page = stage.open(&[("response_mode", "jwt"), ("response_type", "code id_token")]).await;
    let said = claims(&fragment(&page, "response").unwrap());
    assert!(said["id_token"].is_string() && said["code"].is_string());
}

#[tokio::test]
async fn a_signed_answer_is_no_id_token_hint() {
    let stage = stage().await;
    let page = stage.open(&[("response_mode", "jwt")]).await;
    let response = page.query("response").unwrap();
    let page = stage.open(&[("id_token_hint", &response)]).await;
    assert_eq!(page.query("error").as_deref(), Some("invalid_request"));
}
