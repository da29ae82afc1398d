//! Secrets that we give out (codes, tokens, links, client secrets) and the digests that we keep of them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A value that is shown once. It cannot be printed by accident, copied or compared.
pub struct Secret(String);

impl Secret {
    /// Takes what somebody sent us.
    pub fn received(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// 256 bits from OpenSSL's generator, base64url (43 characters).
    pub fn generate() -> Self {
        Self(URL_SAFE_NO_PAD.encode(random::<32>()))
    }

    /// 512 bits, base64url (86 characters): long enough for a key of every HMAC (RFC 7518, section 3.2).
    pub fn generate_key() -> Self {
        Self(URL_SAFE_NO_PAD.encode(random::<64>()))
    }

    /// The value itself, for the one place that shows or checks it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a secret of high entropy. Equality takes the same time wherever the difference is.
#[derive(Clone, Copy)]
pub struct Digest([u8; 32]);

impl Digest {
    /// SHA-256 of the bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(openssl::sha::sha256(bytes))
    }

    /// A digest as the database kept it; `None` where it is not 32 bytes.
    pub fn kept(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// For the database.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        openssl::memcmp::eq(&self.0, &other.0)
    }
}

impl Eq for Digest {}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// Random bytes from OpenSSL's generator.
///
/// A generator that cannot give random bytes leaves nothing safe to do, so the process ends.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    if openssl::rand::rand_bytes(&mut bytes).is_err() {
        std::process::abort();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        assert_eq!(format!("{:?}", Secret::received("abc")), "Secret(…)");
    }

    #[test]
    fn two_secrets_differ_and_have_43_characters() {
        let (one, two) = (Secret::generate(), Secret::generate());
        assert_ne!(one.reveal(), two.reveal());
        assert_eq!(one.reveal().len(), 43);
        assert!(one.digest() != two.digest());
    }
}
