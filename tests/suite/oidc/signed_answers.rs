//! Userinfo, introspection and ID tokens as apps registered them: signed with their algorithm, encrypted to their key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use countersign::domain::keys;
use countersign::model::client::{AuthMethod, Client};
use countersign::model::jose::{KeyManagement, SigningAlgorithm};
use josekit::jwe::{self, ECDH_ES, RSA_OAEP_256};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::{EcCurve, EcKeyPair};
use josekit::jwk::alg::ecx::{EcxCurve, EcxKeyPair};
use josekit::jwk::alg::rsa::RsaKeyPair;
use serde_json::{Value, json};

use crate::harness::app::{answer, claims, refusal, registration, text};
use crate::harness::{App, Provider, Visitor};

struct Stage {
    provider: Provider,
    browser: Visitor,
}

async fn stage() -> Stage {
    let provider = Provider::start().await;
    let (_, admin) = provider.company("TechCorp").await;
    let browser = provider.visitor();
    browser.sign_in(&admin).await;
    Stage { provider, browser }
}

impl Stage {
    async fn app(&self, change: impl FnOnce(&mut Client)) -> App {
        let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
        change(&mut client);
        self.provider.register((client, secret)).await
    }

    /// The header and the claims of a JWT that a published key signed with this algorithm.
    async fn verified(&self, jwt: &str, algorithm: SigningAlgorithm) -> (Value, Value) {
        let header = header(jwt);
        assert_eq!(header["alg"], algorithm.as_str());
        let jwks = answer(self.provider.stranger().get(self.provider.url("/oauth2/jwks")).send().await.unwrap()).await;
        let key = jwks.1["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap().clone();
        let verifier = keys::verifier(algorithm, &Jwk::from_map(key.as_object().unwrap().clone()).unwrap()).unwrap();
        josekit::jwt::decode_with_verifier(jwt, verifier.as_ref()).unwrap();
        (header, claims(jwt))
    }
}

fn header(jwt: &str) -> Value {
    serde_json::from_slice(&B64.decode(jwt.split('.').next().unwrap()).unwrap()).unwrap()
}

/// A key to encrypt to: its halves, the public one as it is registered.
struct Opener {
    management: KeyManagement,
    private: Jwk,
    public: Jwk,
}

impl Opener {
    fn all() -> [Self; 3] {
        let rsa = RsaKeyPair::generate(2048).unwrap();
        let ec = EcKeyPair::generate(EcCurve::P256).unwrap();
        let x = EcxKeyPair::generate(EcxCurve::X25519).unwrap();
        let pairs = [
            (KeyManagement::RsaOaep256, rsa.to_jwk_private_key(), rsa.to_jwk_public_key()),
            (KeyManagement::EcdhEs, ec.to_jwk_private_key(), ec.to_jwk_public_key()),
            (KeyManagement::EcdhEs, x.to_jwk_private_key(), x.to_jwk_public_key()),
        ];
        pairs.map(|(management, private, mut public)| {
            public.set_key_id("to-me");
            public.set_key_use("enc");
            public.set_algorithm(management.as_str());
            Self { management, private, public }
        })
    }

    fn jwks(&self) -> Value {
        json!({ "keys": [self.public.as_ref()] })
    }

