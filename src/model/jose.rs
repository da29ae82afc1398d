//! The algorithms of JSON Object Signing and Encryption that are served (RFC 7518, RFC 8037), and what JWTs of all kinds share.
//! `none` is not one of the algorithms.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

/// The fully specified name of EdDSA as it is served (RFC 9864, section 2.2).
pub const ED25519: &str = "Ed25519";

/// How a JWT of ours is signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256: what every client can verify.
    #[default]
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA with P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl SigningAlgorithm {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this registered name.
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// The algorithm that the header of somebody else's JWT names. `Ed25519` is what RFC 9864 calls EdDSA with that curve.
    pub fn in_header(name: &str) -> Option<Self> {
        if name == ED25519 { Some(Self::EdDsa) } else { Self::read(name) }
    }
}

/// How the key that encrypts a JWT reaches its reader. The content is always A256GCM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyManagement {
    /// RSAES-OAEP with SHA-256.
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
    /// Elliptic Curve Diffie-Hellman Ephemeral Static, direct.
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
}

impl KeyManagement {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::RsaOaep256, Self::EcdhEs];
    /// The one content encryption.
    pub const CONTENT: &'static str = "A256GCM";

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
        }
    }

    /// The algorithm of this registered name.
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }
}

/// A NumericDate (RFC 7519, section 2); a fraction of a second is left away. `None` for whatever is no instant.
pub fn numeric_date(value: &Value) -> Option<OffsetDateTime> {
    let Value::Number(number) = value else { return None };
    let text = number.to_string();
    let seconds = text.split_once('.').map_or(text.as_str(), |(whole, _)| whole).parse().ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}
