//! The checks of an authorization request (RFC 6749, section 4.1.1; OpenID Connect Core, section 3.1.2). Nothing is sent to
//! a redirect URI that was not matched first.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::subject;
use crate::domain::house::House;
use crate::domain::keys::{self, Kind};
use crate::domain::person::{ACR_MFA, ACR_PASSWORD};
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::id::AccountId;
use crate::model::params::Params;
use crate::model::scope::Scopes;
use crate::storage::client;

/// Characters that `state`, `nonce` and others may have.
const LONGEST: usize = 2048;

/// How the answer reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// OAuth 2.0 Multiple Response Type Encoding Practices, section 2.1.
    Query,
    /// OAuth 2.0 Form Post Response Mode.
    FormPost,
    /// Where apps of the implicit and hybrid flows read; they hear there that these flows are not served.
    Fragment,
}

/// Where an answer goes: a redirect URI that was matched with the client's registration, and nothing else can become one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReturnAddress {
    redirect_uri: String,
    response_mode: ResponseMode,
    state: Option<String>,
}

/// An answer on its way to the client.
#[derive(Debug)]
pub struct Answer {
    /// Where it goes.
    pub redirect_uri: String,
    /// How.
    pub response_mode: ResponseMode,
    /// Its parameters.
    pub params: Vec<(&'static str, String)>,
}

impl ReturnAddress {
    /// The matched redirect URI.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// RFC 6749, section 4.1.2.1; `iss` by RFC 9207.
    pub fn refusal(&self, house: &House, code: &str, description: &str) -> Answer {
        let said = vec![("error", code.to_owned()), ("error_description", description.to_owned())];
        self.answer(house, said)
    }

    /// RFC 6749, section 4.1.2; `iss` by RFC 9207.
    pub fn code(&self, house: &House, code: &str) -> Answer {
        self.answer(house, vec![("code", code.to_owned())])
    }

    fn answer(&self, house: &House, mut params: Vec<(&'static str, String)>) -> Answer {
        if let Some(state) = &self.state {
            params.push(("state", state.clone()));
        }
        params.push(("iss", house.settings.issuer.clone()));
        Answer { redirect_uri: self.redirect_uri.clone(), response_mode: self.response_mode, params }
    }
}

/// `prompt` (OpenID Connect Core, section 3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// No page may be shown.
    None,
    /// Sign in again.
    Login,
    /// Ask again what the client may do.
    Consent,
    /// Ask as whom.
    SelectAccount,
    /// Initiating User Registration via OpenID Connect 1.0.
    Create,
}

/// How strongly the client wants people to prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcrWish {
    /// It does not say, or a password will do.
    Any,
    /// With a second factor where there is one.
    Prefer,
    /// With a second factor (`essential`; OpenID Connect Core, section 5.5.1.1).
    Demand,
}

/// An authorization request that passed every check.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client_id: String,
    /// Where the answer goes.
    pub to: ReturnAddress,
    /// What is asked for, as far as the client may have it; space-separated.
    pub scope: String,
    /// Stands in the ID token as it came.
    pub nonce: Option<String>,
    /// RFC 7636, S256.
    pub code_challenge: Option<String>,
    /// What must be shown.
    pub prompt: BTreeSet<Prompt>,
    /// Seconds since the person last signed in that the client accepts.
    pub max_age: Option<i64>,
    /// Whom the client expects, for the form.
    pub login_hint: Option<String>,
    /// Whom the client expects, by an ID token or a claims request: nobody else will do.
    pub subject: Option<AccountId>,
    /// How strongly.
    pub acr: AcrWish,
    /// OpenID Connect Core, section 5.5.
    pub claims: Option<Value>,
    /// Slug or id of the company to act for.
    pub company: Option<String>,
}

impl AuthorizationRequest {
    /// What is asked for.
    pub fn scopes(&self) -> Scopes {
        Scopes::read(&self.scope)
    }

    /// Whether a prompt is asked for.
    pub fn prompts(&self, prompt: Prompt) -> bool {
        self.prompt.contains(&prompt)
    }
}

/// What the checks led to. What the client itself got wrong before its redirect URI was known is an `Err`, for a page.
#[derive(Debug)]
pub enum Checked {
    /// A request to serve.
    Good(Box<(Client, AuthorizationRequest)>),
    /// Told to the client.
    Refused(Answer),
}

