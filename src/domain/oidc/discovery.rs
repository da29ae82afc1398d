//! The provider's metadata (OpenID Connect Discovery 1.0, section 3; RFC 8414). It says what works, and what does not.

use serde_json::{Map, Value, json};

use super::authorize::{RESPONSE_MODES, ResponseType};
use super::client_auth::assertion::SYMMETRIC;
use super::{claims, client_auth};
use crate::domain::house::House;
use crate::domain::person::{ACR_MFA, ACR_PASSWORD};
use crate::model::client::AuthMethod;
use crate::model::jose::{KeyManagement, SigningAlgorithm};
use crate::model::scope::KNOWN;
use crate::model::settings::Registration;

/// The document. Needs nothing of the database.
pub fn document(house: &House) -> Value {
    let issuer = &house.settings.issuer;
    let at = |path: &str| format!("{issuer}{path}");
    let mut claims: Vec<&str> =
        vec!["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "sid"];
    claims.extend(claims::supported());
    let signing = SigningAlgorithm::ALL.map(SigningAlgorithm::as_str);
    let modes: Vec<&str> = RESPONSE_MODES.iter().map(|(name, ..)| *name).chain(["jwt"]).collect();
    let methods: Vec<&str> = client_auth::supported(&house.settings).map(AuthMethod::as_str).collect();
    // Nobody introspects without a proof.
    let proving: Vec<&str> = methods.iter().copied().filter(|method| *method != AuthMethod::None.as_str()).collect();
    let algorithms: Vec<&str> = signing.into_iter().chain(SYMMETRIC).collect();
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": at("/oauth2/authorize"),
        "token_endpoint": at("/oauth2/token"),
        "userinfo_endpoint": at("/oauth2/userinfo"),
        "jwks_uri": at("/oauth2/jwks"),
        "introspection_endpoint": at("/oauth2/introspect"),
        "pushed_authorization_request_endpoint": at("/oauth2/par"),
        "revocation_endpoint": at("/oauth2/revoke"),
        "service_documentation": at("/docs"),
        "scopes_supported": KNOWN,
        "response_types_supported": ResponseType::ALL.map(ResponseType::as_str),
        "response_modes_supported": modes,
        "grant_types_supported": ["authorization_code", "implicit", "refresh_token", "client_credentials"],
        "acr_values_supported": [ACR_PASSWORD, ACR_MFA],
        "subject_types_supported": ["public", "pairwise"],
        "request_object_signing_alg_values_supported": signing,
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": proving,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "code_challenge_methods_supported": ["S256"],
        "dpop_signing_alg_values_supported": signing,
        "prompt_values_supported": ["none", "login", "consent", "select_account", "create"],
        "display_values_supported": ["page"],
        "claim_types_supported": ["normal"],
        "claims_supported": claims,
        "claims_parameter_supported": true,
        "request_parameter_supported": true,
        "request_uri_parameter_supported": true,
        "require_request_uri_registration": true,
        "require_pushed_authorization_requests": false,
        "authorization_response_iss_parameter_supported": true,
        "ui_locales_supported": ["en"],
        "tls_client_certificate_bound_access_tokens": house.settings.mtls.is_on(),
        "client_id_metadata_document_supported": !house.settings.client_id_metadata_hosts.is_empty(),
    });
    let parts = [document, answers(), logout(house)];
    let mut members: Map<String, Value> =
        parts.into_iter().filter_map(|part| part.as_object().cloned()).flatten().collect();
    if house.settings.dynamic_registration != Registration::Off {
        members.insert("registration_endpoint".to_owned(), json!(format!("{issuer}/oauth2/register")));
    }
    if let Some(url) = &house.settings.mtls.url {
        let aliases = aliases(&members, issuer, url);
        members.insert("mtls_endpoint_aliases".to_owned(), Value::Object(aliases));
    }
    Value::Object(members)
}

/// How what we say is signed and encrypted.
fn answers() -> Value {
    let signing = SigningAlgorithm::ALL.map(SigningAlgorithm::as_str);
    let managing = KeyManagement::ALL.map(KeyManagement::as_str);
    json!({
        "id_token_signing_alg_values_supported": signing,
        "id_token_encryption_alg_values_supported": managing,
        "id_token_encryption_enc_values_supported": [KeyManagement::CONTENT],
        "userinfo_signing_alg_values_supported": signing,
        "userinfo_encryption_alg_values_supported": managing,
        "userinfo_encryption_enc_values_supported": [KeyManagement::CONTENT],
        "introspection_signing_alg_values_supported": signing,
        "authorization_signing_alg_values_supported": signing,
    })
}

/// RP-Initiated Logout, Session Management, Back-Channel Logout and Front-Channel Logout 1.0.
fn logout(house: &House) -> Value {
    let issuer = &house.settings.issuer;
    json!({
        "end_session_endpoint": format!("{issuer}/oauth2/logout"),
        "check_session_iframe": format!("{issuer}/oauth2/check-session"),
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "frontchannel_logout_supported": true,
        "frontchannel_logout_session_supported": true,
    })
}

/// RFC 8705, section 5: what clients with a certificate call instead. Browsers stay where they are.
fn aliases(members: &Map<String, Value>, issuer: &str, url: &str) -> Map<String, Value> {
    let for_browsers = ["authorization_endpoint", "end_session_endpoint", "registration_endpoint"];
    let endpoints =
        members.iter().filter(|(name, _)| name.ends_with("_endpoint") && !for_browsers.contains(&name.as_str()));
    let moved = endpoints.filter_map(|(name, at)| {
        let path = at.as_str()?.strip_prefix(issuer)?;
        Some((name.clone(), json!(format!("{url}{path}"))))
    });
    moved.collect()
}
