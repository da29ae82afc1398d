//! How many statements a hot request sends to the database: counted on the wire, one by one. A statement more fails here.

use countersign::model::client::AuthMethod;

use crate::harness::app::{answer, registration, text};
use crate::harness::wire::Wire;
use crate::harness::{App, Provider, database};

/// A provider behind a wire, and an app whose requests are warm.
struct Counted {
    wire: Wire,
    provider: Provider,
}

impl Counted {
    async fn start() -> Self {
        let wire = Wire::to(&database::Fresh::copy().await).await;
        let provider = Provider::start_on(wire.database(), &[("DATABASE_CONNECTIONS", "2")]).await;
        Self { wire, provider }
    }

    /// What goes over the wire while this happens, but for what is read once in two seconds for all requests: clients and keys;
    /// and but for the question to a connection that rested whether it still lives.
    async fn statements<T>(&self, doing: impl Future<Output = T>) -> (T, Vec<String>) {
        self.wire.reset();
        let done = doing.await;
        let mut sent = self.wire.traffic().messages;
        sent.retain(|text| {
            !["from find_client(", "from signing_key", "show transaction_read_only"]
                .iter()
                .any(|part| text.contains(part))
        });
        (done, sent)
    }
}

#[tokio::test]
async fn a_code_and_a_refresh_token_cost_two_statements_each() {
    let counted = Counted::start().await;
    let (_, admin) = counted.provider.company("TechCorp").await;
    let browser = counted.provider.visitor();
    browser.sign_in(&admin).await;
    let confidential = counted.provider.register(registration(AuthMethod::SecretBasic, None)).await;
    let public = counted.provider.register(registration(AuthMethod::None, None)).await;
    for app in [confidential, public] {
        let code = async || app.code(&browser.get(&app.authorize(&[("scope", "openid offline_access")])).await);
        let first = code().await;
        app.tokens(&first).await;
        let next = code().await;
        let (tokens, sent) = counted.statements(app.tokens(&next)).await;
        assert_eq!(sent.len(), 2, "{sent:#?}");
        let (refreshed, sent) = counted.statements(app.refresh(text(&tokens, "refresh_token"))).await;
        assert_eq!(refreshed.status(), 200);
        assert_eq!(sent.len(), 2, "{sent:#?}");
    }
}

#[tokio::test]
async fn what_asks_about_a_token_costs_one_statement() {
    let counted = Counted::start().await;
    let (_, admin) = counted.provider.company("TechCorp").await;
    let browser = counted.provider.visitor();
    browser.sign_in(&admin).await;
    let app: App = counted.provider.app().await;
    let tokens = app.tokens_with(&browser, &[("scope", "openid profile email offline_access")]).await;
    let token = text(&tokens, "access_token");
    let (said, sent) = counted.statements(app.userinfo(token)).await;
    assert_eq!((said.status().as_u16(), sent.len()), (200, 1), "{sent:#?}");
    for token in ["access_token", "refresh_token"] {
        let form = [("token", text(&tokens, token))];
        let (said, sent) = counted.statements(app.post("/oauth2/introspect", &form)).await;
        assert_eq!(answer(said).await.1["active"], true);
        assert_eq!(sent.len(), 1, "{sent:#?}");
    }
    let api = counted.provider.api_of(&admin).await;
    let (_, sent) = counted.statements(api.get("/api/company")).await;
    assert!(sent.first().is_some_and(|text| text.contains("holdings(")), "{sent:#?}");
    let asked = sent.iter().filter(|text| text.contains("holdings(")).count();
    assert_eq!(asked, 1, "{sent:#?}");
}

#[tokio::test]
async fn a_client_that_speaks_for_itself_costs_one_statement() {
    let counted = Counted::start().await;
    let (company, _) = counted.provider.company("TechCorp").await;
    let app = counted.provider.register(registration(AuthMethod::SecretBasic, None)).await;
    for name in [company.slug.clone(), company.id.to_string()] {
        let form = [("grant_type", "client_credentials"), ("company", name.as_str())];
        let (said, sent) = counted.statements(app.token(&form)).await;
        assert_eq!((said.status().as_u16(), sent.len()), (200, 1), "{sent:#?}");
    }
}

#[tokio::test]
async fn a_signed_in_browser_costs_one_statement_for_its_session_and_two_for_its_code() {
    let counted = Counted::start().await;
    let (company, admin) = counted.provider.company("TechCorp").await;
    let browser = counted.provider.visitor();
    browser.sign_in(&admin).await;
    let app = counted.provider.partner_app(company.id).await;
    let page = browser.get(&app.authorize(&[])).await;
    let allowed = browser.send(&page.form("#allow")).await;
    app.code(&allowed);
    let (page, sent) = counted.statements(browser.get(&app.authorize(&[]))).await;
    app.code(&page);
    let asked = ["from sessions(", "from visitors(", "select answer_flows("];
    in_order(&sent, &asked);
}

#[tokio::test]
async fn a_sign_in_costs_seven_statements_from_the_password_to_the_code_and_a_page_of_it_two() {
    let counted = Counted::start().await;
    let (company, admin) = counted.provider.company("TechCorp").await;
    let app = counted.provider.partner_app(company.id).await;
    let before = counted.provider.visitor();
    let page = before.enter_password(&before.get(&app.authorize(&[])).await, &admin).await;
    app.code(&before.send(&page.form("#allow")).await);
    let browser = counted.provider.visitor();
    let login = browser.get(&app.authorize(&[])).await;
    let (_, sent) = counted.statements(browser.get(login.url.as_str())).await;
    in_order(&sent, &["from sessions(", "from flow"]);
    let form = login.form("#login").fill("email", &admin.email).fill("password", &admin.password);
    let (back, sent) = counted.statements(browser.send(&form)).await;
    app.code(&back);
    let whole = [
        "from sessions(",
        "from flow",
        "from admit_credentials(",
        "from sign_in(",
        "delete from browser_session",
        "select answer_flows(",
        "insert into browser_session",
    ];
    in_order(&sent, &whole);
}

/// That these statements were sent, in this order, and no other.
fn in_order(sent: &[String], wanted: &[&str]) {
    assert_eq!(sent.len(), wanted.len(), "{sent:#?}");
    for (part, text) in wanted.iter().zip(sent) {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn what_is_published_costs_none() {
    let counted = Counted::start().await;
    let stranger = counted.provider.stranger();
    for path in
        ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/oauth2/jwks", "/healthz"]
    {
        let url = counted.provider.url(path);
        let (said, sent) = counted.statements(stranger.get(&url).send()).await;
        assert_eq!(said.unwrap().status(), 200);
        assert!(sent.is_empty(), "{path}: {sent:#?}");
    }
}
