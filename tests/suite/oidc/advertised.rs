//! The metadata, walked member by member: each advertised value is used as a stranger would, and a member that no walk knows
//! fails the test. So nothing is advertised that does not work.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign::command::demo;
use countersign::domain::oidc::client_auth::assertion::TYPE;
use countersign::model::client::{AuthMethod, Client, ConsentRule, SubjectType};
use countersign::model::jose::{KeyManagement, SigningAlgorithm};
use countersign::model::secret::random;
use josekit::jws::{HS256, HS384, HS512, JwsHeader};
use josekit::jwt::{self, JwtPayload};
use serde_json::{Value, json};

use crate::harness::app::{CALLBACK, answer, claims, registration, text};
use crate::harness::prover::Prover;
use crate::harness::signer::{Signer, jwks};
use crate::harness::{App, Page, Provider, Visitor};

struct Walk {
    provider: Provider,
    browser: Visitor,
    signers: BTreeMap<&'static str, Signer>,
}

/// The member of an answer, wherever the answer stands.
fn answered(page: &Page, name: &str) -> Option<String> {
    let fragment = page.url.fragment().unwrap_or_default();
    let fragment = url::form_urlencoded::parse(fragment.as_bytes());
    let posted = if page.has("#form-post") { page.form("#form-post").fields } else { Vec::new() };
    let all = fragment.into_owned().chain(page.url.query_pairs().into_owned()).chain(posted);
    all.filter(|(found, _)| found == name).map(|(_, value)| value).last()
}

fn algorithm_of(jwt: &str) -> Value {
    serde_json::from_slice::<Value>(&B64.decode(jwt.split('.').next().unwrap()).unwrap()).unwrap()["alg"].clone()
}

impl Walk {
    /// Everything is filled in of the person who walks.
    async fn begin() -> Self {
        let provider = Provider::start().await;
        demo::load(&provider.house).await.unwrap();
        let browser = provider.visitor();
        let login = browser.get("/login").await.form("#login");
        browser.send(&login.fill("email", "user@techcorp.com").fill("password", demo::PASSWORD)).await;
        let signers = SigningAlgorithm::ALL.map(|algorithm| (algorithm.as_str(), Signer::new(algorithm, "one")));
        Self { provider, browser, signers: signers.into() }
    }

    /// A client that differs from the others in this.
    async fn client(&self, method: AuthMethod, change: impl FnOnce(&mut Client)) -> App {
        let (mut client, secret) = registration(method, None);
        client.metadata.jwks = Some(jwks(&self.signers.values().collect::<Vec<_>>()));
        client.grant_types.push("implicit".to_owned());
        change(&mut client);
        self.provider.register((client, secret)).await
    }

    async fn plain(&self) -> App {
        self.client(AuthMethod::SecretBasic, |_| {}).await
    }

    async fn open(&self, app: &App, more: &[(&str, &str)]) -> Page {
        self.browser.get(&app.authorize(more)).await
    }

    async fn tokens(&self, app: &App) -> Value {
        app.tokens_with(&self.browser, &[("scope", "openid email offline_access")]).await
    }

    /// An assertion of this client for this provider.
    fn assertion(&self, app: &App, algorithm: &str) -> String {
        let now = self.provider.house.clock.now().unix_timestamp();
        let said = json!({
            "iss": app.id, "sub": app.id, "aud": self.provider.base, "iat": now, "exp": now + 60,
            "jti": u128::from_ne_bytes(random()).to_string(),
        });
        if let Some(signer) = self.signers.get(algorithm) {
            return signer.sign(&said);
        }
        let chosen = match algorithm {
            "HS256" => HS256,
            "HS384" => HS384,
            "HS512" => HS512,
            other => panic!("nobody signs with {other}"),
        };
        let payload = JwtPayload::from_map(said.as_object().unwrap().clone()).unwrap();
        let signer = chosen.signer_from_bytes(app.secret.as_deref().unwrap()).unwrap();
        jwt::encode_with_signer(&payload, &JwsHeader::new(), &signer).unwrap()
    }

    /// A client that asserts with this algorithm.
    async fn asserting(&self, algorithm: &str) -> App {
        let symmetric = algorithm.starts_with("HS");
        let method = if symmetric { AuthMethod::SecretJwt } else { AuthMethod::PrivateKeyJwt };
        self.client(method, |_| {}).await
    }

