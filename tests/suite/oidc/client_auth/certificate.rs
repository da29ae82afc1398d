//! `tls_client_auth` and `self_signed_tls_client_auth`, with real handshakes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::model::client::{AuthMethod, Metadata, Profile};
use openssl::x509::extension::SubjectAlternativeName;
use serde_json::{Value, json};
use time::Duration;

use super::{believed, refused};
use crate::harness::app::{answer, refusal, registration};
use crate::harness::certificates::{Authority, Leaf, Purpose, Wish};
use crate::harness::mtls::Mtls;
use crate::harness::publisher::{Answer, Publisher};
use crate::harness::{App, Provider};

async fn register(provider: &Provider, method: AuthMethod, metadata: Metadata) -> App {
    let (mut client, _) = registration(method, None);
    client.metadata = metadata;
    provider.register((client, None)).await
}

async fn ask(app: &App) -> (u16, String) {
    refusal(app.token(&[("grant_type", "none_such")]).await).await
}

const SUBJECT: &[(&str, &str)] = &[("C", "DE"), ("O", "Acme, Inc."), ("CN", "desk")];
const WRITTEN: &str = r"CN=desk,O=Acme\, Inc.,C=DE";

fn by_subject(subject: &str) -> Metadata {
    Metadata { tls_client_auth_subject_dn: Some(subject.to_owned()), ..Metadata::default() }
}

fn names(names: &mut SubjectAlternativeName) {
    names.dns("desk.example").uri("https://desk.example/id").ip("192.0.2.7").email("desk@acme.example");
}

/// The public key of a certificate as a JWK.
fn jwk(leaf: &Leaf) -> Value {
    let pair = josekit::jwk::alg::ec::EcKeyPair::from_pem(leaf.key_pem(), None);
    Value::Object(pair.unwrap().to_jwk_public_key().as_ref().clone())
}

#[tokio::test]
async fn a_client_whose_subject_a_ca_vouches_for_is_believed() {
    let mtls = Mtls::start(&[]).await;
    let app = register(&mtls.provider, AuthMethod::TlsClientAuth, by_subject(WRITTEN)).await;
    let good = Wish { subject: SUBJECT, ..Wish::default() };
    let leaf = mtls.authority.issue(&good);
    assert_eq!(ask(&mtls.showing(&app, Some(&leaf), &[])).await, believed());
    // Through a CA in between, which the client sends along.
    let between = mtls.authority.below("Department CA");
    let leaf = between.issue(&good);
    assert_eq!(ask(&mtls.showing(&app, Some(&leaf), &[&between])).await, believed());
    assert_eq!(ask(&mtls.showing(&app, Some(&leaf), &[])).await, refused());
    // Other profiles allow it too.
    let (mut client, _) = registration(AuthMethod::TlsClientAuth, None);
    (client.profile, client.metadata) = (Profile::High, by_subject(WRITTEN));
    let high = mtls.provider.register((client, None)).await;
    let leaf = mtls.authority.issue(&good);
    assert_eq!(ask(&mtls.showing(&high, Some(&leaf), &[])).await, believed());
}

#[tokio::test]
async fn a_certificate_that_is_not_good_for_the_client_is_refused() {
    let mtls = Mtls::start(&[]).await;
    let app = register(&mtls.provider, AuthMethod::TlsClientAuth, by_subject(WRITTEN)).await;
    let good = || Wish { subject: SUBJECT, ..Wish::default() };
    let issue = |wish| mtls.authority.issue(&wish);
    for (what, leaf) in [
        ("another subject", issue(Wish { subject: &[("C", "DE"), ("O", "Acme, Inc."), ("CN", "thief")], ..good() })),
        ("a part of the subject", issue(Wish { subject: &[("CN", "desk")], ..good() })),
        (
            "the subject turned round",
            issue(Wish { subject: &[("CN", "desk"), ("O", "Acme, Inc."), ("C", "DE")], ..good() }),
        ),
        ("a CA of the same name", Authority::new("Clients CA").issue(&good())),
        ("the server's CA", mtls.server.issue(&good())),
        ("nobody", Leaf::self_signed(&good())),
        ("what is over", issue(Wish { days: (-3, -1), ..good() })),
        ("what is not yet", issue(Wish { days: (1, 3), ..good() })),
        ("a server", issue(Wish { purpose: Purpose::Server, ..good() })),
    ] {
        assert_eq!(ask(&mtls.showing(&app, Some(&leaf), &[])).await, refused(), "{what}");
    }
    assert_eq!(ask(&mtls.showing(&app, None, &[])).await, refused());
    assert_eq!(ask(&app).await, refused());
    // A good one does not become a CA.
    let leaf = issue(good());
    let pretender = Authority { certificate: leaf.certificate.clone(), key: leaf.key.clone() };
    let below = pretender.issue(&good());
    assert_eq!(ask(&mtls.showing(&app, Some(&below), &[&pretender])).await, refused());
    // Its time is that of the request.
    let leaf = issue(good());
    let shown = mtls.showing(&app, Some(&leaf), &[]);
    assert_eq!(ask(&shown).await, believed());
    mtls.provider.wait(Duration::days(31));
    assert_eq!(ask(&shown).await, refused());
}

