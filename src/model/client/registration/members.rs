//! Each member of the metadata, in groups: who the client is, where it may be answered, how it proves itself, what it is given,
//! and where it hears of logouts.

use super::super::{ApplicationType, AuthMethod, Client, SubjectType};
use super::reading::{LONGEST, LONGEST_URI, Reading};
use super::uri::Place;
use super::{GRANT_TYPES, RESPONSE_TYPES, keys, rules};
use crate::model::jose::SigningAlgorithm;
use crate::model::scope::{KNOWN, Scopes, is_scope_token};

/// Redirect URIs, and other lists of addresses.
const MANY: usize = 50;
/// What signs with a secret.
const SYMMETRIC: [&str; 3] = ["HS256", "HS384", "HS512"];
/// Other lists.
const FEW: usize = 20;

/// Who it is, as people and the operator read it.
pub(super) fn identity(reading: &mut Reading<'_>, client: &mut Client) {
    // RFC 7591, section 2: where there is no name, the id may be shown.
    client.name = reading.text("client_name", 120).unwrap_or_else(|| client.id.chars().take(120).collect());
    let application = |word: &str| match word {
        "web" => Some(ApplicationType::Web),
        "native" => Some(ApplicationType::Native),
        _ => None,
    };
    client.metadata.application_type =
        reading.word("application_type", application, ["web", "native"]).unwrap_or_default();
    client.metadata.contacts = reading.list("contacts", FEW, 254).unwrap_or_default();
    client.client_uri = reading.uri("client_uri", Place::Https);
    client.logo_uri = reading.uri("logo_uri", Place::Https);
    client.policy_uri = reading.uri("policy_uri", Place::Https);
    client.tos_uri = reading.uri("tos_uri", Place::Https);
    client.metadata.software_id = reading.text("software_id", LONGEST);
    client.metadata.software_version = reading.text("software_version", LONGEST);
}

/// How it may ask, and where it is answered.
pub(super) fn requests(reading: &mut Reading<'_>, client: &mut Client) {
    let grants = reading.list("grant_types", FEW, LONGEST);
    client.grant_types = grants.unwrap_or_else(|| vec!["authorization_code".to_owned()]);
    if client.grant_types.iter().any(|grant| !GRANT_TYPES.contains(&grant.as_str())) {
        reading.flaw("grant_types", format!("must be among {}", GRANT_TYPES.join(", ")));
    }
    response_types(reading, client);
    let place = Place::Redirect(client.metadata.application_type);
    client.redirect_uris = reading.uris("redirect_uris", MANY, place);
    client.post_logout_redirect_uris = reading.uris("post_logout_redirect_uris", MANY, place);
    let metadata = &mut client.metadata;
    metadata.request_uris = reading.uris("request_uris", MANY, Place::RequestObject);
    metadata.require_pushed_authorization_requests = reading.flag("require_pushed_authorization_requests");
    metadata.require_signed_request_object = reading.flag("require_signed_request_object");
    metadata.initiate_login_uri = reading.uri("initiate_login_uri", Place::Https);
    metadata.default_max_age = reading.seconds("default_max_age");
    metadata.require_auth_time = reading.flag("require_auth_time");
    metadata.default_acr_values = reading.list("default_acr_values", FEW, LONGEST).unwrap_or_default();
    metadata.authorization_details_types =
        reading.list("authorization_details_types", FEW, LONGEST).unwrap_or_default();
    scopes(reading, client);
}

/// `code` needs no word; what else the client wants must stand there.
fn response_types(reading: &mut Reading<'_>, client: &mut Client) {
    let Some(asked) = reading.list("response_types", FEW, LONGEST) else {
        client.metadata.response_types = Vec::new();
        return;
    };
    let mut types: Vec<String> = Vec::new();
    for text in asked {
        // OAuth 2.0 Multiple Response Type Encoding Practices, section 2: the order of the words does not matter.
        let mut words: Vec<&str> = text.split(' ').collect();
        words.sort_unstable();
        let known = RESPONSE_TYPES.iter().find(|known| known.split(' ').eq(words.iter().copied()));
        match known {
            Some(known) if !types.iter().any(|kept| kept == known) => types.push((*known).to_owned()),
            Some(_) => {}
            None => reading.flaw("response_types", format!("must be among {}", RESPONSE_TYPES.join(", "))),
        }
    }
    client.metadata.response_types = if types == ["code"] { Vec::new() } else { types };
}

fn scopes(reading: &mut Reading<'_>, client: &mut Client) {
    let Some(text) = reading.text("scope", 4 * LONGEST) else {
        client.scopes = Scopes::of(KNOWN);
        return;
    };
    if !text.split(' ').filter(|token| !token.is_empty()).all(is_scope_token) {
        reading.flaw("scope", "must be scopes with one space between them");
    }
    client.scopes = Scopes::read(&text);
}

