//! What a proof must be (RFC 9449, section 4.3), tried at the token endpoint by a client that speaks for itself.

use countersign::model::client::AuthMethod;
use countersign::model::jose::SigningAlgorithm;
use serde_json::{Map, Value, json};

use crate::harness::app::{answer, claims, registration, text};
use crate::harness::prover::{Draft, Prover};
use crate::harness::{App, Provider};

struct Stage {
    provider: Provider,
    app: App,
    prover: Prover,
}

async fn stage() -> Stage {
    let provider = Provider::start().await;
    let (company, _) = provider.company("TechCorp").await;
    let app = provider.register(registration(AuthMethod::SecretBasic, Some(company.id))).await;
    Stage { provider, app, prover: Prover::default() }
}

impl Stage {
    fn draft(&self) -> Draft {
        self.prover.for_token(&self.provider)
    }

    async fn ask(&self, proofs: &[String]) -> (u16, Value) {
        answer(self.app.token_with(&[("grant_type", "client_credentials")], proofs).await).await
    }

    async fn taken(&self, draft: &Draft) {
        let (status, body) = self.ask(&[self.prover.sign(draft)]).await;
        assert_eq!(status, 200, "{body}: {draft:?}");
    }

    async fn refused(&self, proofs: &[String]) {
        let (status, body) = self.ask(proofs).await;
        assert_eq!((status, body["error"].as_str()), (400, Some("invalid_dpop_proof")), "{body}: {proofs:?}");
    }

    async fn flawed(&self, draft: &Draft) {
        self.refused(&[self.prover.sign(draft)]).await;
    }
}

#[tokio::test]
async fn a_proof_may_be_signed_with_every_algorithm_of_the_metadata() {
    let stage = stage().await;
    let url = stage.provider.url("/.well-known/openid-configuration");
    let (_, metadata) = answer(stage.app.http.get(url).send().await.unwrap()).await;
    let told = &metadata["dpop_signing_alg_values_supported"];
    assert_eq!(told, &json!(SigningAlgorithm::ALL.map(SigningAlgorithm::as_str)));
    for algorithm in SigningAlgorithm::ALL {
        let prover = Prover::new(algorithm);
        let (status, body) = stage.ask(&[prover.sign(&prover.for_token(&stage.provider))]).await;
        assert_eq!((status, &body["token_type"]), (200, &json!("DPoP")), "{body}");
        assert_eq!(claims(text(&body, "access_token"))["cnf"], json!({ "jkt": prover.jkt() }));
    }
}

#[tokio::test]
async fn a_proof_has_its_type_and_its_algorithm() {
    let stage = stage().await;
    // Behaviour 82.
    stage.flawed(&stage.draft().without("typ")).await;
    for typ in [json!("JWT"), json!("at+jwt"), json!("dpop"), json!(""), json!(1), json!(["dpop+jwt"])] {
        stage.flawed(&stage.draft().head("typ", typ)).await;
    }
    stage.flawed(&stage.draft().without("alg")).await;
    for alg in [json!("none"), json!("HS256"), json!("RS256"), json!("ES384"), json!("es256"), json!(""), json!(256)] {
        stage.flawed(&stage.draft().head("alg", alg)).await;
    }
    stage.flawed(&stage.draft().head("crit", json!(["b64"])).head("b64", false)).await;
}

#[tokio::test]
async fn a_proof_shows_the_public_key_that_signed_it_and_no_other() {
    let stage = stage().await;
    // Behaviour 82.
    stage.flawed(&stage.draft().without("jwk")).await;
    for jwk in [json!("key"), json!([]), json!({}), json!({ "kty": "EC" }), json!({ "kty": "oct", "k": "AAAA" })] {
        stage.flawed(&stage.draft().head("jwk", jwk)).await;
    }
    stage.flawed(&stage.draft().head("jwk", Prover::default().jwk)).await;
    stage.flawed(&stage.draft().head("jwk", Prover::new(SigningAlgorithm::EdDsa).jwk)).await;
    stage.flawed(&stage.draft().head("jwk", stage.prover.whole.clone())).await;
    let with = |name: &str, value: Value| {
        let more = Map::from_iter([(name.to_owned(), value)]);
        Value::Object(stage.prover.jwk.clone().into_iter().chain(more).collect())
    };
    for (name, value) in [
        ("d", json!("AAAA")),
        ("k", json!("AAAA")),
        ("alg", json!("ES384")),
        ("use", json!("enc")),
        ("crv", json!("P-384")),
        ("x", json!("AAAA")),
        ("y", stage.prover.jwk["x"].clone()),
    ] {
        stage.flawed(&stage.draft().head("jwk", with(name, value))).await;
    }
    stage.taken(&stage.draft().head("jwk", with("kid", json!("mine")))).await;
}

#[tokio::test]
async fn a_private_key_of_any_kind_is_refused() {
    let stage = stage().await;
    for algorithm in SigningAlgorithm::ALL {
        let prover = Prover::new(algorithm);
        let draft = prover.for_token(&stage.provider).head("jwk", prover.whole.clone());
        // Behaviour 82.
        stage.refused(&[prover.sign(&draft)]).await;
    }
}

#[tokio::test]
async fn a_proof_has_a_name() {
    let stage = stage().await;
    // Behaviour 82.
    stage.flawed(&stage.draft().without("jti")).await;
    for jti in [json!(""), json!(1), json!(null), json!("a".repeat(257))] {
        stage.flawed(&stage.draft().claim("jti", jti)).await;
    }
    stage.taken(&stage.draft().claim("jti", "a".repeat(256))).await;
}

