//! An app: a relying party that asks for codes and redeems them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign::domain::oidc::client_auth::assertion;
use countersign::model::client::{AuthMethod, Client, ConsentRule, Metadata, Origin, Profile};
use countersign::model::id::CompanyId;
use countersign::model::scope::{KNOWN, Scopes};
use countersign::model::secret::Secret;
use countersign::storage::client;
use serde_json::Value;
use url::Url;

use super::{Page, Provider, Visitor};

/// Where apps want their codes.
pub const CALLBACK: &str = "https://app.example/callback";
/// A PKCE verifier and, below, its challenge (RFC 7636, appendix B).
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[derive(Debug, Clone)]
pub struct App {
    pub id: String,
    pub secret: Option<String>,
    pub base: String,
    pub http: reqwest::Client,
}

/// A client as most tests want it; change what matters before it is registered.
pub fn registration(method: AuthMethod, owner: Option<CompanyId>) -> (Client, Option<String>) {
    let secret = match method {
        AuthMethod::SecretBasic | AuthMethod::SecretPost => Some(Secret::generate()),
        AuthMethod::SecretJwt => Some(Secret::generate_key()),
        _ => None,
    };
    let client = Client {
        id: Client::fresh_id(),
        company: owner,
        name: "Voice Desk".to_owned(),
        auth_method: method,
        secret_digest: secret.as_ref().map(Secret::digest),
        redirect_uris: vec![CALLBACK.to_owned()],
        post_logout_redirect_uris: vec!["https://app.example/bye".to_owned()],
        grant_types: ["authorization_code", "refresh_token", "client_credentials"].map(str::to_owned).to_vec(),
        scopes: Scopes::of(KNOWN),
        consent: ConsentRule::Skip,
        client_uri: None,
        logo_uri: None,
        policy_uri: None,
        tos_uri: None,
        origin: Origin::Own,
        profile: Profile::Standard,
        metadata: Metadata::default(),
        secret_sealed: None,
        disabled_at: None,
    };
    (client, secret.map(|secret| secret.reveal().to_owned()))
}

impl Provider {
    /// One of the platform's own confidential clients, without a consent page.
    pub async fn app(&self) -> App {
        self.register(registration(AuthMethod::SecretBasic, None)).await
    }

    /// One of the platform's own public clients, without a consent page.
    pub async fn public_app(&self) -> App {
        self.register(registration(AuthMethod::None, None)).await
    }

    /// A company's confidential client, which asks for consent.
    pub async fn partner_app(&self, owner: CompanyId) -> App {
        let (mut client, secret) = registration(AuthMethod::SecretBasic, Some(owner));
        client.consent = ConsentRule::Ask;
        self.register((client, secret)).await
    }

    /// Registers a client.
    pub async fn register(&self, (mut client, secret): (Client, Option<String>)) -> App {
        if let (AuthMethod::SecretJwt, Some(secret)) = (client.auth_method, &secret) {
            let place = assertion::sealed_place(&client.id);
            client.secret_sealed = Some(self.house.sealer.seal(&place, secret.as_bytes()).unwrap());
        }
        let now = self.house.clock.now();
        if let Some(owner) = client.company {
            let mut tx = self.house.db.company(owner, None).await.unwrap();
            client::save_company(&mut tx, &client, now).await.unwrap();
            tx.commit_unremarkable().await.unwrap();
        } else {
            let mut tx = self.house.db.platform().await.unwrap();
            client::save_platform(&mut tx, &client, now).await.unwrap();
            tx.commit_unremarkable().await.unwrap();
        }
        App { id: client.id, secret, base: self.base.clone(), http: self.stranger() }
    }
}

impl App {
    /// An authorization request with PKCE. What is given replaces or adds; an empty value takes a parameter away.
    pub fn authorize(&self, more: &[(&str, &str)]) -> String {
        let mut url: Url = format!("{}/oauth2/authorize", self.base).parse().unwrap();
        let standard = [
            ("response_type", "code"),
            ("client_id", self.id.as_str()),
            ("redirect_uri", CALLBACK),
            ("scope", "openid profile email offline_access"),
            ("state", "a-state"),
            ("nonce", "a-nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        {
            let mut query = url.query_pairs_mut();
            for (name, value) in
                standard.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name)).chain(more)
            {
                if !value.is_empty() {
                    query.append_pair(name, value);
                }
            }
        }
        url.into()
    }

    /// The code that the browser brought back.
    pub fn code(&self, page: &Page) -> String {
        assert!(
            page.url.as_str().starts_with(CALLBACK),
            "not at the app: {} ({}) {}",
            page.url,
            page.status,
            page.text()
        );
        page.query("code").unwrap_or_else(|| panic!("no code in {}", page.url))
    }

    /// Redeems a code.
    pub async fn redeem(&self, code: &str) -> reqwest::Response {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    /// Redeems a code that must be good.
    pub async fn tokens(&self, code: &str) -> Value {
        let response = self.redeem(code).await;
        let (status, body) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Tokens for whoever is signed in in this browser. What is given changes the authorization request.
    pub async fn tokens_with(&self, browser: &Visitor, more: &[(&str, &str)]) -> Value {
        self.tokens(&self.code(&browser.get(&self.authorize(more)).await)).await
    }

    /// Redeems a refresh token.
    pub async fn refresh(&self, token: &str) -> reqwest::Response {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Any request at the token endpoint.
    pub async fn token(&self, form: &[(&str, &str)]) -> reqwest::Response {
        self.post("/oauth2/token", form).await
    }

    /// A request as this client: Basic where there is a secret, `client_id` in the form where there is none.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> reqwest::Response {
        self.request(path, form).send().await.unwrap()
    }

    /// The same, before it is sent.
    pub fn request(&self, path: &str, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.base));
        let mut form = form.to_vec();
        let request = if let Some(secret) = &self.secret {
            request.basic_auth(&self.id, Some(secret))
        } else {
            form.push(("client_id", self.id.as_str()));
            request
        };
        request.form(&form)
    }

    /// The userinfo endpoint with this access token.
    pub async fn userinfo(&self, token: &str) -> reqwest::Response {
        self.http.get(format!("{}/oauth2/userinfo", self.base)).bearer_auth(token).send().await.unwrap()
    }
}

/// Status and JSON of an answer.
pub async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{status}, no JSON: {text}")))
}

/// The status and the error code of a refusal.
pub async fn refusal(response: reqwest::Response) -> (u16, String) {
    let (status, body) = answer(response).await;
    assert!(status >= 400, "no refusal: {status} {body}");
    (status, body["error"].as_str().unwrap_or_else(|| panic!("no error in {body}")).to_owned())
}

/// The member of an answer that is text.
pub fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}"))
}

/// The claims of a JWT, unverified.
pub fn claims(jwt: &str) -> Value {
    let payload = jwt.split('.').nth(1).unwrap();
    serde_json::from_slice(&B64.decode(payload).unwrap()).unwrap()
}
