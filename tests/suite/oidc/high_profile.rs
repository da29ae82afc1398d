//! Clients of profile `high` (FAPI 2.0 Security Profile and Message Signing): what they must do, and that nothing weaker works.

use countersign::model::client::{AuthMethod, Profile};
use countersign::model::jose::SigningAlgorithm;
use countersign::model::secret::random;
use serde_json::{Value, json};
use time::Duration;

use crate::harness::app::{CALLBACK, CHALLENGE, VERIFIER, answer, claims, refusal, registration, text};
use crate::harness::prover::Prover;
use crate::harness::signer::{Signer, jwks};
use crate::harness::{App, Provider, Visitor};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const REQUEST: [(&str, &str); 6] = [
    ("response_type", "code"),
    ("redirect_uri", CALLBACK),
    ("scope", "openid offline_access"),
    ("state", "a-state"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

struct Stage {
    provider: Provider,
    app: App,
    signer: Signer,
    prover: Prover,
    browser: Visitor,
}

async fn stage() -> Stage {
    let provider = Provider::start().await;
    let (_, person) = provider.company("TechCorp").await;
    let signer = Signer::new(SigningAlgorithm::Es256, "one");
    let (mut client, _) = registration(AuthMethod::PrivateKeyJwt, None);
    client.profile = Profile::High;
    client.metadata.jwks = Some(jwks(&[&signer]));
    client.metadata.id_token_signed_response_alg = SigningAlgorithm::Ps256;
    let app = provider.register((client, None)).await;
    let browser = provider.visitor();
    browser.sign_in(&person).await;
    Stage { provider, app, signer, prover: Prover::default(), browser }
}

impl Stage {
    fn now(&self) -> i64 {
        self.provider.house.clock.now().unix_timestamp()
    }

    /// A request as this client, with a fresh assertion and this proof.
    async fn post(&self, path: &str, form: &[(&str, &str)], proof: Option<String>) -> reqwest::Response {
        let (id, now) = (&self.app.id, self.now());
        let assertion = self.signer.sign(&json!({
            "iss": id, "sub": id, "aud": self.provider.base, "iat": now, "exp": now + 60,
            "jti": u128::from_ne_bytes(random()).to_string(),
        }));
        let mut all = vec![("client_assertion_type", ASSERTION), ("client_assertion", assertion.as_str())];
        all.extend(form.iter().filter(|(_, value)| !value.is_empty()));
        let request = self.app.http.post(self.provider.url(path)).form(&all);
        proof.into_iter().fold(request, |request, proof| request.header("DPoP", proof)).send().await.unwrap()
    }

    /// A proof for this path, with a nonce of the server's.
    fn proof(&self, path: &str) -> String {
        let now = self.provider.house.clock.now();
        let nonce = self.provider.house.dpop_nonces.current(now).unwrap();
        self.prover.sign(&self.prover.draft("POST", &self.provider.url(path), now).claim("nonce", nonce))
    }

    async fn push(&self, more: &[(&str, &str)]) -> reqwest::Response {
        let mut form: Vec<(&str, &str)> =
            REQUEST.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name)).copied().collect();
        form.extend(more);
        self.post("/oauth2/par", &form, None).await
    }

    async fn code(&self) -> String {
        let (status, pushed) = answer(self.push(&[]).await).await;
        assert_eq!(status, 201, "{pushed}");
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.app.id)
            .append_pair("request_uri", text(&pushed, "request_uri"))
            .finish();
        self.app.code(&self.browser.get(&format!("/oauth2/authorize?{query}")).await)
    }

    async fn redeem(&self, code: &str, verifier: &str) -> reqwest::Response {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ];
        self.post("/oauth2/token", &form, Some(self.proof("/oauth2/token"))).await
    }
}

#[tokio::test]
async fn pushed_proved_and_bound_a_request_leads_to_bound_tokens() {
    let stage = stage().await;
    let (status, tokens) = answer(stage.redeem(&stage.code().await, VERIFIER).await).await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(tokens["token_type"], "DPoP");
    let token = claims(text(&tokens, "access_token"));
    assert_eq!(token["cnf"]["jkt"], stage.prover.jkt());
    // Nothing of this client is signed with RS256.
    for jwt in [text(&tokens, "access_token"), text(&tokens, "id_token")] {
        let header = josekit::jwt::decode_header(jwt).unwrap();
        assert_eq!(header.claim("alg"), Some(&json!("PS256")));
    }
    // Behaviour 84: it does not rotate, so the same token works again.
    let refresh = text(&tokens, "refresh_token");
    for _ in 0..2 {
        stage.provider.wait(Duration::seconds(31));
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let (status, again) =
            answer(stage.post("/oauth2/token", &form, Some(stage.proof("/oauth2/token"))).await).await;
        assert_eq!((status, again["refresh_token"].as_str()), (200, Some(refresh)), "{again}");
    }
}

