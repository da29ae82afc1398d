//! Certificates: an authority, and what it vouches for.

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Name, X509NameBuilder};

/// Whoever signs certificates.
pub struct Authority {
    pub certificate: X509,
    pub key: PKey<Private>,
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Leaf {
    pub certificate: X509,
    pub key: PKey<Private>,
}

/// What a certificate says.
pub struct Wish<'a> {
    /// Each a short name and a value, the most significant first.
    pub subject: &'a [(&'a str, &'a str)],
    /// Adds subject alternative names.
    pub names: fn(&mut SubjectAlternativeName),
    pub purpose: Purpose,
    /// From when to when it is good, in days from now.
    pub days: (i64, i64),
    pub strength: Strength,
}

/// How hard it is to forge.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    Usual,
    /// Its own key is too short.
    ShortKey,
    /// It is signed over a digest of SHA-1.
    OldDigest,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Client,
    Server,
}

impl Default for Wish<'_> {
    fn default() -> Self {
        let strength = Strength::Usual;
        Self { subject: &[("CN", "somebody")], names: |_| {}, purpose: Purpose::Client, days: (-1, 30), strength }
    }
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name(parts: &[(&str, &str)]) -> X509Name {
    let mut name = X509NameBuilder::new().unwrap();
    for (kind, value) in parts {
        name.append_entry_by_text(kind, value).unwrap();
    }
    name.build()
}

fn day(offset: i64) -> Asn1Time {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    Asn1Time::from_unix(i64::try_from(now).unwrap() + offset * 86_400).unwrap()
}

fn make(wish: &Wish<'_>, issuer: Option<&Authority>, constraints: Option<BasicConstraints>) -> Leaf {
    let key = match wish.strength {
        Strength::ShortKey => PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap(),
        _ => key(),
    };
    let digest = match wish.strength {
        Strength::OldDigest => MessageDigest::sha1(),
        _ => MessageDigest::sha256(),
    };
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let mut serial = BigNum::new().unwrap();
    serial.rand(120, MsbOption::MAYBE_ZERO, false).unwrap();
    builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
    let subject = name(wish.subject);
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(issuer.map_or(&subject, |issuer| issuer.certificate.subject_name())).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&day(wish.days.0)).unwrap();
    builder.set_not_after(&day(wish.days.1)).unwrap();
    if let Some(mut constraints) = constraints {
        builder.append_extension(constraints.critical().build().unwrap()).unwrap();
    } else {
        let mut usage = ExtendedKeyUsage::new();
        match wish.purpose {
            Purpose::Client => usage.client_auth(),
            Purpose::Server => usage.server_auth(),
        };
        builder.append_extension(usage.build().unwrap()).unwrap();
        let mut names = SubjectAlternativeName::new();
        (wish.names)(&mut names);
        if let Ok(names) = names.build(&builder.x509v3_context(None, None)) {
            builder.append_extension(names).unwrap();
        }
    }
    builder.sign(issuer.map_or(&key, |issuer| &issuer.key), digest).unwrap();
    Leaf { certificate: builder.build(), key }
}

impl Authority {
    /// One that vouches for itself.
    pub fn new(common: &str) -> Self {
        let wish = Wish { subject: &[("CN", common)], ..Wish::default() };
        let mut constraints = BasicConstraints::new();
        constraints.ca();
        let Leaf { certificate, key } = make(&wish, None, Some(constraints));
        Self { certificate, key }
    }

    /// One that this one vouches for.
    pub fn below(&self, common: &str) -> Self {
        let wish = Wish { subject: &[("CN", common)], ..Wish::default() };
        let mut constraints = BasicConstraints::new();
        constraints.ca();
        let Leaf { certificate, key } = make(&wish, Some(self), Some(constraints));
        Self { certificate, key }
    }

    pub fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// A certificate of this CA.
    pub fn issue(&self, wish: &Wish<'_>) -> Leaf {
        make(wish, Some(self), None)
    }

    /// A certificate for a server.
    pub fn server(&self, common: &str) -> Leaf {
        let names = |names: &mut SubjectAlternativeName| {
            names.dns("localhost");
        };
        self.issue(&Wish { subject: &[("CN", common)], names, purpose: Purpose::Server, ..Wish::default() })
    }
}

impl Leaf {
    /// One that nobody vouches for.
    pub fn self_signed(wish: &Wish<'_>) -> Self {
        make(wish, None, None)
    }

    pub fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    pub fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }
}
