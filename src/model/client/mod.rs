//! A client: software that asks for tokens (OpenID Connect relying party).

mod metadata;
mod profile;
pub mod registration;

pub use metadata::{ApplicationType, Metadata, SubjectType};
pub use profile::{AudienceRule, BindingRule, NonceRule, PkceRule, Profile, RefreshRule, RequestRule, Rules};

use time::OffsetDateTime;
use uuid::Uuid;

use super::id::CompanyId;
use super::scope::Scopes;
use super::secret::{Digest, Secret};

/// A client as it is registered.
#[derive(Debug, Clone)]
pub struct Client {
    /// `cli_…`
    pub id: String,
    /// The owner; `None` is the platform, whose clients serve every company.
    pub company: Option<CompanyId>,
    /// What people read on the consent page.
    pub name: String,
    /// How it proves who it is.
    pub auth_method: AuthMethod,
    /// Digest of its secret; public clients have none.
    pub secret_digest: Option<Digest>,
    /// Compared character by character (RFC 9700, section 4.1.3).
    pub redirect_uris: Vec<String>,
    /// OpenID Connect RP-Initiated Logout 1.0, section 3.1.
    pub post_logout_redirect_uris: Vec<String>,
    /// `authorization_code`, `refresh_token`, `client_credentials`.
    pub grant_types: Vec<String>,
    /// What it may ask for.
    pub scopes: Scopes,
    /// Whether people are asked before it gets anything.
    pub consent: ConsentRule,
    /// RFC 7591 `client_uri`.
    pub client_uri: Option<String>,
    /// RFC 7591 `logo_uri`.
    pub logo_uri: Option<String>,
    /// RFC 7591 `policy_uri`.
    pub policy_uri: Option<String>,
    /// RFC 7591 `tos_uri`.
    pub tos_uri: Option<String>,
    /// How it came to be.
    pub origin: Origin,
    /// What is demanded of it.
    pub profile: Profile,
    /// What else it says of itself.
    pub metadata: Metadata,
    /// The secret itself, sealed: for `client_secret_jwt` only, whose signatures cannot be checked with a digest.
    pub secret_sealed: Option<Vec<u8>>,
    /// When it was switched off.
    pub disabled_at: Option<OffsetDateTime>,
}

/// RFC 7591 `token_endpoint_auth_method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMethod {
    /// A secret in the `Authorization` header.
    SecretBasic,
    /// A secret in the form.
    SecretPost,
    /// An assertion signed with the secret (OpenID Connect Core, section 9).
    SecretJwt,
    /// An assertion signed with a key of its own (OpenID Connect Core, section 9; RFC 7523).
    PrivateKeyJwt,
    /// A certificate that a CA vouches for (RFC 8705, section 2.1).
    TlsClientAuth,
    /// A certificate that it registered (RFC 8705, section 2.2).
    SelfSignedTlsClientAuth,
    /// A public client.
    None,
}

/// How a client came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The operator or a company registered it.
    Own,
    /// It registered itself (RFC 7591).
    Dynamic,
    /// It publishes a document, whose address is its id (OAuth Client ID Metadata Document).
    Document,
}

/// Whether the consent page stands between a client and its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentRule {
    /// People are asked, and the answer is remembered.
    Ask,
    /// One of the platform's own, which need not ask.
    Skip,
}

impl AuthMethod {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::SecretBasic,
        Self::SecretPost,
        Self::SecretJwt,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
        Self::None,
    ];

    /// The registered word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecretBasic => "client_secret_basic",
            Self::SecretPost => "client_secret_post",
            Self::SecretJwt => "client_secret_jwt",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            Self::None => "none",
        }
    }

    /// The method of this registered word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

impl Origin {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Own, Self::Dynamic, Self::Document];

    /// The word in the row.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Dynamic => "dynamic",
            Self::Document => "document",
        }
    }

    /// The origin of this word.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

impl Client {
    /// A client of which nothing else is known yet: it asks for consent, and may do nothing.
    pub fn blank(id: String, company: Option<CompanyId>, origin: Origin) -> Self {
        Self {
            name: id.clone(),
            id,
            company,
            auth_method: AuthMethod::None,
            secret_digest: None,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            grant_types: Vec::new(),
            scopes: Scopes::default(),
            consent: ConsentRule::Ask,
            client_uri: None,
            logo_uri: None,
            policy_uri: None,
            tos_uri: None,
            origin,
            profile: Profile::Standard,
            metadata: Metadata::default(),
            secret_sealed: None,
            disabled_at: None,
        }
    }

    /// Whether it is one of the platform's own, which the platform trusts with every company.
    pub fn is_platforms_own(&self) -> bool {
        self.company.is_none() && self.origin == Origin::Own
    }

    /// The host whose document it is, with a port that is not the usual one.
    pub fn document_host(&self) -> Option<String> {
        let url = url::Url::parse(&self.id).ok().filter(|_| self.origin == Origin::Document)?;
        let host = url.host_str()?;
        Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    }

    /// Whether it has no secret (RFC 6749, section 2.1).
    pub fn is_public(&self) -> bool {
        self.auth_method == AuthMethod::None
    }

    /// Whether it has a secret.
    pub fn has_secret(&self) -> bool {
        matches!(self.auth_method, AuthMethod::SecretBasic | AuthMethod::SecretPost | AuthMethod::SecretJwt)
    }

    /// What its profile demands.
    pub fn rules(&self) -> &'static Rules {
        self.profile.rules()
    }

    /// Whether this is its secret. Takes the same time whatever is wrong.
    pub fn accepts(&self, secret: &Secret) -> bool {
        self.secret_digest.is_some_and(|digest| digest == secret.digest())
    }

    /// Whether it may use this grant.
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|allowed| allowed == grant_type)
    }

    /// Whether it is given a refresh token with these scopes.
    pub fn is_given_refresh_token(&self, scopes: &Scopes) -> bool {
        let always = self.rules().refresh == RefreshRule::AlwaysGiven && self.may_use("refresh_token");
        always || scopes.has("offline_access")
    }

    /// Whether its refresh tokens are replaced when they are used (RFC 9700, section 4.14.2).
    pub fn rotates_refresh_tokens(&self) -> bool {
        self.is_public() && self.rules().refresh == RefreshRule::RotatePublic
    }

    /// Whether people of this company may use it.
    pub fn serves(&self, company: CompanyId) -> bool {
        self.company.is_none_or(|owner| owner == company)
    }

    /// A fresh client id.
    pub fn fresh_id() -> String {
        format!("cli_{}", Uuid::new_v4().as_simple())
    }
}
