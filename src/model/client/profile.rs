//! Profiles: how much is demanded of a client. A profile is data; the checks that read it are named after what they enforce.

use super::AuthMethod;
use crate::model::jose::SigningAlgorithm;

/// Which demands a client meets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// OpenID Connect Core with RFC 9700.
    #[default]
    Standard,
    /// FAPI 2.0 Security Profile and Message Signing.
    High,
    /// What account linking of voice assistants needs; each waiver is listed in [`Rules::waivers`].
    Legacy,
}

/// Which authorization requests must carry a PKCE challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PkceRule {
    /// All.
    Always,
    /// Those of public clients (RFC 9700, section 2.1.1).
    PublicClients,
}

/// How authorization requests may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestRule {
    /// Through the browser, or pushed.
    Any,
    /// Pushed only (RFC 9126).
    PushedOnly,
}

/// Whom a client's assertion must be meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudienceRule {
    /// The issuer or the endpoint.
    IssuerOrEndpoint,
    /// The issuer, as one string.
    IssuerOnly,
}

/// What access tokens are worth by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingRule {
    /// Bearer tokens are given unless the client asks for more.
    Optional,
    /// Every token is bound to a key or a certificate.
    Always,
}

/// Whether a DPoP proof must carry a nonce of ours (RFC 9449, section 8). One that carries any is held to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceRule {
    /// It may.
    Offered,
    /// It must.
    Demanded,
}

/// When refresh tokens are given, and whether they are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshRule {
    /// For `offline_access`; those of public clients rotate.
    RotatePublic,
    /// For `offline_access`; none rotates.
    Never,
    /// Also without `offline_access`, and none rotates.
    AlwaysGiven,
}

/// What a profile demands.
#[derive(Debug, PartialEq, Eq)]
pub struct Rules {
    /// PKCE.
    pub pkce: PkceRule,
    /// PAR.
    pub requests: RequestRule,
    /// `aud` of client assertions.
    pub assertion_audience: AudienceRule,
    /// Sender-constrained tokens.
    pub binding: BindingRule,
    /// Nonces in DPoP proofs.
    pub dpop_nonce: NonceRule,
    /// Refresh tokens.
    pub refresh: RefreshRule,
    /// How the client may prove who it is.
    pub auth_methods: &'static [AuthMethod],
    /// What we sign with, and what the client signs with.
    pub signing: &'static [SigningAlgorithm],
    /// What is not demanded that `standard` demands, in words for the client's page.
    pub waivers: &'static [&'static str],
}

const STANDARD: Rules = Rules {
    pkce: PkceRule::PublicClients,
    requests: RequestRule::Any,
    assertion_audience: AudienceRule::IssuerOrEndpoint,
    binding: BindingRule::Optional,
    dpop_nonce: NonceRule::Offered,
    refresh: RefreshRule::RotatePublic,
    auth_methods: &AuthMethod::ALL,
    signing: &SigningAlgorithm::ALL,
    waivers: &[],
};

const HIGH: Rules = Rules {
    pkce: PkceRule::Always,
    requests: RequestRule::PushedOnly,
    assertion_audience: AudienceRule::IssuerOnly,
    binding: BindingRule::Always,
    dpop_nonce: NonceRule::Demanded,
    refresh: RefreshRule::Never,
    auth_methods: &[AuthMethod::PrivateKeyJwt, AuthMethod::TlsClientAuth, AuthMethod::SelfSignedTlsClientAuth],
    signing: &[SigningAlgorithm::Ps256, SigningAlgorithm::Es256, SigningAlgorithm::EdDsa],
    waivers: &[],
};

const LEGACY: Rules = Rules {
    refresh: RefreshRule::AlwaysGiven,
    auth_methods: &[AuthMethod::SecretBasic, AuthMethod::SecretPost],
    signing: &[SigningAlgorithm::Rs256],
    waivers: &[
        "A refresh token is given without the scope offline_access",
        "Refresh tokens are not replaced when they are used",
    ],
    ..STANDARD
};

impl Profile {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Standard, Self::High, Self::Legacy];

    /// The word in the row.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::High => "high",
            Self::Legacy => "legacy",
        }
    }

    /// The profile of this word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// What it demands.
    pub fn rules(self) -> &'static Rules {
        match self {
            Self::Standard => &STANDARD,
            Self::High => &HIGH,
            Self::Legacy => &LEGACY,
        }
    }
}
