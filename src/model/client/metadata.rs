//! What a client says of itself beyond the first columns of its row (RFC 7591, section 2, and its relatives), typed. Members carry
//! the registered names, so that a registration reads and shows them as they are; nothing here is checked against anything.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::jose::{KeyManagement, SigningAlgorithm};

/// OpenID Connect Core, section 8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType {
    /// The account's id, the same for every client.
    #[default]
    Public,
    /// Another name in each sector.
    Pairwise,
}

/// OpenID Connect Dynamic Client Registration 1.0, section 2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// On a server.
    #[default]
    Web,
    /// On a person's device.
    Native,
}

/// The metadata. What is not sent has its registered default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "RFC 7591 registers them as booleans")]
pub struct Metadata {
    /// Beside `code`: `id_token` and `code id_token`, off unless they stand here. Empty means `code`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub response_types: Vec<String>,
    /// `web` or `native`.
    pub application_type: ApplicationType,
    /// Mail addresses of whoever answers for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// Its public keys (RFC 7517), inline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    /// Its public keys, at this https URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The only algorithm of its assertions; none means any that suits its method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<String>,
    /// RFC 8705, section 2.1.2: the subject of its certificate (RFC 4514), or one of the names below; exactly one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_subject_dn: Option<String>,
    /// A DNS name of its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_dns: Option<String>,
    /// A URI of its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_uri: Option<String>,
    /// An address of its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_ip: Option<String>,
    /// A mail address of its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_email: Option<String>,
    /// RFC 8705, section 3.4: its tokens are good only with its certificate.
    pub tls_client_certificate_bound_access_tokens: bool,
    /// RFC 9449, section 5.2: its tokens are good only with a proof of its key.
    pub dpop_bound_access_tokens: bool,
    /// `public` or `pairwise`.
    pub subject_type: SubjectType,
    /// OpenID Connect Core, section 8.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sector_identifier_uri: Option<String>,
    /// Of ID tokens, and of access tokens given to it.
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// Encrypts ID tokens to its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_encrypted_response_alg: Option<KeyManagement>,
    /// Userinfo as a JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<SigningAlgorithm>,
    /// Encrypts userinfo to its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_encrypted_response_alg: Option<KeyManagement>,
    /// RFC 9701: introspection as a JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<SigningAlgorithm>,
    /// JARM: of authorization responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_signed_response_alg: Option<SigningAlgorithm>,
    /// The only algorithm of its request objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_object_signing_alg: Option<String>,
    /// RFC 9101, section 10.5: no authorization request without a signed request object.
    pub require_signed_request_object: bool,
    /// Where its request objects may be fetched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request_uris: Vec<String>,
    /// RFC 9126, section 6.
    pub require_pushed_authorization_requests: bool,
    /// RFC 9396, section 10: the types of `authorization_details` that it asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_types: Vec<String>,
    /// Where it hears of logouts, from us (Back-Channel Logout 1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether it needs `sid` there.
    pub backchannel_logout_session_required: bool,
    /// Where it hears of logouts, in the browser (Front-Channel Logout 1.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    /// Whether it needs `iss` and `sid` there.
    pub frontchannel_logout_session_required: bool,
    /// Where a sign-in begins that somebody else asked for (OpenID Connect Core, section 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiate_login_uri: Option<String>,
    /// Seconds; where a request has no `max_age`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    /// `auth_time` stands in every ID token anyway.
    pub require_auth_time: bool,
    /// Where a request has no `acr_values`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// RFC 7591: which software this is, whatever instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_id: Option<String>,
    /// RFC 7591: which version of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
}