#[tokio::test]
async fn a_request_that_was_not_pushed_is_refused() {
    let stage = stage().await;
    // Behaviour 78.
    let page = stage.browser.get(&stage.app.authorize(&[])).await;
    assert_eq!(page.query("error").as_deref(), Some("invalid_request"));
    for kind in ["token", "code id_token", "id_token"] {
        let (status, code) = refusal(stage.push(&[("response_type", kind), ("nonce", "n")]).await).await;
        assert_eq!(status, 400);
        assert!(["unsupported_response_type", "unauthorized_client"].contains(&code.as_str()), "{kind}: {code}");
    }
}

#[tokio::test]
async fn pkce_with_s256_is_required() {
    let stage = stage().await;
    // Behaviour 79.
    for more in [
        [("code_challenge", ""), ("code_challenge_method", "")],
        [("code_challenge", VERIFIER), ("code_challenge_method", "plain")],
        [("code_challenge", VERIFIER), ("code_challenge_method", "")],
    ] {
        assert_eq!(refusal(stage.push(&more).await).await, (400, "invalid_request".to_owned()), "{more:?}");
    }
    let code = stage.code().await;
    for verifier in ["", &"x".repeat(43)] {
        assert_eq!(refusal(stage.redeem(&code, verifier).await).await, (400, "invalid_grant".to_owned()));
    }
    assert_eq!(stage.redeem(&code, VERIFIER).await.status(), 200);
}

#[tokio::test]
async fn a_code_lives_a_minute_and_is_its_clients_own() {
    let stage = stage().await;
    // Behaviour 80.
    let code = stage.code().await;
    let other = stage.provider.app().await;
    assert_eq!(refusal(other.redeem(&code).await).await, (400, "invalid_grant".to_owned()));
    stage.provider.wait(Duration::seconds(61));
    assert_eq!(refusal(stage.redeem(&code, VERIFIER).await).await, (400, "invalid_grant".to_owned()));
    // Behaviour 50: its second use is refused at once.
    let code = stage.code().await;
    assert_eq!(stage.redeem(&code, VERIFIER).await.status(), 200);
    assert_eq!(refusal(stage.redeem(&code, VERIFIER).await).await, (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_token_without_a_binding_is_not_given() {
    let stage = stage().await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &stage.code().await),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let (status, _) = refusal(stage.post("/oauth2/token", &form, None).await).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_signed_request_must_be_short_lived_and_complete() {
    let stage = stage().await;
    let now = stage.now();
    let object = |name: &str, value: Value| {
        let mut claims = json!({
            "iss": stage.app.id, "aud": stage.provider.base, "nbf": now, "exp": now + 300,
            "client_id": stage.app.id, "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256", "response_mode": "jwt",
        });
        claims[name] = value;
        let claims: Value =
            claims.as_object().unwrap().clone().into_iter().filter(|(_, value)| !value.is_null()).collect();
        stage.signer.sign(&claims)
    };
    let push = async |object: &str| stage.post("/oauth2/par", &[("request", object)], None).await;
    assert_eq!(push(&object("state", json!("inner"))).await.status(), 201);
    for (name, value) in [
        ("exp", Value::Null),
        ("nbf", Value::Null),
        ("aud", Value::Null),
        ("iss", Value::Null),
        ("nbf", json!(now - 3700)),
        ("exp", json!(now + 7200)),
        ("aud", json!(stage.provider.url("/oauth2/par"))),
    ] {
        let (status, code) = refusal(push(&object(name, value.clone())).await).await;
        assert_eq!((status, code.as_str()), (400, "invalid_request_object"), "{name} {value}");
    }
    let weak = Signer::new(SigningAlgorithm::Rs256, "one");
    assert_eq!(push(&weak.sign(&json!({ "response_type": "code" }))).await.status(), 400);
}
