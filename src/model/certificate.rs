//! The certificate that a client showed: from a TLS handshake of our own, or told by a proxy in front of us. That its key is in
//! the client's hands was proved there; whom it stands for is another question.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::x509::{X509, X509Ref};

use super::params::decode;

/// A client's certificate.
#[derive(Clone)]
pub struct Certificate(Arc<Shown>);

struct Shown {
    leaf: X509,
    chain: Vec<X509>,
    thumbprint: String,
}

impl Certificate {
    /// Of a handshake; the chain is what the client sent besides. `None` where it cannot be hashed.
    pub fn new(leaf: X509, chain: Vec<X509>) -> Option<Self> {
        let thumbprint = URL_SAFE_NO_PAD.encode(leaf.digest(MessageDigest::sha256()).ok()?);
        Some(Self(Arc::new(Shown { leaf, chain, thumbprint })))
    }

    /// As a proxy tells it: PEM, URL-encoded, or base64 of DER between colons (RFC 9440, section 2). `None` for anything else.
    pub fn read(told: &str) -> Option<Self> {
        let told = told.trim();
        let leaf = if let Some(encoded) = told.strip_prefix(':') {
            X509::from_der(&STANDARD.decode(encoded.strip_suffix(':')?).ok()?).ok()?
        } else {
            // Base64 has pluses, and those that are not encoded are meant as they are.
            let pem = decode(told.replace('+', "%2B").as_bytes())?;
            // A second one in the same line is the proxy's, and the first the client's own.
            if pem.matches("-----BEGIN").count() != 1 || !pem.starts_with("-----BEGIN") {
                return None;
            }
            X509::from_pem(pem.as_bytes()).ok()?
        };
        Self::new(leaf, Vec::new())
    }

    /// The certificate itself.
    pub fn leaf(&self) -> &X509Ref {
        &self.0.leaf
    }

    /// What stands between it and a CA.
    pub fn chain(&self) -> &[X509] {
        &self.0.chain
    }

    /// `x5t#S256` (RFC 8705, section 3.1): base64url of the SHA-256 of its DER.
    pub fn thumbprint(&self) -> &str {
        &self.0.thumbprint
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.0.thumbprint).finish()
    }
}
