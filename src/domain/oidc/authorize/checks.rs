//! The checks of an authorization request, each with the rule that it enforces. The authorization endpoint and the pushed
//! authorization request endpoint call the same ones.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{AcrWish, LONGEST, Prompt, ResponseType, Source};
use crate::domain::house::House;
use crate::domain::keys::{self, Kind};
use crate::domain::oidc::claims::scope_of;
use crate::domain::oidc::subject;
use crate::domain::person::{ACR_MFA, ACR_PASSWORD};
use crate::model::client::{Client, PkceRule, RequestRule};
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::id::AccountId;
use crate::model::params::{Params, escapes_nul};
use crate::model::scope::Scopes;

fn bad(what: &'static str) -> Error {
    Error::oauth("invalid_request", what)
}

/// RFC 9126, section 6; FAPI 2.0 Security Profile, section 5.3.2.2: pushed requests only, where the client or its profile says so.
pub fn pushed(client: &Client, source: &Source) -> Result<()> {
    let demanded =
        client.metadata.require_pushed_authorization_requests || client.rules().requests == RequestRule::PushedOnly;
    if demanded && matches!(source, Source::Browser) {
        return Err(bad("this client's requests must be pushed first (RFC 9126)"));
    }
    Ok(())
}

/// OpenID Connect Core, section 3.1.2.1: what would change the client's registration is not served.
pub fn registration(params: &Params) -> Result<()> {
    if params.get("registration").is_some() {
        return Err(Error::oauth("registration_not_supported", "registration is not supported"));
    }
    Ok(())
}

/// Which answer is asked for. Never a token in the front channel (RFC 9700, section 2.1.2); an ID token there only for clients
/// whose registration says so.
pub fn response_type(client: &Client, params: &Params) -> Result<ResponseType> {
    let asked: BTreeSet<&str> = params.need("response_type")?.split(' ').filter(|word| !word.is_empty()).collect();
    let found = ResponseType::ALL.into_iter().find(|known| known.as_str().split(' ').collect::<BTreeSet<_>>() == asked);
    let unsupported = |why| Error::oauth("unsupported_response_type", why);
    let found = found.ok_or_else(|| unsupported("the response_type must be code, id_token or code id_token"))?;
    let registered = &client.metadata.response_types;
    let allowed = found == ResponseType::Code && registered.is_empty()
        || registered.iter().any(|known| known.split(' ').collect::<BTreeSet<_>>() == asked);
    if !allowed {
        return Err(Error::oauth("unauthorized_client", "the client did not register this response_type"));
    }
    if found.gives_code() && !client.may_use("authorization_code") {
        return Err(Error::oauth("unauthorized_client", "the client may not ask for codes"));
    }
    if found == ResponseType::Code {
        return Ok(found);
    }
    // FAPI 2.0 Security Profile, section 5.3.2.2.
    if client.rules().requests == RequestRule::PushedOnly {
        return Err(unsupported("the response_type must be code"));
    }
    if !Scopes::read(params.get("scope").unwrap_or_default()).has("openid") {
        return Err(bad("an ID token needs the scope openid"));
    }
    Ok(found)
}

/// Multiple Response Type Encoding Practices, section 5; JARM, section 2.3.
pub fn response_mode(params: &Params, response_type: ResponseType) -> Result<()> {
    let Some(mode) = params.get("response_mode") else { return Ok(()) };
    if mode != "jwt" && !super::response::RESPONSE_MODES.iter().any(|(known, ..)| *known == mode) {
        return Err(bad("the response_mode is unknown"));
    }
    if response_type.gives_id_token() && mode.starts_with("query") {
        return Err(bad("an ID token never stands in a query"));
    }
    Ok(())
}

/// What we do not know is left out (OpenID Connect Core, section 3.1.2.1), and what the client may not have.
pub fn scopes(client: &Client, params: &Params, response_type: ResponseType) -> Scopes {
    let asked = Scopes::read(params.get("scope").unwrap_or_default()).and(&client.scopes);
    // Section 11: without a code there is nobody to give a refresh token to.
    if client.may_use("refresh_token") && response_type.gives_code() {
        asked
    } else {
        Scopes::of(asked.iter().filter(|scope| *scope != "offline_access"))
    }
}