#[tokio::test]
async fn a_proof_is_for_one_method_and_one_address() {
    let stage = stage().await;
    // Behaviour 82.
    stage.flawed(&stage.draft().without("htm")).await;
    for htm in [json!("GET"), json!("post"), json!(""), json!(["POST"])] {
        stage.flawed(&stage.draft().claim("htm", htm)).await;
    }
    stage.flawed(&stage.draft().without("htu")).await;
    let (base, right) = (&stage.provider.base, stage.provider.url("/oauth2/token"));
    for htu in [
        String::new(),
        "/oauth2/token".to_owned(),
        stage.provider.url("/oauth2/userinfo"),
        stage.provider.url("/oauth2/token/"),
        stage.provider.url("/OAUTH2/token"),
        stage.provider.url("/oauth2\\token"),
        base.replace("http", "https") + "/oauth2/token",
        "http://localhost/oauth2/token".to_owned(),
        right.replace("localhost", "127.0.0.1"),
        right.replace("localhost", "localhost.example"),
        right.replace("http://", "http://somebody@"),
        right.replace("http://", "http://:secret@"),
        format!(" {right}"),
        format!("{right}\n"),
    ] {
        stage.flawed(&stage.draft().claim("htu", htu)).await;
    }
    stage.flawed(&stage.draft().claim("htu", json!([right]))).await;
}

#[tokio::test]
async fn the_host_header_says_nothing_of_our_address() {
    let stage = stage().await;
    let proof = stage.prover.sign(&stage.draft().claim("htu", "http://evil.example/oauth2/token"));
    let request = stage.app.request("/oauth2/token", &[("grant_type", "client_credentials")]);
    let response = request.header("DPoP", proof).header("Host", "evil.example").send().await.unwrap();
    assert_eq!(response.status(), 400);
    let proof = stage.prover.sign(&stage.draft());
    let request = stage.app.request("/oauth2/token", &[("grant_type", "client_credentials")]);
    assert_eq!(request.header("DPoP", proof).header("Host", "evil.example").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_address_is_compared_without_query_and_fragment_and_whatever_the_case_of_its_host() {
    let stage = stage().await;
    let right = stage.provider.url("/oauth2/token");
    // Behaviour 82.
    for htu in [
        format!("{right}?a=b"),
        format!("{right}#here"),
        format!("{right}?a=b#here"),
        right.replace("http://localhost", "HTTP://LOCALHOST"),
    ] {
        stage.taken(&stage.draft().claim("htu", htu)).await;
    }
}

#[tokio::test]
async fn a_proof_is_new() {
    let stage = stage().await;
    let now = stage.provider.house.clock.now().unix_timestamp();
    // Behaviour 82.
    stage.flawed(&stage.draft().without("iat")).await;
    for iat in
        [json!("now"), json!(null), json!(1.5), json!(0), json!(-1), json!(i64::MIN), json!(i64::MAX), json!(u64::MAX)]
    {
        stage.flawed(&stage.draft().claim("iat", iat)).await;
    }
    for off in [-3600, -90, 90, 3600] {
        stage.flawed(&stage.draft().claim("iat", now + off)).await;
    }
    for off in [-50, -10, 0, 10, 50] {
        stage.taken(&stage.draft().claim("iat", now + off)).await;
    }
}

#[tokio::test]
async fn one_proof_comes_in_one_header() {
    let stage = stage().await;
    let proof = || stage.prover.sign(&stage.draft());
    // Behaviour 82.
    stage.refused(&[proof(), proof()]).await;
    let one = proof();
    stage.refused(&[one.clone(), one]).await;
    stage.refused(&[format!("{},{}", proof(), proof())]).await;
    let (status, body) = stage.ask(&[proof()]).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn what_is_no_signed_jwt_is_refused() {
    let stage = stage().await;
    let good = stage.prover.sign(&stage.draft());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = signed.split_once('.').unwrap();
    for proof in [
        String::new(),
        "nonsense".to_owned(),
        "..".to_owned(),
        signed.to_owned(),
        format!("{signed}."),
        format!("{signed}.{}", "A".repeat(86)),
        format!("{signed}.{signature}="),
        format!("{good}.{signature}"),
        format!("{head}..{signature}"),
        format!("{head}.{head}.{signature}"),
        format!("{body}.{body}.{signature}"),
        format!("a{good}"),
        "a".repeat(10_000),
    ] {
        stage.refused(&[proof]).await;
    }
    let latin = reqwest::header::HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    let request = stage.app.request("/oauth2/token", &[("grant_type", "client_credentials")]).header("DPoP", latin);
    assert_eq!(request.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_client_whose_tokens_are_bound_gets_none_without_a_proof() {
    let stage = stage().await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.dpop_bound_access_tokens = true;
    client.company = Some(stage.provider.company("Agency").await.0.id);
    let app = stage.provider.register((client, secret)).await;
    let form = [("grant_type", "client_credentials")];
    let (status, body) = answer(app.token(&form).await).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_dpop_proof")));
    let (status, body) = answer(app.token_with(&form, &[stage.prover.sign(&stage.draft())]).await).await;
    assert_eq!((status, &body["token_type"]), (200, &json!("DPoP")));
}

#[tokio::test]
async fn a_client_whose_tokens_are_bound_to_its_certificate_gets_none_for_a_proof_alone() {
    let stage = stage().await;
    let (mut client, secret) = registration(AuthMethod::SecretBasic, None);
    client.metadata.tls_client_certificate_bound_access_tokens = true;
    client.company = Some(stage.provider.company("Agency").await.0.id);
    let app = stage.provider.register((client, secret)).await;
    for proofs in [vec![], vec![stage.prover.sign(&stage.draft())]] {
        let (status, body) = answer(app.token_with(&[("grant_type", "client_credentials")], &proofs).await).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
    }
}