    /// What was encrypted, and the header.
    fn open(&self, sealed: &str) -> (String, Value) {
        let header = header(sealed);
        assert_eq!((text(&header, "alg"), text(&header, "enc")), (self.management.as_str(), "A256GCM"));
        assert_eq!(header["kid"], "to-me");
        let (plain, _) = match self.management {
            KeyManagement::RsaOaep256 => {
                jwe::deserialize_compact(sealed, &RSA_OAEP_256.decrypter_from_jwk(&self.private).unwrap()).unwrap()
            }
            KeyManagement::EcdhEs => {
                jwe::deserialize_compact(sealed, &ECDH_ES.decrypter_from_jwk(&self.private).unwrap()).unwrap()
            }
        };
        (String::from_utf8(plain).unwrap(), header)
    }
}

async fn userinfo(app: &App, token: &str) -> String {
    let response = app.userinfo(token).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/jwt");
    response.text().await.unwrap()
}

#[tokio::test]
async fn userinfo_is_signed_with_the_algorithm_that_the_app_registered() {
    let stage = stage().await;
    for algorithm in SigningAlgorithm::ALL {
        let app = stage.app(|client| client.metadata.userinfo_signed_response_alg = Some(algorithm)).await;
        let tokens = app.tokens_with(&stage.browser, &[]).await;
        let jwt = userinfo(&app, text(&tokens, "access_token")).await;
        let (_, said) = stage.verified(&jwt, algorithm).await;
        // Behaviour 60.
        assert_eq!((&said["iss"], &said["aud"]), (&json!(stage.provider.base), &json!(app.id)));
        assert_eq!(said["sub"], claims(text(&tokens, "id_token"))["sub"]);
        assert_eq!(said["email"], "admin@techcorp.com");
        assert!(said.get("nonce").is_none());
        // It is no ID token, and no access token.
        let hint = format!("/oauth2/logout?id_token_hint={jwt}");
        assert_eq!(stage.browser.get(&hint).await.status, 400);
        assert_eq!(app.userinfo(&jwt).await.status(), 401);
    }
}

#[tokio::test]
async fn id_tokens_are_signed_with_each_algorithm_that_is_announced() {
    let stage = stage().await;
    for algorithm in SigningAlgorithm::ALL {
        let app = stage.app(|client| client.metadata.id_token_signed_response_alg = algorithm).await;
        let tokens = app.tokens_with(&stage.browser, &[]).await;
        stage.verified(text(&tokens, "id_token"), algorithm).await;
        stage.verified(text(&tokens, "access_token"), algorithm).await;
    }
}

#[tokio::test]
async fn userinfo_is_encrypted_to_the_apps_key_signed_or_not() {
    let stage = stage().await;
    for opener in Opener::all() {
        for signing in [None, Some(SigningAlgorithm::Es256)] {
            let app = stage
                .app(|client| {
                    client.metadata.userinfo_encrypted_response_alg = Some(opener.management);
                    client.metadata.userinfo_signed_response_alg = signing;
                    client.metadata.jwks = Some(opener.jwks());
                })
                .await;
            let tokens = app.tokens_with(&stage.browser, &[]).await;
            let (plain, header) = opener.open(&userinfo(&app, text(&tokens, "access_token")).await);
            let said = match signing {
                Some(algorithm) => {
                    assert_eq!(header["cty"], "JWT");
                    stage.verified(&plain, algorithm).await.1
                }
                None => serde_json::from_str(&plain).unwrap(),
            };
            assert_eq!((&said["aud"], &said["email"]), (&json!(app.id), &json!("admin@techcorp.com")));
        }
    }
}

#[tokio::test]
async fn id_tokens_are_signed_and_then_encrypted_also_when_they_are_refreshed() {
    let stage = stage().await;
    for opener in Opener::all() {
        let app = stage
            .app(|client| {
                client.metadata.id_token_encrypted_response_alg = Some(opener.management);
                client.metadata.jwks = Some(opener.jwks());
                client.metadata.response_types = vec!["code".to_owned(), "code id_token".to_owned()];
            })
            .await;
        let tokens = app.tokens_with(&stage.browser, &[]).await;
        let refreshed = answer(app.refresh(text(&tokens, "refresh_token")).await).await.1;
        let page = stage.browser.get(&app.authorize(&[("response_type", "code id_token")])).await;
        let fragment = page.url.fragment().unwrap();
        let front: Value = url::form_urlencoded::parse(fragment.as_bytes())
            .into_owned()
            .map(|(name, value)| (name, json!(value)))
            .collect();
        for answer in [&tokens, &refreshed, &front] {
            let (jwt, header) = opener.open(text(answer, "id_token"));
            assert_eq!(header["cty"], "JWT");
            let (_, said) = stage.verified(&jwt, SigningAlgorithm::Rs256).await;
            assert_eq!(said["aud"], app.id);
        }
    }
}

#[tokio::test]
async fn without_a_key_nothing_is_sent_and_never_the_plain_text() {
    let stage = stage().await;
    let [rsa, ec, _] = Opener::all();
    let mut broken = ec.jwks();
    broken["keys"][0]["x"] = json!("AAAA");
    // None at all, one of another kind, one that is no key.
    for jwks in [None, Some(rsa.jwks()), Some(broken)] {
        let app = stage
            .app(|client| {
                client.metadata.id_token_encrypted_response_alg = Some(KeyManagement::EcdhEs);
                client.metadata.userinfo_encrypted_response_alg = Some(KeyManagement::EcdhEs);
                client.metadata.jwks.clone_from(&jwks);
            })
            .await;
        let code = app.code(&stage.browser.get(&app.authorize(&[])).await);
        assert_eq!(refusal(app.redeem(&code).await).await, (400, "invalid_request".to_owned()));
        // Without openid there is no ID token to encrypt; and no userinfo.
        let tokens = app.tokens_with(&stage.browser, &[("scope", "profile")]).await;
        assert_eq!(app.userinfo(text(&tokens, "access_token")).await.status(), 403);
    }
    let app = stage.app(|client| client.metadata.userinfo_encrypted_response_alg = Some(KeyManagement::EcdhEs)).await;
    let tokens = app.tokens_with(&stage.browser, &[]).await;
    let refused = refusal(app.userinfo(text(&tokens, "access_token")).await).await;
    assert_eq!(refused, (400, "invalid_request".to_owned()));
}

async fn introspected(app: &App, token: &str, accept: &str) -> (String, String) {
    let request = app.http.post(format!("{}/oauth2/introspect", app.base)).basic_auth(&app.id, app.secret.as_deref());
    let response = request.header("accept", accept).form(&[("token", token)]).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["vary"].to_str().unwrap().eq_ignore_ascii_case("accept"));
    (response.headers()["content-type"].to_str().unwrap().to_owned(), response.text().await.unwrap())
}

