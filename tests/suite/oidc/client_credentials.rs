//! The client credentials grant: a client speaks for itself, in exactly one company.

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::harness::app::{answer, claims, refusal, text};
use crate::harness::{App, Provider};

async fn ask(app: &App, more: &[(&str, &str)]) -> reqwest::Response {
    let form: Vec<_> = [("grant_type", "client_credentials")].iter().chain(more).copied().collect();
    app.token(&form).await
}

async fn good(app: &App, more: &[(&str, &str)]) -> Value {
    let (status, tokens) = answer(ask(app, more).await).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

#[tokio::test]
async fn a_companys_client_speaks_for_itself_in_its_company() {
    let provider = Provider::start().await;
    let (company, _) = provider.company("TechCorp").await;
    let app = provider.partner_app(company.id).await;
    let tokens = good(&app, &[]).await;
    let access = claims(text(&tokens, "access_token"));
    assert_eq!(access["sub"], app.id);
    assert_eq!(access["client_id"], app.id);
    assert_eq!(access["company_id"], company.id.to_string());
    assert_eq!(access["company"], "techcorp");
    assert_eq!(access["roles"], json!([]));
    assert_eq!((tokens.get("id_token"), tokens.get("refresh_token")), (None, None));
}

#[tokio::test]
async fn a_client_of_the_platform_says_for_which_company() {
    let provider = Provider::start().await;
    let (company, _) = provider.company("TechCorp").await;
    let app = provider.app().await;
    for name in [company.slug.clone(), company.id.to_string()] {
        let tokens = good(&app, &[("company", &name)]).await;
        assert_eq!(claims(text(&tokens, "access_token"))["company_id"], company.id.to_string());
    }
    assert_eq!(refusal(ask(&app, &[]).await).await, (400, "invalid_request".to_owned()));
    let nobody = countersign::model::id::CompanyId::new(provider.house.clock.now()).to_string();
    for name in ["nobody", &nobody] {
        assert_eq!(refusal(ask(&app, &[("company", name)]).await).await, (400, "invalid_request".to_owned()));
    }
}

#[tokio::test]
async fn a_company_that_is_called_otherwise_since_is_called_so_in_the_next_token() {
    let provider = Provider::start().await;
    let (company, _) = provider.company("TechCorp").await;
    let (other, _) = provider.company("Rival").await;
    let app = provider.app().await;
    let (id, slug) = (company.id.to_string(), company.slug.as_str());
    for name in [id.as_str(), slug] {
        good(&app, &[("company", name)]).await;
    }
    let mut conn = PgConnection::connect(&provider.database.superuser_url).await.unwrap();
    for (of, to) in [(company.id, "formerly"), (other.id, slug)] {
        let renamed = sqlx::query("update company set slug = $2 where id = $1").bind(of.0).bind(to);
        renamed.execute(&mut conn).await.unwrap();
    }
    let access = |tokens: &Value| {
        let claims = claims(text(tokens, "access_token"));
        (text(&claims, "company_id").to_owned(), text(&claims, "company").to_owned())
    };
    assert_eq!(access(&good(&app, &[("company", &id)]).await), (id.clone(), "formerly".to_owned()));
    // The name belongs to another company now.
    assert_eq!(access(&good(&app, &[("company", slug)]).await), (other.id.to_string(), slug.to_owned()));
}

#[tokio::test]
async fn a_companys_client_cannot_speak_in_another_company() {
    let provider = Provider::start().await;
    let (company, _) = provider.company("TechCorp").await;
    let (other, _) = provider.company("Rival").await;
    let app = provider.partner_app(company.id).await;
    for name in [other.slug.clone(), other.id.to_string()] {
        assert_eq!(refusal(ask(&app, &[("company", &name)]).await).await, (400, "invalid_request".to_owned()));
    }
}

#[tokio::test]
async fn a_public_client_cannot_speak_for_itself() {
    let provider = Provider::start().await;
    let app = provider.public_app().await;
    assert_eq!(refusal(ask(&app, &[]).await).await, (400, "unauthorized_client".to_owned()));
}

#[tokio::test]
async fn scopes_about_people_are_left_out() {
    let provider = Provider::start().await;
    let (company, _) = provider.company("TechCorp").await;
    let app = provider.partner_app(company.id).await;
    let tokens = good(&app, &[("scope", "openid profile offline_access company")]).await;
    assert_eq!(tokens["scope"], "company");
}

#[tokio::test]
async fn a_clients_own_token_opens_nobodys_userinfo() {
    let provider = Provider::start().await;
    let (company, _) = provider.company("TechCorp").await;
    let app = provider.partner_app(company.id).await;
    let tokens = good(&app, &[]).await;
    assert_eq!(refusal(app.userinfo(text(&tokens, "access_token")).await).await, (401, "invalid_token".to_owned()));
}
