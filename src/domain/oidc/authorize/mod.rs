//! Authorization requests (RFC 6749, section 4.1.1; OpenID Connect Core, section 3.1.2): where their parameters come from, which
//! checks they pass, and what they ask for. Nothing is sent to a redirect URI that was not matched first.

mod checks;
mod response;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use response::{Answer, Carrier, RESPONSE_MODES, ResponseMode, ReturnAddress};

use super::{claims, par, request_object, resource};
use crate::domain::house::House;
use crate::model::authorization_details::AuthorizationDetails;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::id::AccountId;
use crate::model::params::Params;
use crate::model::scope::Scopes;

/// Characters that `state`, `nonce` and others may have.
const LONGEST: usize = 2048;

/// What the answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResponseType {
    /// RFC 6749, section 4.1.
    #[serde(rename = "code")]
    Code,
    /// OpenID Connect Core, section 3.2, without an access token.
    #[serde(rename = "id_token")]
    IdToken,
    /// OpenID Connect Core, section 3.3.
    #[serde(rename = "code id_token")]
    CodeIdToken,
}

impl ResponseType {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Code, Self::IdToken, Self::CodeIdToken];

    /// The registered words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::IdToken => "id_token",
            Self::CodeIdToken => "code id_token",
        }
    }

    /// Whether a code is among the answer.
    pub fn gives_code(self) -> bool {
        self != Self::IdToken
    }

    /// Whether an ID token is among the answer.
    pub fn gives_id_token(self) -> bool {
        self != Self::Code
    }
}

/// How a request came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Through the browser.
    Browser,
    /// Pushed by the client, who proved who it is (RFC 9126).
    Pushed {
        /// RFC 9449, section 10.1: the key of the proof that came along.
        dpop_jkt: Option<String>,
    },
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
    /// It does not say, or anything will do.
    Any,
    /// With a password. Who did more is told to have done this: the client knows no other word.
    Password,
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
    /// What the answer holds.
    pub response_type: ResponseType,
    /// What is asked for, as far as the client may have it; space-separated.
    pub scope: String,
    /// RFC 8707: the registered resources that tokens are for.
    pub resources: Vec<String>,
    /// RFC 9396.
    pub authorization_details: Option<AuthorizationDetails>,
    /// Stands in the ID token as it came.
    pub nonce: Option<String>,
    /// RFC 7636, S256.
    pub code_challenge: Option<String>,
    /// RFC 9449, section 10: the key that must redeem the code.
    pub dpop_jkt: Option<String>,
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
    /// The pushed request that this was, to be used up with the answer.
    pub pushed: Option<String>,
}

impl AuthorizationRequest {
    /// What is asked for.
    pub fn scopes(&self) -> Scopes {
        Scopes::read(&self.scope)
    }

    /// What people are asked to allow: the scopes, and those that stand for what the claims request asks for.
    pub fn wants(&self) -> Scopes {
        self.scopes().or(&claims::scopes(self.claims.as_ref()))
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
    Good(Box<(Arc<Client>, AuthorizationRequest)>),
    /// Told to the client.
    Refused(Answer),
}

/// Checks a request that came through the browser: its own parameters, a request object, or the reference of a pushed request.
///
/// # Errors
/// `invalid_request` and `invalid_client` where no redirect URI can be trusted: shown on a page, sent nowhere.
pub async fn check(house: &House, cx: &Context, params: &Params) -> Result<Checked> {
    let client = super::client::find(house, cx, params.need("client_id")?).await?;
    let client = client
        .filter(|client| client.disabled_at.is_none())
        .ok_or_else(|| Error::oauth("invalid_request", "the client is not known here, or is switched off"))?;
    if let Some(reference) = params.get("request_uri").filter(|uri| uri.starts_with(par::PREFIX)) {
        // RFC 9126, section 4: nothing beside the reference and the client_id counts.
        let (params, source) = par::find(house, cx, &client, reference).await?;
        return answerable(house, cx, client, (&params, &source, Some(reference))).await;
    }
    match request_object::resolve(house, cx, &client, params).await {
        Ok(params) => answerable(house, cx, client, (&params, &Source::Browser, None)).await,
        // Told to the client where the request beside the object says where; never to a guess (RFC 6749, section 4.1.2.1).
        Err(Error::OAuth { code, description }) => {
            let to = ReturnAddress::matched(&client, params)
                .map_err(|_| Error::OAuth { code, description: description.clone() })?;
            Ok(Checked::Refused(to.refusal(house, cx.now, code, &description).await?))
        }
        Err(other) => Err(other),
    }
}

async fn answerable(
    house: &House,
    cx: &Context,
    client: Arc<Client>,
    (params, source, reference): (&Params, &Source, Option<&str>),
) -> Result<Checked> {
    let to = ReturnAddress::matched(&client, params)?;
    match demands(house, cx, &client, (params, source)).await {
        Ok(request) => {
            let request = AuthorizationRequest { pushed: reference.map(str::to_owned), ..request };
            Ok(Checked::Good(Box::new((client, request))))
        }
        Err(Error::OAuth { code, description }) => {
            Ok(Checked::Refused(to.refusal(house, cx.now, code, &description).await?))
        }
        Err(other) => Err(other),
    }
}

/// Every check, for requests that come through the browser and for those that are pushed.
///
/// # Errors
/// The code of whatever is wrong.
pub async fn demands(
    house: &House,
    cx: &Context,
    client: &Client,
    (params, source): (&Params, &Source),
) -> Result<AuthorizationRequest> {
    let request = read(client, params, source)?;
    let resources = resource::named(house, client, params, &request.scopes()).await?;
    let subject = checks::expected_subject(house, cx, client, (params, request.claims.as_ref())).await?;
    Ok(AuthorizationRequest { resources, subject, ..request })
}

/// The checks that need nothing but the request and the registration of its client. Nobody is asked here, and no parameters make
/// it panic.
///
/// # Errors
/// The code of whatever is wrong.
pub fn read(client: &Client, params: &Params, source: &Source) -> Result<AuthorizationRequest> {
    checks::pushed(client, source)?;
    checks::registration(params)?;
    let response_type = checks::response_type(client, params)?;
    checks::response_mode(params, response_type)?;
    let claims = checks::claims(client, params)?;
    Ok(AuthorizationRequest {
        client_id: client.id.clone(),
        to: ReturnAddress::matched(client, params)?,
        response_type,
        scope: checks::scopes(client, params, response_type).to_string(),
        resources: Vec::new(),
        authorization_details: AuthorizationDetails::of(client, params.get("authorization_details"))?,
        nonce: checks::nonce(params, response_type)?,
        code_challenge: checks::code_challenge(client, params, response_type)?,
        dpop_jkt: checks::dpop_jkt(params, source)?,
        prompt: checks::prompt(params)?,
        max_age: checks::max_age(client, params)?,
        login_hint: checks::short(params, "login_hint")?.map(|hint| hint.chars().take(254).collect()),
        subject: None,
        acr: checks::acr(client, params, claims.as_ref())?,
        claims,
        company: checks::short(params, "company")?,
        pushed: None,
    })
}