    /// Whether the endpoint believes a client of this method.
    async fn authenticate(&self, endpoint: &str, method: &str) {
        let path = format!("/oauth2/{}", if endpoint == "introspection" { "introspect" } else { endpoint });
        let path = path.replace("revocation", "revoke");
        let form = [("token", "x"), ("grant_type", "client_credentials"), ("company", "techcorp")];
        let response = match method {
            "client_secret_basic" => self.plain().await.post(&path, &form).await,
            "client_secret_post" => {
                let app = self.plain().await;
                let secret = app.secret.clone().unwrap();
                let proof = [("client_id", app.id.as_str()), ("client_secret", &secret)];
                let all: Vec<_> = form.into_iter().chain(proof).collect();
                app.http.post(self.provider.url(&path)).form(&all).send().await.unwrap()
            }
            "private_key_jwt" => return self.assert(endpoint, "ES256").await,
            "client_secret_jwt" => return self.assert(endpoint, "HS256").await,
            "none" => {
                let app = self.client(AuthMethod::None, |_| {}).await;
                app.post(&path, &[("token", "x"), ("grant_type", "refresh_token"), ("refresh_token", "x")]).await
            }
            other => panic!("nobody tries {other}"),
        };
        assert_ne!(response.status(), 401, "{method} at {endpoint}: {}", response.text().await.unwrap());
    }

    async fn assert(&self, endpoint: &str, algorithm: &str) {
        let path = match endpoint {
            "token" => "/oauth2/token",
            "introspection" => "/oauth2/introspect",
            _ => "/oauth2/revoke",
        };
        let app = self.asserting(algorithm).await;
        let assertion = self.assertion(&app, algorithm);
        let form = [
            ("token", "x"),
            ("grant_type", "client_credentials"),
            ("company", "techcorp"),
            ("client_assertion_type", TYPE),
            ("client_assertion", &assertion),
        ];
        let response = app.http.post(self.provider.url(path)).form(&form).send().await.unwrap();
        assert_eq!(response.status(), 200, "{algorithm} at {endpoint}");
    }

    async fn scope(&self, scope: &str) {
        let app = self.plain().await;
        let tokens = app.tokens_with(&self.browser, &[("scope", &format!("openid {scope}"))]).await;
        assert!(text(&tokens, "scope").split(' ').any(|given| given == scope), "{scope}: {tokens}");
    }

    async fn response_type(&self, kind: &str) {
        let registered = kind.to_owned();
        let app =
            self.client(AuthMethod::SecretBasic, |client| client.metadata.response_types = vec![registered]).await;
        let page = self.open(&app, &[("response_type", kind)]).await;
        for part in kind.split(' ') {
            assert!(answered(&page, part).is_some(), "{kind}: {}", page.url);
        }
    }

    async fn response_mode(&self, mode: &str) {
        let app = self.plain().await;
        let page = self.open(&app, &[("response_mode", mode)]).await;
        let code = match answered(&page, "response") {
            Some(response) => text(&claims(&response), "code").to_owned(),
            None => answered(&page, "code").unwrap_or_else(|| panic!("{mode}: {}", page.url)),
        };
        assert_eq!(mode.ends_with("jwt"), answered(&page, "response").is_some());
        app.tokens(&code).await;
    }

    async fn grant_type(&self, kind: &str) {
        let app = self.plain().await;
        match kind {
            "authorization_code" => drop(self.tokens(&app).await),
            "implicit" => self.response_type("id_token").await,
            "refresh_token" => {
                let tokens = self.tokens(&app).await;
                assert_eq!(app.refresh(text(&tokens, "refresh_token")).await.status(), 200);
            }
            "client_credentials" => {
                let form = [("grant_type", kind), ("company", "techcorp")];
                assert_eq!(app.token(&form).await.status(), 200);
            }
            other => panic!("nobody tries {other}"),
        }
    }