/// Checks a request.
///
/// # Errors
/// `invalid_request` and `invalid_client` where no redirect URI can be trusted: shown on a page, sent nowhere.
pub async fn check(house: &House, cx: &Context, params: &Params) -> Result<Checked> {
    let client = client::find(&house.db, params.need("client_id")?).await?;
    let client = client
        .filter(|client| client.disabled_at.is_none())
        .ok_or_else(|| Error::oauth("invalid_request", "the client is not known here, or is switched off"))?;
    let to = return_address(&client, params)?;
    match rest(house, cx, &client, to.clone(), params).await {
        Ok(request) => Ok(Checked::Good(Box::new((client, request)))),
        Err(Error::OAuth { code, description }) => Ok(Checked::Refused(to.refusal(house, code, &description))),
        Err(other) => Err(other),
    }
}

/// RFC 9700, section 4.1.3: compared character by character. It must be sent even where only one is registered.
fn return_address(client: &Client, params: &Params) -> Result<ReturnAddress> {
    let redirect_uri = params.need("redirect_uri")?;
    if !client.redirect_uris.iter().any(|registered| registered == redirect_uri) {
        return Err(Error::oauth("invalid_request", "the redirect_uri is not one that the client registered"));
    }
    let state = params.get("state").map(str::to_owned);
    if state.as_ref().is_some_and(|state| state.len() > LONGEST) {
        return Err(Error::oauth("invalid_request", "state is too long"));
    }
    // Multiple Response Type Encoding Practices, sections 2.1 and 5: nothing of these flows may stand in a query. What cannot
    // be understood is answered in the default mode of its response type.
    let asked = params.get("response_type").unwrap_or_default();
    let front_channel = asked.split(' ').any(|word| word == "token" || word == "id_token");
    let response_mode = match params.get("response_mode") {
        Some("form_post") => ResponseMode::FormPost,
        _ if front_channel => ResponseMode::Fragment,
        _ => ResponseMode::Query,
    };
    Ok(ReturnAddress { redirect_uri: redirect_uri.to_owned(), response_mode, state })
}

async fn rest(
    house: &House,
    cx: &Context,
    client: &Client,
    to: ReturnAddress,
    params: &Params,
) -> Result<AuthorizationRequest> {
    response_type(client, params)?;
    let scopes = scopes(client, params);
    let claims = claims(params)?;
    let hinted = hinted_subject(house, cx, client, params).await?;
    let claimed = claimed_subject(house, client, claims.as_ref()).await?;
    if let (Some(hinted), Some(claimed)) = (hinted, claimed)
        && hinted != claimed
    {
        return Err(Error::oauth("invalid_request", "id_token_hint and claims name two people"));
    }
    Ok(AuthorizationRequest {
        client_id: client.id.clone(),
        to,
        scope: scopes.to_string(),
        nonce: short(params, "nonce")?,
        code_challenge: code_challenge(client, params)?,
        prompt: prompt(params)?,
        max_age: max_age(params)?,
        login_hint: short(params, "login_hint")?.map(|hint| hint.chars().take(254).collect()),
        subject: hinted.or(claimed),
        acr: acr(params, claims.as_ref()),
        claims,
        company: short(params, "company")?,
    })
}

/// OpenID Connect Core, sections 3.1.2.1 and 6: request objects are refused by their own error codes.
fn response_type(client: &Client, params: &Params) -> Result<()> {
    for (name, code) in [
        ("request", "request_not_supported"),
        ("request_uri", "request_uri_not_supported"),
        ("registration", "registration_not_supported"),
    ] {
        if params.get(name).is_some() {
            return Err(Error::oauth(code, format!("{name} is not supported")));
        }
    }
    if params.need("response_type")? != "code" {
        return Err(Error::oauth("unsupported_response_type", "the response_type must be code"));
    }
    if params.get("response_mode").is_some_and(|mode| mode != "query" && mode != "form_post") {
        return Err(Error::oauth("invalid_request", "the response_mode must be query or form_post"));
    }
    if !client.may_use("authorization_code") {
        return Err(Error::oauth("unauthorized_client", "the client may not ask for codes"));
    }
    Ok(())
}

/// What we do not know is left out (OpenID Connect Core, section 3.1.2.1), and what the client may not have.
fn scopes(client: &Client, params: &Params) -> Scopes {
    let asked = Scopes::read(params.get("scope").unwrap_or_default()).and(&client.scopes);
    if client.may_use("refresh_token") {
        asked
    } else {
        Scopes::of(asked.iter().filter(|scope| *scope != "offline_access"))
    }
}

