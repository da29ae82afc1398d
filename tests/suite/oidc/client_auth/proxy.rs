//! Certificates that a proxy tells of in a header: believed of ours and of nobody else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::model::client::{AuthMethod, Metadata};

use super::{believed, refused};
use crate::harness::app::{refusal, registration};
use crate::harness::certificates::{Authority, Leaf, Strength, Wish};
use crate::harness::{App, Provider};

/// As nginx escapes it.
fn escaped(pem: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    pem.iter().map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

async fn start(trusted: &str, authority: &Authority) -> (Provider, App) {
    let ca = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.pem", uuid::Uuid::new_v4()));
    std::fs::write(&ca, authority.pem()).unwrap();
    let settings =
        [("CLIENT_CERT_HEADER", "X-Client-Cert"), ("TRUSTED_PROXIES", trusted), ("CLIENT_CA", ca.to_str().unwrap())];
    let provider = Provider::start_with(&settings).await;
    std::fs::remove_file(ca).unwrap();
    let (mut client, _) = registration(AuthMethod::TlsClientAuth, None);
    client.metadata = Metadata { tls_client_auth_subject_dn: Some("CN=somebody".to_owned()), ..Metadata::default() };
    let app = provider.register((client, None)).await;
    (provider, app)
}

async fn tell(app: &App, headers: &[(&str, &str)]) -> (u16, String) {
    let form = [("grant_type", "none_such"), ("client_id", app.id.as_str())];
    let mut request = app.http.post(format!("{}/oauth2/token", app.base)).form(&form);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    refusal(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_trusted_proxy_tells_of_a_certificate() {
    let authority = Authority::new("Clients CA");
    let (_provider, app) = start("127.0.0.1", &authority).await;
    let leaf = authority.issue(&Wish::default());
    let pem = escaped(&leaf.pem());
    assert_eq!(tell(&app, &[("X-Client-Cert", &pem)]).await, believed());
    // Slashes and pluses may stand as they are.
    let half = pem.replace("%2F", "/").replace("%2B", "+").replace("%3D", "=");
    assert_eq!(tell(&app, &[("x-client-cert", &half)]).await, believed());
    let rfc_9440 = format!(":{}:", STANDARD.encode(leaf.certificate.to_der().unwrap()));
    assert_eq!(tell(&app, &[("X-Client-Cert", &rfc_9440)]).await, believed());
    assert_eq!(tell(&app, &[]).await, refused());
    let stranger = escaped(&Leaf::self_signed(&Wish::default()).pem());
    assert_eq!(tell(&app, &[("X-Client-Cert", &stranger)]).await, refused());
    // A proxy that adds its own leaves the caller's in place: neither is believed.
    assert_eq!(tell(&app, &[("X-Client-Cert", &pem), ("X-Client-Cert", &pem)]).await, refused());
    // Nor is either where the two are joined to one header (RFC 9110, section 5.3).
    for joined in [
        format!("{pem},{stranger}"),
        format!("{pem}, {stranger}"),
        format!("{pem}{stranger}"),
        format!("x,{pem}"),
        format!("{rfc_9440}, {rfc_9440}"),
    ] {
        assert_eq!(tell(&app, &[("X-Client-Cert", &joined)]).await, refused());
    }
    for nonsense in ["", "nonsense", "%", "%zz", "::", ":AAAA:", "-----BEGIN%20CERTIFICATE-----", &"A".repeat(10_000)] {
        assert_eq!(tell(&app, &[("X-Client-Cert", nonsense)]).await, refused(), "{nonsense}");
    }
    assert_eq!(tell(&app, &[("X-Other", &pem)]).await, refused());
}

#[tokio::test]
async fn nobody_else_is_believed_about_certificates() {
    let authority = Authority::new("Clients CA");
    let (_provider, app) = start("10.0.0.1", &authority).await;
    let pem = escaped(&authority.issue(&Wish::default()).pem());
    for headers in [
        &[("X-Client-Cert", pem.as_str())][..],
        &[("X-Client-Cert", pem.as_str()), ("X-Forwarded-For", "10.0.0.1")][..],
    ] {
        assert_eq!(tell(&app, headers).await, refused());
    }
}

#[tokio::test]
async fn a_certificate_that_can_be_forged_is_refused_whoever_vouches_for_it() {
    let authority = Authority::new("Clients CA");
    let (_provider, app) = start("127.0.0.1", &authority).await;
    for strength in [Strength::ShortKey, Strength::OldDigest] {
        let leaf = authority.issue(&Wish { strength, ..Wish::default() });
        assert_eq!(tell(&app, &[("X-Client-Cert", &escaped(&leaf.pem()))]).await, refused());
    }
}
