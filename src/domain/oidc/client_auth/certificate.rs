//! `tls_client_auth` and `self_signed_tls_client_auth`: a certificate that a CA vouches for, or one that the client registered
//! (RFC 8705, sections 2.1 and 2.2).

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as B64};
use josekit::jwk::Jwk;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::EcKeyRef;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKeyRef, Public};
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{GeneralNameRef, X509, X509PurposeId, X509Ref, X509StoreContext, X509StoreContextRef};
use serde_json::Value;
use time::OffsetDateTime;

use super::refused;
use crate::domain::house::House;
use crate::domain::oidc::client_keys;
use crate::model::certificate::Certificate;
use crate::model::client::{AuthMethod, Client, Metadata};
use crate::model::context::Context;
use crate::model::distinguished_name::DistinguishedName;
use crate::model::error::{Error, Result};
use crate::model::settings::Settings;

/// OpenSSL's level of 112 bits: no RSA below 2048 bits and no SHA-1, in the certificate and between it and its CA.
const STRENGTH: i32 = 2;

/// Whoever may vouch for clients.
#[derive(Default)]
pub struct Authorities(Vec<X509>);

impl std::fmt::Debug for Authorities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authorities").field(&self.0.len()).finish()
    }
}

impl Authorities {
    /// Reads `CLIENT_CA`.
    ///
    /// # Errors
    /// It cannot be read, or holds no certificate.
    pub fn new(settings: &Settings) -> Result<Self> {
        let Some(path) = &settings.mtls.authorities else { return Ok(Self::default()) };
        let pem = std::fs::read(path).map_err(|error| Error::fault(format!("CLIENT_CA cannot be read: {error}")))?;
        let known = X509::stack_from_pem(&pem).unwrap_or_default();
        if known.is_empty() {
            return Err(Error::fault("CLIENT_CA holds no certificate"));
        }
        Ok(Self(known))
    }

    /// Whether one of them vouches for this certificate, as a client's, at this instant.
    fn vouch_for(&self, certificate: &Certificate, now: OffsetDateTime) -> Result<bool> {
        let mut between = Stack::new()?;
        for one in certificate.chain() {
            between.push(one.clone())?;
        }
        let store = self.store(now)?;
        Ok(X509StoreContext::new()?.init(&store, certificate.leaf(), &between, X509StoreContextRef::verify_cert)?)
    }

    fn store(&self, now: OffsetDateTime) -> Result<X509Store> {
        let mut store = X509StoreBuilder::new()?;
        for one in &self.0 {
            store.add_cert(one.clone())?;
        }
        let mut demands = X509VerifyParam::new()?;
        demands.set_time(now.unix_timestamp());
        demands.set_purpose(X509PurposeId::SSL_CLIENT)?;
        demands.set_auth_level(STRENGTH);
        // A CA below another can be the one that is trusted.
        demands.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        store.set_param(&demands)?;
        Ok(store.build())
    }
}

/// Checks the certificate that came with the request of a client.
///
/// # Errors
/// `invalid_client`.
pub async fn check(house: &House, cx: &Context, client: &Client) -> Result<()> {
    let shown = cx.certificate.as_ref().ok_or_else(|| refused("no certificate came with the request"))?;
    let good = match client.auth_method {
        AuthMethod::TlsClientAuth => {
            names(&client.metadata, shown.leaf()) && house.authorities.vouch_for(shown, cx.now)?
        }
        _ => client_keys::found(house, cx, client, |keys| keys.iter().find(|key| stands_for(key, shown)).map(|_| ()))
            .await
            .is_some(),
    };
    if good { Ok(()) } else { Err(refused("the certificate is not the client's")) }
}

/// RFC 8705, section 2.1.2: exactly one of the five stands in the registration, and in the certificate.
fn names(client: &Metadata, shown: &X509Ref) -> bool {
    let any = |wanted: &dyn Fn(&GeneralNameRef) -> bool| {
        shown.subject_alt_names().is_some_and(|names| names.iter().any(wanted))
    };
    let registered = [
        &client.tls_client_auth_subject_dn,
        &client.tls_client_auth_san_dns,
        &client.tls_client_auth_san_uri,
        &client.tls_client_auth_san_ip,
        &client.tls_client_auth_san_email,
    ];
    match registered.map(|name| name.as_deref()) {
        [Some(subject), None, None, None, None] => DistinguishedName::read(subject)
            .is_some_and(|wanted| DistinguishedName::of(shown.subject_name()).is_some_and(|name| name == wanted)),
        [None, Some(wanted), None, None, None] => {
            any(&|name| name.dnsname().is_some_and(|name| name.eq_ignore_ascii_case(wanted)))
        }
        [None, None, Some(wanted), None, None] => any(&|name| name.uri() == Some(wanted)),
        [None, None, None, Some(wanted), None] => {
            let Ok(wanted) = wanted.parse::<IpAddr>() else { return false };
            let octets = match wanted {
                IpAddr::V4(ip) => ip.octets().to_vec(),
                IpAddr::V6(ip) => ip.octets().to_vec(),
            };
            any(&|name| name.ipaddress() == Some(&octets))
        }
        [None, None, None, None, Some(wanted)] => any(&|name| name.email() == Some(wanted)),
        _ => false,
    }
}

/// RFC 8705, section 2.2.2: the key is the certificate's, or has the certificate beside it. Nobody vouches for such a
/// certificate, so its dates and names say nothing.
fn stands_for(key: &Jwk, shown: &Certificate) -> bool {
    if key.key_use().is_some_and(|purpose| purpose != "sig") {
        return false;
    }
    let first = key.parameter("x5c").and_then(|chain| chain.get(0)).and_then(Value::as_str);
    let same = first.and_then(|first| STANDARD.decode(first).ok()).zip(shown.leaf().to_der().ok());
    same.is_some_and(|(registered, shown)| registered == shown)
        || shown.leaf().public_key().is_ok_and(|public| is_same_key(key, &public).unwrap_or(false))
}

fn is_same_key(key: &Jwk, public: &PKeyRef<Public>) -> Option<bool> {
    let member = |name: &str| B64.decode(key.parameter(name)?.as_str()?).ok();
    let number = |name: &str| BigNum::from_slice(&member(name)?).ok();
    let curve = key.parameter("crv").and_then(Value::as_str);
    Some(match (key.key_type(), public.id()) {
        ("RSA", Id::RSA) => {
            let rsa = public.rsa().ok()?;
            *rsa.n() == *number("n")? && *rsa.e() == *number("e")?
        }
        ("EC", Id::EC) => {
            let ec = public.ec_key().ok()?;
            let (x, y) = coordinates(&ec)?;
            curve == curve_of(&ec) && x == number("x")? && y == number("y")?
        }
        ("OKP", Id::ED25519) => curve == Some("Ed25519") && public.raw_public_key().ok()? == member("x")?,
        _ => false,
    })
}

fn curve_of(key: &EcKeyRef<Public>) -> Option<&'static str> {
    match key.group().curve_name()? {
        Nid::X9_62_PRIME256V1 => Some("P-256"),
        Nid::SECP384R1 => Some("P-384"),
        Nid::SECP521R1 => Some("P-521"),
        _ => None,
    }
}

fn coordinates(key: &EcKeyRef<Public>) -> Option<(BigNum, BigNum)> {
    let (mut x, mut y) = (BigNum::new().ok()?, BigNum::new().ok()?);
    let mut context = BigNumContext::new().ok()?;
    key.public_key().affine_coordinates(key.group(), &mut x, &mut y, &mut context).ok()?;
    Some((x, y))
}