fn short(params: &Params, name: &'static str) -> Result<Option<String>> {
    let value = params.get(name);
    if value.is_some_and(|value| value.len() > LONGEST) {
        return Err(Error::oauth("invalid_request", format!("{name} is too long")));
    }
    Ok(value.map(str::to_owned))
}

/// RFC 7636, section 4.3, and RFC 9700, section 2.1.1: S256 only, and without exception for clients that keep no secret.
fn code_challenge(client: &Client, params: &Params) -> Result<Option<String>> {
    let bad = |what: &'static str| Err(Error::oauth("invalid_request", what));
    let (challenge, method) = (params.get("code_challenge"), params.get("code_challenge_method"));
    match (challenge, method) {
        (None, None) if client.is_public() => bad("a code_challenge is required of public clients"),
        (None, None) => Ok(None),
        (None, Some(_)) => bad("code_challenge_method without code_challenge"),
        (Some(challenge), Some("S256")) => {
            let good = challenge.len() == 43
                && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
            if good { Ok(Some(challenge.to_owned())) } else { bad("the code_challenge is not a SHA-256 in base64url") }
        }
        (Some(_), _) => bad("the code_challenge_method must be S256"),
    }
}

fn prompt(params: &Params) -> Result<BTreeSet<Prompt>> {
    let mut prompts = BTreeSet::new();
    for word in params.get("prompt").unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
        prompts.insert(match word {
            "none" => Prompt::None,
            "login" => Prompt::Login,
            "consent" => Prompt::Consent,
            "select_account" => Prompt::SelectAccount,
            "create" => Prompt::Create,
            _ => return Err(Error::oauth("invalid_request", "a value of prompt is unknown")),
        });
    }
    if prompts.contains(&Prompt::None) && prompts.len() > 1 {
        return Err(Error::oauth("invalid_request", "prompt none cannot stand beside another"));
    }
    Ok(prompts)
}

fn max_age(params: &Params) -> Result<Option<i64>> {
    let read = |text: &str| text.parse::<u32>().map(i64::from);
    params
        .get("max_age")
        .map(|text| read(text).map_err(|_| Error::oauth("invalid_request", "max_age is no number of seconds")))
        .transpose()
}

fn claims(params: &Params) -> Result<Option<Value>> {
    let Some(text) = params.get("claims") else { return Ok(None) };
    let bad = || Error::oauth("invalid_request", "claims is not as OpenID Connect Core 5.5 says");
    let value: Value = serde_json::from_str(text).map_err(|_| bad())?;
    let object = value.as_object().ok_or_else(bad)?;
    for place in ["userinfo", "id_token"] {
        let members = match object.get(place) {
            None | Some(Value::Null) => continue,
            Some(members) => members.as_object().ok_or_else(bad)?,
        };
        if members.values().any(|wish| !wish.is_null() && !wish.is_object()) {
            return Err(bad());
        }
    }
    Ok(Some(value))
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
    let bad = || Error::oauth("invalid_request", "the id_token_hint is not an ID token of ours for this client");
    let claims = keys::verify(house, cx.now, Kind::IdToken, hint).await?.ok_or_else(bad)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(house.settings.issuer.as_str()) || text("aud") != Some(client.id.as_str()) {
        return Err(bad());
    }
    let person = subject::account(house, client, text("sub").ok_or_else(bad)?).await?;
    Ok(Some(person.ok_or_else(bad)?))
}

/// `acr_values` is a wish; an essential `acr` of the claims request is a demand.
fn acr(params: &Params, claims: Option<&Value>) -> AcrWish {
    let wish = claims.and_then(|claims| claims.pointer("/id_token/acr"));
    let essential = wish.and_then(|wish| wish.get("essential")).and_then(Value::as_bool) == Some(true);
    let mut named: Vec<&str> = Vec::new();
    if let Some(wish) = wish {
        named.extend(wish.get("value").and_then(Value::as_str));
        named.extend(wish.get("values").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str));
    }
    if named.is_empty() {
        named = params.get("acr_values").unwrap_or_default().split(' ').collect();
    }
    if !named.contains(&ACR_MFA) || named.contains(&ACR_PASSWORD) {
        AcrWish::Any
    } else if essential {
        AcrWish::Demand
    } else {
        AcrWish::Prefer
    }
}