    async fn acr(&self, acr: &str) {
        let app = self.plain().await;
        let demanded = format!(r#"{{"id_token":{{"acr":{{"essential":true,"value":"{acr}"}}}}}}"#);
        let page = self.open(&app, &[("claims", &demanded)]).await;
        if page.path() == "/setup-mfa" {
            // The person has no second factor yet, and is led to one.
            assert!(acr.ends_with(":mfa"));
        } else {
            let tokens = app.tokens(&app.code(&page)).await;
            assert_eq!(claims(text(&tokens, "id_token"))["acr"], acr);
        }
    }

    async fn signed(&self, what: &str, name: &str) {
        if let Some(endpoint) = what.strip_suffix("_endpoint_auth") {
            return self.assert(endpoint, name).await;
        }
        let algorithm = SigningAlgorithm::read(name).unwrap();
        match what {
            "id_token" => {
                let app = self
                    .client(AuthMethod::SecretBasic, |client| {
                        client.metadata.id_token_signed_response_alg = algorithm;
                    })
                    .await;
                assert_eq!(algorithm_of(text(&self.tokens(&app).await, "id_token")), name);
            }
            "authorization" => {
                let app = self
                    .client(AuthMethod::SecretBasic, |client| {
                        client.metadata.authorization_signed_response_alg = Some(algorithm);
                    })
                    .await;
                let page = self.open(&app, &[("response_mode", "jwt")]).await;
                assert_eq!(algorithm_of(&answered(&page, "response").unwrap()), name);
            }
            "request_object" => {
                let app = self.plain().await;
                let object = self.signers[name].sign(&json!({
                    "iss": app.id, "aud": self.provider.base, "client_id": app.id, "state": "signed", "response_type": "code",
                    "redirect_uri": CALLBACK,
                }));
                let page = self.open(&app, &[("request", &object)]).await;
                assert_eq!(answered(&page, "state").as_deref(), Some("signed"), "{name}");
            }
            "userinfo" => {
                let app = self
                    .client(AuthMethod::SecretBasic, |client| {
                        client.metadata.userinfo_signed_response_alg = Some(algorithm);
                    })
                    .await;
                let tokens = self.tokens(&app).await;
                let answer = app.userinfo(text(&tokens, "access_token")).await;
                assert_eq!(answer.headers()["content-type"], "application/jwt");
                assert_eq!(algorithm_of(&answer.text().await.unwrap()), name);
            }
            "introspection" => {
                let app = self
                    .client(AuthMethod::SecretBasic, |client| {
                        client.metadata.introspection_signed_response_alg = Some(algorithm);
                    })
                    .await;
                let asked = app.request("/oauth2/introspect", &[("token", "x")]);
                let asked = asked.header("Accept", "application/token-introspection+jwt");
                assert_eq!(algorithm_of(&asked.send().await.unwrap().text().await.unwrap()), name);
            }
            "dpop" => {
                let (app, prover) = (self.plain().await, Prover::new(algorithm));
                let proof = prover.sign(&prover.for_token(&self.provider));
                let form = [("grant_type", "client_credentials"), ("company", "techcorp")];
                let (_, tokens) = answer(app.token_with(&form, &[proof]).await).await;
                assert_eq!(tokens["token_type"], "DPoP", "{name}: {tokens}");
            }
            other => panic!("nobody tries {other}"),
        }
    }

    async fn encrypted(&self, what: &str, name: &str) {
        let management = KeyManagement::read(name).unwrap();
        let app = self
            .client(AuthMethod::SecretBasic, |client| match what {
                "id_token" => client.metadata.id_token_encrypted_response_alg = Some(management),
                "userinfo" => client.metadata.userinfo_encrypted_response_alg = Some(management),
                other => panic!("nobody tries {other}"),
            })
            .await;
        let tokens = self.tokens(&app).await;
        let jwe = match what {
            "id_token" => text(&tokens, "id_token").to_owned(),
            _ => app.userinfo(text(&tokens, "access_token")).await.text().await.unwrap(),
        };
        let header: Value = serde_json::from_slice(&B64.decode(jwe.split('.').next().unwrap()).unwrap()).unwrap();
        assert_eq!((&header["alg"], &header["enc"]), (&json!(name), &json!(KeyManagement::CONTENT)), "{what}");
    }

    async fn prompt(&self, prompt: &str) {
        let app = self.client(AuthMethod::SecretBasic, |client| client.consent = ConsentRule::Skip).await;
        let page = self.open(&app, &[("prompt", prompt)]).await;
        let expected = match prompt {
            "none" => return drop(app.tokens(&app.code(&page)).await),
            "login" | "select_account" => "/login",
            "consent" => "/login/consent",
            "create" => "/register",
            other => panic!("nobody tries {other}"),
        };
        assert_eq!(page.path(), expected, "{prompt}");
    }

    async fn subject_type(&self, kind: &str) {
        let app = self
            .client(AuthMethod::SecretBasic, |client| {
                client.metadata.subject_type = serde_json::from_value::<SubjectType>(json!(kind)).unwrap();
            })
            .await;
        let tokens = self.tokens(&app).await;
        let sub = claims(text(&tokens, "id_token"))["sub"].clone();
        assert_eq!(sub.as_str().unwrap().starts_with("usr_"), kind == "public", "{sub}");
    }

    /// A claim is in the ID token, or it can be asked for at userinfo.
    async fn claim(&self, app: &App, claim: &str) {
        let wish = json!({ "userinfo": { claim: null }, "id_token": { claim: null } }).to_string();
        let tokens = app.tokens_with(&self.browser, &[("scope", "openid"), ("claims", &wish)]).await;
        let (_, userinfo) = answer(app.userinfo(text(&tokens, "access_token")).await).await;
        let id_token = claims(text(&tokens, "id_token"));
        assert!(userinfo.get(claim).or(id_token.get(claim)).is_some(), "{claim} comes nowhere");
    }

    async fn accepted(&self, name: &str, value: &str) {
        let app = self.plain().await;
        let page = self.open(&app, &[(name, value)]).await;
        app.tokens(&app.code(&page)).await;
    }

    /// One advertised value of a list.
    async fn value(&self, name: &str, value: &str) {
        match name {
            "scopes_supported" => self.scope(value).await,
            "response_types_supported" => self.response_type(value).await,
            "response_modes_supported" => self.response_mode(value).await,
            "grant_types_supported" => self.grant_type(value).await,
            "acr_values_supported" => self.acr(value).await,
            "subject_types_supported" => self.subject_type(value).await,
            "prompt_values_supported" => self.prompt(value).await,
            "display_values_supported" => self.accepted("display", value).await,
            "ui_locales_supported" => self.accepted("ui_locales", value).await,
            "claim_types_supported" => assert_eq!(value, "normal"),
            "code_challenge_methods_supported" => self.accepted("code_challenge_method", value).await,
            _ => self.technical(name, value).await,
        }
    }

    async fn technical(&self, name: &str, value: &str) {
        if let Some(what) = name.strip_suffix("_signing_alg_values_supported") {
            self.signed(what, value).await;
        } else if let Some(endpoint) = name.strip_suffix("_endpoint_auth_methods_supported") {
            self.authenticate(endpoint, value).await;
        } else if let Some(what) = name.strip_suffix("_encryption_alg_values_supported") {
            self.encrypted(what, value).await;
        } else if name.ends_with("_encryption_enc_values_supported") {
            // The one content encryption stands in the header of every answer that `encrypted` reads.
            assert_eq!(value, KeyManagement::CONTENT);
        } else {
            panic!("{name} is advertised, and nobody tries it");
        }
    }
}

/// What is on or off, and the test that shows it.
const SWITCHES: [(&str, bool, &str); 12] = [
    ("claims_parameter_supported", true, "here: every claim is asked for with it"),
    ("request_parameter_supported", true, "here: request objects of every algorithm"),
    ("request_uri_parameter_supported", true, "request_object: a_registered_place_is_asked_…"),
    ("require_request_uri_registration", true, "request_object: an_object_is_fetched_only_from_where_…"),
    ("require_pushed_authorization_requests", false, "here: nothing is pushed"),
    ("authorization_response_iss_parameter_supported", true, "authorize: behaviour 26"),
    ("tls_client_certificate_bound_access_tokens", false, "client_auth: on where certificates can come"),
    ("backchannel_logout_supported", true, "backchannel_logout"),
    ("backchannel_logout_session_supported", true, "backchannel_logout"),
    ("frontchannel_logout_supported", true, "frontchannel_logout"),
    ("frontchannel_logout_session_supported", true, "frontchannel_logout"),
    ("client_id_metadata_document_supported", false, "client_id_metadata: on where hosts are listed"),
];

#[tokio::test]
async fn every_advertised_value_works() {
    let walk = Walk::begin().await;
    let url = walk.provider.url("/.well-known/openid-configuration");
    let (_, document) = answer(walk.provider.stranger().get(url).send().await.unwrap()).await;
    let claimed = walk.plain().await;
    for (name, value) in document.as_object().unwrap() {
        match value {
            Value::Array(values) if name == "claims_supported" => {
                for claim in values {
                    walk.claim(&claimed, claim.as_str().unwrap()).await;
                }
            }
            Value::Array(values) => {
                assert!(!values.is_empty(), "{name} is empty");
                for value in values {
                    walk.value(name, value.as_str().unwrap()).await;
                }
            }
            Value::Bool(on) => {
                let known = SWITCHES.iter().find(|(known, ..)| known == name);
                let (_, expected, shown_by) =
                    known.unwrap_or_else(|| panic!("{name} is advertised, and nobody tries it"));
                assert_eq!(on, expected, "{name}, see {shown_by}");
            }
            Value::String(url) => {
                // Every other endpoint is called above, by its path; this sees that the document names the same.
                let status = walk.provider.stranger().get(url).send().await.unwrap().status();
                assert_ne!(status, 404, "{name}");
            }
            other => panic!("{name} is {other}"),
        }
    }
}