/// A parameter that is kept as it came.
pub fn short(params: &Params, name: &'static str) -> Result<Option<String>> {
    let value = params.get(name);
    if value.is_some_and(|value| value.len() > LONGEST) {
        return Err(Error::oauth("invalid_request", format!("{name} is too long")));
    }
    Ok(value.map(str::to_owned))
}

/// OpenID Connect Core, sections 3.2.2.1 and 3.3.2.11: an ID token in the front channel needs one.
pub fn nonce(params: &Params, response_type: ResponseType) -> Result<Option<String>> {
    let nonce = short(params, "nonce")?;
    if nonce.is_none() && response_type.gives_id_token() {
        return Err(bad("a nonce is required with this response_type"));
    }
    Ok(nonce)
}

/// RFC 7636, section 4.3, and RFC 9700, section 2.1.1: S256 only, and without exception where the profile or a client that keeps
/// no secret needs it.
pub fn code_challenge(client: &Client, params: &Params, response_type: ResponseType) -> Result<Option<String>> {
    let (challenge, method) = (params.get("code_challenge"), params.get("code_challenge_method"));
    let needed = response_type.gives_code() && (client.rules().pkce == PkceRule::Always || client.is_public());
    match (challenge, method) {
        (None, None) if needed => Err(bad("a code_challenge is required of this client")),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(bad("code_challenge_method without code_challenge")),
        (Some(challenge), Some("S256")) => {
            let good = challenge.len() == 43
                && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            if good {
                Ok(Some(challenge.to_owned()))
            } else {
                Err(bad("the code_challenge is not a SHA-256 in base64url"))
            }
        }
        (Some(_), _) => Err(bad("the code_challenge_method must be S256")),
    }
}

/// RFC 9449, section 10: the key that must redeem the code, named by the request or by the proof that it was pushed with.
pub fn dpop_jkt(params: &Params, source: &Source) -> Result<Option<String>> {
    let named = params.get("dpop_jkt");
    let proved = match source {
        Source::Pushed { dpop_jkt, .. } => dpop_jkt.as_deref(),
        Source::Browser => None,
    };
    match (named, proved) {
        (Some(named), Some(proved)) if named != proved => {
            Err(Error::oauth("invalid_dpop_proof", "dpop_jkt names another key than the proof"))
        }
        (Some(named), _) if named.len() != 43 => Err(bad("dpop_jkt is not the SHA-256 thumbprint of a key")),
        (named, proved) => Ok(named.or(proved).map(str::to_owned)),
    }
}

/// OpenID Connect Core, section 3.1.2.1.
pub fn prompt(params: &Params) -> Result<BTreeSet<Prompt>> {
    let mut prompts = BTreeSet::new();
    for word in params.get("prompt").unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
        prompts.insert(match word {
            "none" => Prompt::None,
            "login" => Prompt::Login,
            "consent" => Prompt::Consent,
            "select_account" => Prompt::SelectAccount,
            "create" => Prompt::Create,
            _ => return Err(bad("a value of prompt is unknown")),
        });
    }
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        return Err(bad("prompt none cannot stand beside another"));
    }
    Ok(prompts)
}

/// Seconds; the client's `default_max_age` where the request has none.
pub fn max_age(client: &Client, params: &Params) -> Result<Option<i64>> {
    let read = |text: &str| text.parse::<u32>().map(i64::from);
    let asked = params.get("max_age").map(|text| read(text).map_err(|_| bad("max_age is no number of seconds")));
    Ok(asked.transpose()?.or(client.metadata.default_max_age.map(i64::from)))
}