#[tokio::test]
async fn one_alternative_name_stands_for_a_client() {
    let mtls = Mtls::start(&[]).await;
    let leaf = mtls.authority.issue(&Wish { names, ..Wish::default() });
    let bare = mtls.authority.issue(&Wish { subject: &[("CN", "desk.example")], ..Wish::default() });
    let none = Metadata::default;
    let text = |text: &str| Some(text.to_owned());
    for (metadata, good) in [
        (Metadata { tls_client_auth_san_dns: text("Desk.example"), ..none() }, true),
        (Metadata { tls_client_auth_san_uri: text("https://desk.example/id"), ..none() }, true),
        (Metadata { tls_client_auth_san_ip: text("192.0.2.7"), ..none() }, true),
        (Metadata { tls_client_auth_san_email: text("desk@acme.example"), ..none() }, true),
        (Metadata { tls_client_auth_san_dns: text("desk.example.com"), ..none() }, false),
        (Metadata { tls_client_auth_san_dns: text("*.example"), ..none() }, false),
        (Metadata { tls_client_auth_san_uri: text("https://desk.example/"), ..none() }, false),
        (Metadata { tls_client_auth_san_ip: text("192.0.2.8"), ..none() }, false),
        (Metadata { tls_client_auth_san_ip: text("nonsense"), ..none() }, false),
        (Metadata { tls_client_auth_san_email: text("thief@acme.example"), ..none() }, false),
        // Exactly one.
        (none(), false),
        (Metadata { tls_client_auth_san_dns: text("desk.example"), ..by_subject("CN=somebody") }, false),
    ] {
        let said = format!("{metadata:?}");
        let app = register(&mtls.provider, AuthMethod::TlsClientAuth, metadata).await;
        let expected = if good { believed() } else { refused() };
        assert_eq!(ask(&mtls.showing(&app, Some(&leaf), &[])).await, expected, "{said}");
        assert_eq!(ask(&mtls.showing(&app, Some(&bare), &[])).await, refused(), "{said}");
    }
}

#[tokio::test]
async fn a_certificate_that_the_client_registered_needs_nobody_to_vouch_for_it() {
    let mtls = Mtls::start(&[]).await;
    let (leaf, other) = (Leaf::self_signed(&Wish::default()), Leaf::self_signed(&Wish::default()));
    let chain = |leaf: &Leaf| json!([STANDARD.encode(leaf.certificate.to_der().unwrap())]);
    let with = |mut key: Value, name: &str, value: Value| {
        key[name] = value;
        key
    };
    for (what, key, good) in [
        ("its key", jwk(&leaf), true),
        ("its key and itself", with(jwk(&leaf), "x5c", chain(&leaf)), true),
        ("itself beside another key", with(jwk(&other), "x5c", chain(&leaf)), true),
        ("another key", jwk(&other), false),
        ("another certificate", with(jwk(&other), "x5c", chain(&other)), false),
        ("a key to encrypt to", with(jwk(&leaf), "use", json!("enc")), false),
        ("half a key", with(jwk(&leaf), "y", jwk(&other)["y"].clone()), false),
        ("a key of another curve", with(jwk(&leaf), "crv", json!("P-384")), false),
        ("nonsense", json!({ "kty": "EC", "crv": "P-256", "x": 1, "x5c": "?" }), false),
    ] {
        let metadata = Metadata { jwks: Some(json!({ "keys": [key] })), ..Metadata::default() };
        let app = register(&mtls.provider, AuthMethod::SelfSignedTlsClientAuth, metadata).await;
        let expected = if good { believed() } else { refused() };
        assert_eq!(ask(&mtls.showing(&app, Some(&leaf), &[])).await, expected, "{what}");
        assert_eq!(ask(&mtls.showing(&app, None, &[])).await, refused(), "{what}");
    }
    // A CA's word is not the client's.
    let metadata = Metadata { jwks: Some(json!({ "keys": [jwk(&leaf)] })), ..by_subject("CN=somebody") };
    let app = register(&mtls.provider, AuthMethod::SelfSignedTlsClientAuth, metadata).await;
    let vouched = mtls.authority.issue(&Wish::default());
    assert_eq!(ask(&mtls.showing(&app, Some(&vouched), &[])).await, refused());
}

