//! What must hold between members, and what the client's profile demands. Each check is named after what it enforces.

use std::collections::BTreeSet;

use url::Url;

use super::super::{ApplicationType, AuthMethod, BindingRule, Client, Profile, RequestRule, SubjectType};
use super::reading::Reading;
use super::uri::sector_host;

/// Whether something is encrypted to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encryption {
    Asked,
    None,
}

pub(super) fn check(reading: &mut Reading<'_>, client: &mut Client) {
    redirect_uris_where_codes_are_asked_for(reading, client);
    grants_and_response_types_agree(reading, client);
    public_clients_speak_for_nobody_themselves(reading, client);
    one_sector(reading, client);
    front_channel_logout_at_home(reading, client);
    profile(reading, client);
}

/// RFC 7591, section 2: exactly one place for keys, and one where keys are needed.
pub(super) fn keys(reading: &mut Reading<'_>, client: &Client, encryption: Encryption) {
    let (inline, published) = (client.metadata.jwks.is_some(), client.metadata.jwks_uri.is_some());
    if reading.member("jwks").is_some() && reading.member("jwks_uri").is_some() {
        reading.flaw("jwks", "and jwks_uri exclude each other");
    }
    let needed = match client.auth_method {
        AuthMethod::PrivateKeyJwt => "is needed, or jwks_uri, for private_key_jwt",
        AuthMethod::SelfSignedTlsClientAuth => "is needed, or jwks_uri, for self_signed_tls_client_auth",
        _ if encryption == Encryption::Asked => "is needed, or jwks_uri, for what is encrypted to the client",
        _ => return,
    };
    // A set or an address that could not be read was told already.
    if !inline && !published && reading.member("jwks").is_none() && reading.member("jwks_uri").is_none() {
        reading.flaw("jwks", needed);
    }
}

/// OpenID Connect Dynamic Client Registration 1.0, section 2.
fn redirect_uris_where_codes_are_asked_for(reading: &mut Reading<'_>, client: &Client) {
    let asks = client.may_use("authorization_code") || client.may_use("implicit");
    if asks && client.redirect_uris.is_empty() {
        reading.flaw("redirect_uris", "must hold at least one URI");
    }
}

/// RFC 7591, section 2.1.
fn grants_and_response_types_agree(reading: &mut Reading<'_>, client: &Client) {
    let types = &client.metadata.response_types;
    let named = |word: &str| types.iter().any(|kind| kind == word);
    let code = named("code") || named("code id_token");
    let front = named("id_token") || named("code id_token");
    if code && !client.may_use("authorization_code") {
        reading.flaw("grant_types", "must hold authorization_code for these response_types");
    }
    if front && !client.may_use("implicit") {
        reading.flaw("grant_types", "must hold implicit for these response_types");
    }
    if !types.is_empty() && !code && client.may_use("authorization_code") {
        reading.flaw("response_types", "must hold code or code id_token for the grant type authorization_code");
    }
    if !front && client.may_use("implicit") {
        reading.flaw("response_types", "must hold id_token or code id_token for the grant type implicit");
    }
    if client.may_use("refresh_token") && !client.may_use("authorization_code") {
        reading.flaw("grant_types", "must hold authorization_code beside refresh_token");
    }
}

/// RFC 6749, section 4.4.
fn public_clients_speak_for_nobody_themselves(reading: &mut Reading<'_>, client: &Client) {
    if client.is_public() && client.may_use("client_credentials") {
        reading.flaw("grant_types", "client_credentials is for clients that prove who they are");
    }
}

/// OpenID Connect Core, section 8.1: several hosts are one sector only where somebody says so.
fn one_sector(reading: &mut Reading<'_>, client: &Client) {
    let place = |uri: &String| sector_host(uri).ok_or_else(|| Url::parse(uri).map(|url| url.scheme().to_owned()).ok());
    let places: BTreeSet<Result<String, Option<String>>> = client.redirect_uris.iter().map(place).collect();
    let metadata = &client.metadata;
    if metadata.subject_type == SubjectType::Pairwise && places.len() > 1 && metadata.sector_identifier_uri.is_none() {
        reading.flaw("sector_identifier_uri", "is needed for pairwise subjects where redirect_uris have several hosts");
    }
}

/// OpenID Connect Front-Channel Logout 1.0, section 2: scheme, host and port of a redirect URI.
fn front_channel_logout_at_home(reading: &mut Reading<'_>, client: &Client) {
    let origin = |uri: &String| Url::parse(uri).ok().map(|url| url.origin());
    let Some(own) = client.metadata.frontchannel_logout_uri.as_ref().and_then(origin) else { return };
    if !client.redirect_uris.iter().filter_map(origin).any(|known| known == own) {
        reading.flaw("frontchannel_logout_uri", "must have scheme, host and port of a redirect URI");
    }
}

fn profile(reading: &mut Reading<'_>, client: &mut Client) {
    let (rules, name) = (client.rules(), client.profile.as_str());
    if !rules.auth_methods.contains(&client.auth_method) {
        let known: Vec<&str> = rules.auth_methods.iter().map(|method| method.as_str()).collect();
        let message = format!("must be one of {} in the profile {name}", known.join(", "));
        reading.flaw("token_endpoint_auth_method", message);
    }
    if rules.requests == RequestRule::PushedOnly {
        client.metadata.require_pushed_authorization_requests = true;
    }
    if rules.binding == BindingRule::Always
        && !client.metadata.dpop_bound_access_tokens
        && !client.metadata.tls_client_certificate_bound_access_tokens
    {
        client.metadata.dpop_bound_access_tokens = true;
    }
    if client.profile != Profile::Standard && !client.metadata.response_types.is_empty() {
        reading.flaw("response_types", format!("must be code in the profile {name}"));
    }
    // FAPI 2.0 Security Profile, section 5.3.2.2: https, but for apps on a device that listen there.
    let web = client.metadata.application_type == ApplicationType::Web;
    if client.profile == Profile::High && web && client.redirect_uris.iter().any(|uri| uri.starts_with("http:")) {
        reading.flaw("redirect_uris", "must be https in the profile high");
    }
}