#[tokio::test]
async fn introspection_is_a_jwt_for_whoever_asks_for_one() {
    let stage = stage().await;
    let app =
        stage.app(|client| client.metadata.introspection_signed_response_alg = Some(SigningAlgorithm::Ps256)).await;
    let plain = stage.app(|_| {}).await;
    let tokens = app.tokens_with(&stage.browser, &[]).await;
    let token = text(&tokens, "access_token");
    for (asking, algorithm) in [(&app, SigningAlgorithm::Ps256), (&plain, SigningAlgorithm::Rs256)] {
        for accept in
            ["application/token-introspection+jwt", "application/json;q=0.5, application/token-introspection+jwt"]
        {
            let (kind, jwt) = introspected(asking, token, accept).await;
            assert_eq!(kind, "application/token-introspection+jwt");
            let (header, said) = stage.verified(&jwt, algorithm).await;
            assert_eq!(header["typ"], "token-introspection+jwt");
            assert_eq!((&said["iss"], &said["aud"]), (&json!(stage.provider.base), &json!(asking.id)));
            assert!(said["iat"].is_i64());
            // RFC 9701, section 5: nothing that another reader could take for the token's own.
            assert_eq!(said.as_object().unwrap().len(), 4, "{said}");
            let found = &said["token_introspection"];
            assert_eq!((&found["active"], &found["client_id"]), (&json!(true), &json!(app.id)));
            assert_eq!(app.userinfo(&jwt).await.status(), 401);
        }
        for accept in ["*/*", "application/json", "application/token-introspection+jwt;q=0"] {
            let (kind, body) = introspected(asking, token, accept).await;
            assert_eq!(kind, "application/json");
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["active"], true);
        }
    }
    let (_, jwt) = introspected(&app, "nonsense", "application/token-introspection+jwt").await;
    assert_eq!(claims(&jwt)["token_introspection"], json!({ "active": false }));
}

#[tokio::test]
async fn what_is_announced_is_what_works() {
    let stage = stage().await;
    let url = stage.provider.url("/.well-known/openid-configuration");
    let document = answer(stage.provider.stranger().get(url).send().await.unwrap()).await.1;
    // Behaviour 60.
    for what in ["id_token_signing", "userinfo_signing", "introspection_signing"] {
        assert_eq!(
            document[format!("{what}_alg_values_supported")],
            json!(["RS256", "PS256", "ES256", "EdDSA"]),
            "{what}"
        );
    }
    for what in ["id_token", "userinfo"] {
        assert_eq!(document[format!("{what}_encryption_alg_values_supported")], json!(["RSA-OAEP-256", "ECDH-ES"]));
        assert_eq!(document[format!("{what}_encryption_enc_values_supported")], json!(["A256GCM"]));
    }
}