#[tokio::test]
async fn a_certificate_that_the_client_publishes_is_believed_at_once() {
    let (old, new) = (Leaf::self_signed(&Wish::default()), Leaf::self_signed(&Wish::default()));
    let publisher = Publisher::start(Answer::Json(json!({ "keys": [jwk(&old)] })));
    let mtls = Mtls::start(&publisher.settings()).await;
    let metadata = Metadata { jwks_uri: Some(publisher.url()), ..Metadata::default() };
    let app = register(&mtls.provider, AuthMethod::SelfSignedTlsClientAuth, metadata).await;
    assert_eq!(ask(&mtls.showing(&app, Some(&old), &[])).await, believed());
    publisher.publish(Answer::Json(json!({ "keys": [jwk(&new)] })));
    // Behaviour 55.
    assert_eq!(ask(&mtls.showing(&app, Some(&new), &[])).await, believed());
    assert_eq!(ask(&mtls.showing(&app, Some(&old), &[])).await, refused());
}

#[tokio::test]
async fn a_certificate_is_no_proof_for_a_client_that_registered_another() {
    let mtls = Mtls::start(&[]).await;
    let leaf = mtls.authority.issue(&Wish::default());
    let metadata = || Metadata { jwks: Some(json!({ "keys": [jwk(&leaf)] })), ..by_subject("CN=somebody") };
    for method in [AuthMethod::SecretBasic, AuthMethod::PrivateKeyJwt] {
        let (mut client, secret) = registration(method, None);
        client.metadata = metadata();
        let mut app = mtls.provider.register((client, secret)).await;
        app.secret = None;
        assert_eq!(ask(&mtls.showing(&app, Some(&leaf), &[])).await, refused());
    }
    // And with a certificate, a secret is one way too many.
    let app = register(&mtls.provider, AuthMethod::TlsClientAuth, by_subject("CN=somebody")).await;
    let app = App { secret: Some("guess".to_owned()), ..mtls.showing(&app, Some(&leaf), &[]) };
    assert_eq!(ask(&app).await, refused());
}

#[tokio::test]
async fn the_metadata_tells_of_certificates_where_they_can_be_shown() {
    let methods = |document: &Value| document["token_endpoint_auth_methods_supported"].to_string();
    let document = |provider: &Provider| {
        let (http, url) = (provider.stranger(), provider.url("/.well-known/openid-configuration"));
        async move { answer(http.get(url).send().await.unwrap()).await.1 }
    };
    let without = document(&Provider::start().await).await;
    assert!(!methods(&without).contains("tls_client_auth"));
    assert_eq!(without["tls_client_certificate_bound_access_tokens"], false);
    assert_eq!(without.get("mtls_endpoint_aliases"), None);
    let mtls = Mtls::start(&[]).await;
    let with = document(&mtls.provider).await;
    assert!(
        methods(&with).contains("\"tls_client_auth\"") && methods(&with).contains("\"self_signed_tls_client_auth\"")
    );
    assert_eq!(with["tls_client_certificate_bound_access_tokens"], true);
    let aliases = with["mtls_endpoint_aliases"].as_object().unwrap();
    assert!(aliases.contains_key("token_endpoint"));
    for (name, url) in aliases {
        let same = with[name].as_str().unwrap().replace(&mtls.provider.base, &mtls.base);
        assert_eq!(url.as_str().unwrap(), same);
    }
    // Without a CA, nobody can be vouched for.
    let settings = [("CLIENT_CERT_HEADER", "X-Client-Cert"), ("TRUSTED_PROXIES", "10.0.0.1")];
    let header = document(&Provider::start_with(&settings).await).await;
    assert!(!methods(&header).contains("\"tls_client_auth\""));
    assert!(methods(&header).contains("\"self_signed_tls_client_auth\""));
    assert_eq!(header.get("mtls_endpoint_aliases"), None);
}