/// OpenID Connect Core, section 5.5. What the client could not ask for by scope it cannot ask for here either: that is left out.
pub fn claims(client: &Client, params: &Params) -> Result<Option<Value>> {
    let Some(text) = params.get("claims") else { return Ok(None) };
    let bad = || bad("claims is not as OpenID Connect Core 5.5 says");
    if escapes_nul(text) {
        return Err(bad());
    }
    let mut value: Value = serde_json::from_str(text).map_err(|_| bad())?;
    let object = value.as_object_mut().ok_or_else(bad)?;
    for place in ["userinfo", "id_token"] {
        let members = match object.get_mut(place) {
            None | Some(Value::Null) => continue,
            Some(members) => members.as_object_mut().ok_or_else(bad)?,
        };
        members.retain(|claim, _| scope_of(claim).is_none_or(|scope| client.scopes.has(scope)));
        if members.values().any(|wish| !wish.is_null() && !wish.is_object()) {
            return Err(bad());
        }
    }
    Ok(Some(value))
}

/// Whom the client expects, by an ID token or a claims request.
pub async fn expected_subject(
    house: &House,
    cx: &Context,
    client: &Client,
    (params, claims): (&Params, Option<&Value>),
) -> Result<Option<AccountId>> {
    let hinted = hinted_subject(house, cx, client, params).await?;
    let claimed = claimed_subject(house, client, claims).await?;
    match (hinted, claimed) {
        (Some(hinted), Some(claimed)) if hinted != claimed => Err(bad("id_token_hint and claims name two people")),
        (hinted, claimed) => Ok(hinted.or(claimed)),
    }
}

/// OpenID Connect Core, section 5.5.1: a `sub` with a value means this person and nobody else.
async fn claimed_subject(house: &House, client: &Client, claims: Option<&Value>) -> Result<Option<AccountId>> {
    let Some(value) = claims.and_then(|claims| claims.pointer("/id_token/sub/value")) else { return Ok(None) };
    let person = subject::account(house, client, value.as_str().unwrap_or_default()).await?;
    person.map(Some).ok_or_else(|| Error::oauth("login_required", "the person that claims names is not known here"))
}

/// OpenID Connect Core, section 3.1.2.1: an ID token that we gave to this client, expired or not.
async fn hinted_subject(house: &House, cx: &Context, client: &Client, params: &Params) -> Result<Option<AccountId>> {
    let Some(hint) = params.get("id_token_hint") else { return Ok(None) };
    let bad = || bad("the id_token_hint is not an ID token of ours for this client");
    let claims = keys::verify(house, cx.now, Kind::IdToken, hint).await?.ok_or_else(bad)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(house.settings.issuer.as_str()) || text("aud") != Some(client.id.as_str()) {
        return Err(bad());
    }
    let person = subject::account(house, client, text("sub").ok_or_else(bad)?).await?;
    Ok(Some(person.ok_or_else(bad)?))
}

/// `acr_values` is a wish; an essential `acr` of the claims request is a demand.
///
/// # Errors
/// `unmet_authentication_requirements` where nothing that is demanded can be reached here (OpenID Connect Core Unmet
/// Authentication Requirements 1.0).
pub fn acr(client: &Client, params: &Params, claims: Option<&Value>) -> Result<AcrWish> {
    let wish = claims.and_then(|claims| claims.pointer("/id_token/acr"));
    let essential = wish.and_then(|wish| wish.get("essential")).and_then(Value::as_bool) == Some(true);
    let mut named: Vec<&str> = Vec::new();
    if let Some(wish) = wish {
        named.extend(wish.get("value").and_then(Value::as_str));
        named.extend(wish.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str));
    }
    let demanded = essential && !named.is_empty();
    if demanded && !named.contains(&ACR_MFA) && !named.contains(&ACR_PASSWORD) {
        let why = "no way of signing in here reaches what acr demands";
        return Err(Error::oauth("unmet_authentication_requirements", why));
    }
    if named.is_empty() {
        named = params.get("acr_values").unwrap_or_default().split(' ').filter(|word| !word.is_empty()).collect();
    }
    if named.is_empty() {
        named = client.metadata.default_acr_values.iter().map(String::as_str).collect();
    }
    Ok(match (named.contains(&ACR_PASSWORD), named.contains(&ACR_MFA)) {
        (true, true) | (false, false) => AcrWish::Any,
        (true, false) => AcrWish::Password,
        (false, true) if demanded => AcrWish::Demand,
        (false, true) => AcrWish::Prefer,
    })
}
