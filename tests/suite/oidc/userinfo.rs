//! The userinfo endpoint: what the bearer of a person's token learns, and who learns nothing.

use std::collections::BTreeMap;

use countersign::domain::keys::{self, Kind};
use countersign::domain::person::profile::{self, CLAIMS, Changes};
use countersign::model::jose::SigningAlgorithm;
use countersign::model::role::Role;
use serde_json::{Value, json};
use time::Duration;

use crate::harness::app::{answer, claims, refusal, text};
use crate::harness::{App, Company, Person, Provider};

struct Stage {
    provider: Provider,
    company: Company,
    admin: Person,
    app: App,
    tokens: Value,
}

const ALL: (&str, &str) = ("scope", "openid profile email phone address company");

async fn stage(more: &[(&str, &str)]) -> Stage {
    let provider = Provider::start().await;
    let (company, admin) = provider.company("TechCorp").await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    let tokens = app.tokens_with(&browser, more).await;
    Stage { provider, company, admin, app, tokens }
}

impl Stage {
    fn token(&self) -> &str {
        text(&self.tokens, "access_token")
    }

    async fn info(&self) -> Value {
        let (status, info) = answer(self.app.userinfo(self.token()).await).await;
        assert_eq!(status, 200, "{info}");
        info
    }

    async fn refused(&self, token: &str) {
        let response = self.app.userinfo(token).await;
        let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(challenge.starts_with("Bearer") && challenge.contains("invalid_token"), "{challenge}");
        assert_eq!(refusal(response).await, (401, "invalid_token".to_owned()));
    }

    fn post(&self) -> reqwest::RequestBuilder {
        self.app.http.post(self.provider.url("/oauth2/userinfo"))
    }
}

#[tokio::test]
async fn the_token_comes_in_the_header_of_a_get_or_a_post_or_in_a_form() {
    let stage = stage(&[]).await;
    // Behaviour 58; behaviour 85 for the case of the scheme.
    let get = stage.app.http.get(stage.provider.url("/oauth2/userinfo"));
    for request in [
        get.header("Authorization", format!("bearer {}", stage.token())),
        stage.post().bearer_auth(stage.token()),
        stage.post().form(&[("access_token", stage.token())]),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(answer(response).await.1["sub"], stage.admin.id.to_string());
    }
}

#[tokio::test]
async fn the_token_never_comes_in_the_query_nor_twice() {
    let stage = stage(&[]).await;
    let url = stage.provider.url(&format!("/oauth2/userinfo?access_token={}", stage.token()));
    // Behaviour 85.
    assert_eq!(refusal(stage.app.http.get(url).send().await.unwrap()).await.0, 401);
    let twice = stage.post().bearer_auth(stage.token()).form(&[("access_token", stage.token())]);
    assert_eq!(refusal(twice.send().await.unwrap()).await, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a_full_profile_has_every_claim_in_its_type() {
    let stage = stage(&[ALL]).await;
    let values = [
        "Ada",
        "Admin",
        "Byron",
        "Countess",
        "ada",
        "https://ada.example/",
        "https://ada.example/me.png",
        "https://blog.example/",
        "female",
        "1815-12-10",
        "Europe/London",
        "en-GB",
        "+442071234567",
    ];
    let changes = Changes {
        name: Some("Ada Byron Admin".to_owned()),
        claims: CLAIMS.into_iter().zip(values.map(str::to_owned)).collect(),
        address: Some(BTreeMap::from([("locality", "London".to_owned()), ("country", "UK".to_owned())])),
    };
    let house = &stage.provider.house;
    profile::change(house, &house.job("test"), stage.admin.id, &changes).await.unwrap();
    let info = stage.info().await;
    // Behaviour 59.
    assert_eq!(info["name"], "Ada Byron Admin");
    for (name, value) in CLAIMS.into_iter().zip(values) {
        assert_eq!(info[name], value, "{name}");
    }
    assert!(info["updated_at"].is_i64());
    assert_eq!(info["email"], stage.admin.email);
    assert_eq!(info["email_verified"], true);
    assert_eq!(info["phone_number_verified"], false);
    assert_eq!(info["address"], json!({ "locality": "London", "country": "UK" }));
}

#[tokio::test]
async fn what_nobody_filled_in_is_left_out() {
    let stage = stage(&[ALL]).await;
    // Behaviour 59.
    for (name, value) in stage.info().await.as_object().unwrap() {
        assert!(!value.is_null() && value != "" && value != "null", "{name} is {value}");
    }
}

#[tokio::test]
async fn each_scope_opens_its_own_claims() {
    let stage = stage(&[("scope", "openid")]).await;
    assert_eq!(stage.info().await, json!({ "sub": stage.admin.id.to_string() }));
    let stage = self::stage(&[("scope", "openid company")]).await;
    let info = stage.info().await;
    assert_eq!(info["company_id"], stage.company.id.to_string());
    assert_eq!(info["company_name"], "TechCorp");
    assert_eq!(info["roles"], json!(["admin"]));
    assert_eq!(info.get("email"), None);
}

#[tokio::test]
async fn what_is_no_access_token_of_ours_is_refused() {
    let stage = stage(&[]).await;
    let bare = stage.app.http.get(stage.provider.url("/oauth2/userinfo")).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    assert!(bare.headers().contains_key("www-authenticate"));
    stage.refused("nonsense").await;
    stage.refused(text(&stage.tokens, "id_token")).await;
    stage.refused(text(&stage.tokens, "refresh_token")).await;
    let (head, _) = stage.token().rsplit_once('.').unwrap();
    stage.refused(&format!("{head}.{}", "A".repeat(342))).await;
    let payload = head.split_once('.').unwrap().1;
    stage.refused(&format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{payload}.")).await;
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    let stage = stage(&[]).await;
    let house = &stage.provider.house;
    let mut said = claims(stage.token()).as_object().unwrap().clone();
    said.insert("aud".to_owned(), json!("https://api.example"));
    let token = keys::sign(house, house.clock.now(), (Kind::AccessToken, SigningAlgorithm::Rs256), said).await.unwrap();
    stage.refused(&token).await;
}

#[tokio::test]
async fn a_token_is_good_for_half_an_hour() {
    let stage = stage(&[]).await;
    stage.provider.wait(Duration::minutes(29));
    stage.info().await;
    stage.provider.wait(Duration::minutes(2));
    stage.refused(stage.token()).await;
}

#[tokio::test]
async fn a_membership_that_ends_closes_it_at_once_and_another_company_stays_open() {
    let provider = Provider::start().await;
    let (first, _) = provider.company("TechCorp").await;
    let (second, _) = provider.company("Agency").await;
    let person = provider.person(&first, Role::User, "pat@techcorp.com").await;
    provider.join(&second, &person, Role::Manager).await;
    let app = provider.app().await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    let scope = ("scope", "openid company");
    let one = app.tokens_with(&browser, &[scope, ("company", "techcorp")]).await;
    let two = app.tokens_with(&browser, &[scope, ("company", "agency")]).await;
    let (_, info) = answer(app.userinfo(text(&one, "access_token")).await).await;
    assert_eq!((&info["company"], &info["roles"]), (&json!("techcorp"), &json!(["user"])));
    provider.end_membership(&first, &person).await;
    assert_eq!(app.userinfo(text(&one, "access_token")).await.status(), 401);
    let (_, info) = answer(app.userinfo(text(&two, "access_token")).await).await;
    assert_eq!((&info["company"], &info["roles"]), (&json!("agency"), &json!(["manager"])));
}