/// How it proves who it is.
pub(super) fn authentication(reading: &mut Reading<'_>, client: &mut Client) {
    let methods = AuthMethod::ALL.map(AuthMethod::as_str);
    let method = reading.word("token_endpoint_auth_method", AuthMethod::read, methods);
    client.auth_method = method.unwrap_or(AuthMethod::SecretBasic);
    client.metadata.jwks_uri = reading.uri("jwks_uri", Place::Https);
    client.metadata.jwks = match reading.member("jwks").map(keys::read) {
        Some(Ok(kept)) => Some(kept),
        Some(Err(why)) => {
            reading.flaw("jwks", why);
            None
        }
        None => None,
    };
    assertion_algorithm(reading, client);
    certificate(reading, client);
    client.metadata.tls_client_certificate_bound_access_tokens =
        reading.flag("tls_client_certificate_bound_access_tokens");
    client.metadata.dpop_bound_access_tokens = reading.flag("dpop_bound_access_tokens");
}

fn assertion_algorithm(reading: &mut Reading<'_>, client: &mut Client) {
    const FIELD: &str = "token_endpoint_auth_signing_alg";
    let signing = client.rules().signing;
    client.metadata.token_endpoint_auth_signing_alg = match client.auth_method {
        AuthMethod::PrivateKeyJwt => {
            // What a client signs, it may call by its newer name (RFC 9864).
            let known = |word: &str| SigningAlgorithm::in_header(word).filter(|alg| signing.contains(alg));
            let names = signing.iter().map(|alg| alg.as_str());
            reading.word(FIELD, known, names).map(|alg| alg.as_str().to_owned())
        }
        AuthMethod::SecretJwt => {
            reading.word(FIELD, |word| SYMMETRIC.contains(&word).then(|| word.to_owned()), SYMMETRIC)
        }
        _ => None,
    };
}

/// RFC 8705, section 2.1.2: exactly one, and only where it is looked at.
fn certificate(reading: &mut Reading<'_>, client: &mut Client) {
    let dn = reading.text("tls_client_auth_subject_dn", LONGEST);
    let dns = reading.text("tls_client_auth_san_dns", LONGEST);
    let uri = reading.text("tls_client_auth_san_uri", LONGEST_URI);
    let ip = reading.text("tls_client_auth_san_ip", LONGEST);
    let email = reading.text("tls_client_auth_san_email", LONGEST);
    if ip.as_ref().is_some_and(|ip| ip.parse::<std::net::IpAddr>().is_err()) {
        reading.flaw("tls_client_auth_san_ip", "must be an address");
    }
    let named = [&dn, &dns, &uri, &ip, &email].into_iter().flatten().count();
    let looked_at = client.auth_method == AuthMethod::TlsClientAuth;
    if looked_at && named != 1 {
        reading.flaw("tls_client_auth_subject_dn", "or exactly one other name of the certificate must be given");
    }
    let kept = |name: Option<String>| name.filter(|_| looked_at);
    client.metadata.tls_client_auth_subject_dn = kept(dn);
    client.metadata.tls_client_auth_san_dns = kept(dns);
    client.metadata.tls_client_auth_san_uri = kept(uri);
    client.metadata.tls_client_auth_san_ip = kept(ip);
    client.metadata.tls_client_auth_san_email = kept(email);
}

/// What it is given, and in which form.
pub(super) fn tokens(reading: &mut Reading<'_>, client: &mut Client) {
    let signing = client.rules().signing;
    let mut algorithm = |field: &'static str| {
        let known = |word: &str| signing.iter().copied().find(|alg| alg.as_str() == word);
        reading.word(field, known, signing.iter().map(|alg| alg.as_str()))
    };
    let metadata = &mut client.metadata;
    // RS256 is the registered default; where a profile does not sign so, the first that it does.
    let default = signing.first().copied().unwrap_or(SigningAlgorithm::Rs256);
    metadata.id_token_signed_response_alg = algorithm("id_token_signed_response_alg").unwrap_or(default);
    metadata.userinfo_signed_response_alg = algorithm("userinfo_signed_response_alg");
    metadata.introspection_signed_response_alg = algorithm("introspection_signed_response_alg");
    metadata.authorization_signed_response_alg = algorithm("authorization_signed_response_alg");
    metadata.request_object_signing_alg = algorithm("request_object_signing_alg").map(|alg| alg.as_str().to_owned());
    metadata.id_token_encrypted_response_alg =
        reading.encryption("id_token_encrypted_response_alg", "id_token_encrypted_response_enc");
    metadata.userinfo_encrypted_response_alg =
        reading.encryption("userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc");
    let subject = |word: &str| match word {
        "public" => Some(SubjectType::Public),
        "pairwise" => Some(SubjectType::Pairwise),
        _ => None,
    };
    metadata.subject_type = reading.word("subject_type", subject, ["public", "pairwise"]).unwrap_or_default();
    metadata.sector_identifier_uri = reading.uri("sector_identifier_uri", Place::Https);
    let encrypted =
        metadata.id_token_encrypted_response_alg.is_some() || metadata.userinfo_encrypted_response_alg.is_some();
    rules::keys(reading, client, if encrypted { rules::Encryption::Asked } else { rules::Encryption::None });
}

/// Where it hears of logouts.
pub(super) fn logout(reading: &mut Reading<'_>, client: &mut Client) {
    let metadata = &mut client.metadata;
    metadata.backchannel_logout_uri = reading.uri("backchannel_logout_uri", Place::Logout);
    metadata.backchannel_logout_session_required = reading.flag("backchannel_logout_session_required");
    metadata.frontchannel_logout_uri = reading.uri("frontchannel_logout_uri", Place::Logout);
    metadata.frontchannel_logout_session_required = reading.flag("frontchannel_logout_session_required");
}
