//! TLS of our own: what a strict client finds.

use std::process::Stdio;

use countersign::model::client::AuthMethod;
use countersign::model::settings::{Mode, Settings};
use countersign::outbound::http::Guarded;
use countersign::storage::client;
use countersign::storage::scope::Db;
use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};

use super::serve::{Running, open};
use super::{SECRET, program};
use crate::harness::app::registration;
use crate::harness::certificates::{Authority, Leaf, Wish};
use crate::harness::{database, port};

/// A certificate for localhost, and its key, as PEM.
fn certificate() -> (Vec<u8>, Vec<u8>) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, "localhost").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    let alternative =
        SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(alternative).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build().to_pem().unwrap(), key.private_key_to_pem_pkcs8().unwrap())
}

fn shakes_hands(port: u16, prepare: impl FnOnce(&mut openssl::ssl::SslConnectorBuilder)) -> bool {
    let mut connector = SslConnector::builder(SslMethod::tls()).unwrap();
    connector.set_verify(SslVerifyMode::NONE);
    prepare(&mut connector);
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    connector.build().connect("localhost", stream).is_ok()
}

#[tokio::test]
async fn the_server_speaks_tls_of_today_and_nothing_older() {
    let fresh = database::Fresh::copy().await;
    let port = port::free();
    let (certificate, key) = certificate();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{port}"));
    std::fs::create_dir_all(&folder).unwrap();
    let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert_file, &certificate).unwrap();
    std::fs::write(&key_file, key).unwrap();
    let (issuer, listen) = (format!("https://localhost:{port}"), format!("127.0.0.1:{port}"));
    let settings = [
        ("DATABASE_URL", fresh.app_url.as_str()),
        ("ISSUER", &issuer),
        ("LISTEN", &listen),
        ("SECRET_KEY", SECRET),
        ("REQUIRE_VERIFIED_EMAIL", "false"),
        ("TLS_CERT", cert_file.to_str().unwrap()),
        ("TLS_KEY", key_file.to_str().unwrap()),
    ];
    let _running = Running(program(&["serve"], &settings).stderr(Stdio::null()).spawn().unwrap());
    open(port).await;
    let trusting =
        reqwest::Client::builder().add_root_certificate(reqwest::Certificate::from_pem(&certificate).unwrap());
    let answer =
        trusting.build().unwrap().get(format!("{issuer}/.well-known/openid-configuration")).send().await.unwrap();
    let metadata: serde_json::Value = answer.json().await.unwrap();
    // Behaviours 2 and 3.
    assert_eq!(metadata["issuer"], issuer);
    for (name, value) in metadata.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            assert!(value.as_str().unwrap().starts_with("https://"), "{name}");
        }
    }
    tokio::task::spawn_blocking(move || {
        // Behaviour 75.
        let at = |least, most, ciphers: Option<&str>| {
            shakes_hands(port, |connector| {
                connector.set_min_proto_version(Some(least)).unwrap();
                connector.set_max_proto_version(Some(most)).unwrap();
                if let Some(ciphers) = ciphers {
                    connector.set_cipher_list(ciphers).unwrap();
                }
            })
        };
        assert!(at(SslVersion::TLS1_3, SslVersion::TLS1_3, None));
        assert!(at(SslVersion::TLS1_2, SslVersion::TLS1_2, Some("ECDHE-RSA-AES128-GCM-SHA256")));
        assert!(!at(SslVersion::TLS1_2, SslVersion::TLS1_2, Some("ECDHE-RSA-CHACHA20-POLY1305")));
        assert!(!at(SslVersion::TLS1_2, SslVersion::TLS1_2, Some("AES128-GCM-SHA256:@SECLEVEL=0")));
        assert!(!at(SslVersion::TLS1, SslVersion::TLS1_1, Some("ALL:@SECLEVEL=0")));
    })
    .await
    .unwrap();
    calls_to_others(&issuer, &cert_file).await;
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn only_the_port_for_it_asks_for_certificates_and_both_stop_when_told() {
    let fresh = database::Fresh::copy().await;
    let leaf = Leaf::self_signed(&Wish::default());
    let pair = josekit::jwk::alg::ec::EcKeyPair::from_pem(leaf.key_pem(), None).unwrap();
    let (mut client, _) = registration(AuthMethod::SelfSignedTlsClientAuth, None);
    client.metadata.jwks = Some(serde_json::json!({ "keys": [pair.to_jwk_public_key().as_ref()] }));
    let db = Db::open(&fresh.app_url, 1).unwrap();
    let mut tx = db.platform().await.unwrap();
    client::save_platform(&mut tx, &client, time::OffsetDateTime::UNIX_EPOCH).await.unwrap();
    tx.commit_unremarkable().await.unwrap();
    let (port, asking) = (port::free(), port::free());
    let authority = Authority::new("Server CA");
    let server = authority.server("localhost");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{port}"));
    std::fs::create_dir_all(&folder).unwrap();
    let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert_file, server.pem()).unwrap();
    std::fs::write(&key_file, server.key_pem()).unwrap();
    let [issuer, url] = [port, asking].map(|port| format!("https://localhost:{port}"));
    let [listen, mtls_listen] = [port, asking].map(|port| format!("127.0.0.1:{port}"));
    let settings = [
        ("DATABASE_URL", fresh.app_url.as_str()),
        ("ISSUER", &issuer),
        ("LISTEN", &listen),
        ("MTLS_LISTEN", &mtls_listen),
        ("MTLS_URL", &url),
        ("SECRET_KEY", SECRET),
        ("REQUIRE_VERIFIED_EMAIL", "false"),
        ("TLS_CERT", cert_file.to_str().unwrap()),
        ("TLS_KEY", key_file.to_str().unwrap()),
    ];
    let mut running = Running(program(&["serve"], &settings).stderr(Stdio::null()).spawn().unwrap());
    open(port).await;
    let http = reqwest::Client::builder()
        .add_root_certificate(reqwest::Certificate::from_pem(&authority.pem()).unwrap())
        .identity(reqwest::Identity::from_pkcs8_pem(&leaf.pem(), &leaf.key_pem()).unwrap())
        .build()
        .unwrap();
    let form = [("grant_type", "none_such"), ("client_id", client.id.as_str())];
    for (base, status) in [(&issuer, 401), (&url, 400), (&issuer, 401)] {
        let sent = http.post(format!("{base}/oauth2/token")).form(&form).send().await.unwrap();
        assert_eq!(sent.status(), status, "{base}");
    }
    // Whoever has no certificate is served there too.
    let bare = reqwest::Client::builder()
        .add_root_certificate(reqwest::Certificate::from_pem(&authority.pem()).unwrap())
        .build()
        .unwrap();
    assert_eq!(bare.get(format!("{url}/readyz")).send().await.unwrap().status(), 200);
    let told = std::process::Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status().unwrap();
    assert!(told.success());
    drop((http, bare));
    let status = tokio::task::spawn_blocking(move || running.0.wait().unwrap()).await.unwrap();
    assert!(status.success(), "{status}");
    std::fs::remove_dir_all(folder).unwrap();
}

/// Behaviour 67: calls to loopback and to a CA of one's own are off, and each has its setting.
async fn calls_to_others(issuer: &str, ca: &std::path::Path) {
    let ca = ca.to_str().unwrap();
    let url: url::Url = format!("{issuer}/.well-known/openid-configuration").parse().unwrap();
    for (more, works) in [
        (&[][..], false),
        (&[("OUTBOUND_CA", ca)][..], false),
        (&[("OUTBOUND_ALLOW_LOOPBACK", "true")][..], false),
        (&[("OUTBOUND_CA", ca), ("OUTBOUND_ALLOW_LOOPBACK", "true")][..], true),
    ] {
        let vars = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let settings = Settings::read(&vars, Mode::Dev).unwrap();
        let guarded = Guarded::new(&settings).unwrap();
        assert_eq!(guarded.get(&url).await.is_ok(), works, "{more:?}");
    }
}
