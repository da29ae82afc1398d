//! Sign-in by API: a password, a second factor where there is one, and then tokens for the management API.

use std::sync::Arc;

use serde_json::{Value, json};
use time::Duration;

use super::API_CLIENT;
use super::caller::Enroller;
use crate::domain::house::House;
use crate::domain::keys::{self, Kind};
use crate::domain::oidc::binding::Evidence;
use crate::domain::oidc::grant::{self as oidc_grant, Tokens, refresh_token as oidc_refresh};
use crate::domain::oidc::token::AccessRights;
use crate::domain::person::second_factor::{self, FactorOutcome};
use crate::domain::person::sign_in::{self, PasswordOutcome, Proof, Proven};
use crate::domain::person::{ACR_PASSWORD, sign_out};
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::{AccountId, CompanyId, GrantId};
use crate::model::jose::SigningAlgorithm;
use crate::model::params::Params;
use crate::model::scope::Scopes;
use crate::model::secret::Secret;
use crate::storage::company::{self, Joined};
use crate::storage::held::{self, Asked};
use crate::storage::{account, client, grant, refresh_token};

/// How long a sign-in may rest before its second step.
const STEP_LIVES: Duration = Duration::minutes(10);

/// What a token between two steps is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// A code of the second factor.
    Verify,
    /// Setting a second factor up.
    SetUp,
}

impl StepKind {
    fn claim(self) -> &'static str {
        match self {
            Self::Verify => "mfa_required",
            Self::SetUp => "mfa_setup_required",
        }
    }
}

/// Somebody whose password was right a moment ago.
#[derive(Debug, Clone)]
pub struct Step {
    /// Who.
    pub account: AccountId,
    /// Which company they chose.
    pub company: CompanyId,
}

/// What a password led to.
#[derive(Debug)]
pub enum LoginOutcome {
    /// Wrong, unknown or switched off.
    Rejected,
    /// The address must be confirmed first.
    Unverified,
    /// A code is awaited, with this token.
    SecondFactor(String),
    /// A second factor must be set up, with this token.
    SetUp(String),
    /// Signed in.
    Done(Box<Session>),
}

/// A login by API.
#[derive(Debug)]
pub struct Session {
    /// Its tokens.
    pub tokens: Tokens,
    /// Who.
    pub account: AccountId,
    /// For which company.
    pub company: CompanyId,
}

/// Signs in with a password. `wanted` is a slug or an id; without it the home company is chosen, or the first by name.
///
/// # Errors
/// `NotFound` for a company that is not the person's; `TooMany` where somebody guesses.
pub async fn login(
    house: &House,
    cx: &Context,
    email: &Email,
    password: Secret,
    wanted: Option<&str>,
) -> Result<LoginOutcome> {
    let (person, has_second_factor) = match sign_in::check_password(house, cx, email, password).await? {
        PasswordOutcome::Rejected => return Ok(LoginOutcome::Rejected),
        PasswordOutcome::Unverified(_) => return Ok(LoginOutcome::Unverified),
        PasswordOutcome::SecondFactor(person) => (person, true),
        PasswordOutcome::Identified(proven) => (proven.settle(house).await?, false),
    };
    let joined = choose(house, person, wanted).await?;
    let step = Step { account: person, company: joined.company.id() };
    if has_second_factor {
        return Ok(LoginOutcome::SecondFactor(step_token(house, cx, StepKind::Verify, &step).await?));
    }
    if joined.company.require_mfa {
        return Ok(LoginOutcome::SetUp(step_token(house, cx, StepKind::SetUp, &step).await?));
    }
    Ok(LoginOutcome::Done(Box::new(begin(house, cx, &step, Proof::Password).await?)))
}

async fn choose(house: &House, person: AccountId, wanted: Option<&str>) -> Result<Joined> {
    let mut tx = house.db.account(person).await?;
    let home = account::find(&mut tx).await?.and_then(|account| account.home_company_id);
    let companies = company::of_account(&mut tx).await?;
    tx.commit_unremarkable().await?;
    if let Some(name) = wanted {
        let named = |joined: &&Joined| joined.company.slug == name || joined.company.id().to_string() == name;
        return companies.iter().find(named).cloned().ok_or(Error::NotFound("company"));
    }
    let at_home = companies.iter().find(|joined| Some(joined.company.id) == home);
    at_home.or(companies.first()).cloned().ok_or(Error::Forbidden("you do not belong to any company any more"))
}

async fn step_token(house: &House, cx: &Context, kind: StepKind, step: &Step) -> Result<String> {
    let mut claims = json!({
        "iss": house.settings.issuer,
        "aud": house.api_audience(),
        "sub": step.account,
        "company_id": step.company,
        "acr": ACR_PASSWORD,
        "iat": cx.now.unix_timestamp(),
        "exp": (cx.now + STEP_LIVES).unix_timestamp(),
    });
    let claims = claims.as_object_mut().map(std::mem::take).unwrap_or_default();
    let with = claims.into_iter().chain([(kind.claim().to_owned(), Value::Bool(true))]).collect();
    keys::sign(house, cx.now, (Kind::Step, SigningAlgorithm::Rs256), with).await
}

/// Who holds a token between two steps; `None` for any other token, one of another kind of step among them.
pub async fn read_step(house: &House, cx: &Context, kind: StepKind, token: &str) -> Result<Option<Step>> {
    let Some(claims) = keys::verify_living(house, cx.now, Kind::Step, token).await? else { return Ok(None) };
    if claims.get(kind.claim()) != Some(&Value::Bool(true)) {
        return Ok(None);
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let read = text("sub").parse().ok().zip(text("company_id").parse().ok());
    Ok(read.map(|(account, company)| Step { account, company }))
}

/// The second step: a code of the app, or a backup code.
///
/// # Errors
/// `Unauthenticated` where the token or the code is not good; `TooMany` where somebody guesses.
pub async fn verify(house: &House, cx: &Context, token: &str, code: &str) -> Result<Session> {
    let step = read_step(house, cx, StepKind::Verify, token).await?;
    let step =
        step.ok_or(Error::Unauthenticated("the mfa_token is not valid, or not valid any more: sign in again"))?;
    if second_factor::check(house, cx, step.account, code).await? == FactorOutcome::Rejected {
        return Err(Error::Unauthenticated("the code is wrong, or was used before"));
    }
    begin(house, cx, &step, Proof::SecondFactor).await
}

/// What the first code of a new second factor gives.
#[derive(Debug)]
pub struct Enabled {
    /// Ten, shown once.
    pub backup_codes: Vec<String>,
    /// For somebody who could not sign in without: now they have.
    pub session: Option<Session>,
}

/// Turns the second factor on.
///
/// # Errors
/// `Invalid` where the code is wrong.
pub async fn enable(house: &House, cx: &Context, who: &Enroller, code: &str) -> Result<Enabled> {
    let codes = second_factor::enable(house, cx, who.account(), code).await?;
    let backup_codes = codes.ok_or_else(|| Error::invalid("code", "is wrong"))?;
    let session = match who {
        Enroller::Caller(_) => None,
        Enroller::Halfway(step) => Some(begin(house, cx, step, Proof::SecondFactor).await?),
    };
    Ok(Enabled { backup_codes, session })
}

/// Signs somebody in who registered a moment ago, or proved themselves: a login, a grant and its tokens.
pub async fn begin(house: &House, cx: &Context, step: &Step, proof: Proof) -> Result<Session> {
    let login = sign_in::begin_login(house, cx, &Proven::by(step.account, proof), None).await?.login;
    let expires_at = cx.now + house.settings.refresh_token_lifetime;
    let fresh = grant::Fresh {
        id: GrantId::new(cx.now),
        account: step.account,
        client_id: API_CLIENT.to_owned(),
        login: login.id(),
        scopes: Scopes::of(["company", "offline_access"]),
        audience: house.api_audience(),
        nonce: None,
        claims: None,
        auth_time: login.auth_time,
        amr: login.amr,
        acr: login.acr,
        subject: None,
        authorization_details: None,
        resources: Vec::new(),
        expires_at,
    };
    let refresh = Secret::generate();
    let mut tx = house.db.company(step.company, Some(step.account)).await?;
    grant::insert(&mut tx, &fresh, cx.now).await?;
    refresh_token::insert(&mut tx, &refresh.digest(), fresh.id, (cx.now, expires_at)).await?;
    let living = held::living(&mut tx, fresh.id, cx.now).await?;
    // The membership ended between the two steps.
    let (living, _) = *living.ok_or(Error::Forbidden("you do not belong to this company any more"))?;
    tx.commit(cx, Event::TokensIssued { client: API_CLIENT.to_owned(), grant_type: "password" }).await?;
    let client = api_client(house, cx).await?;
    let rights = AccessRights::of(house, &living, fresh.scopes);
    let mut tokens = oidc_grant::mint(house, cx, &client, &living, (rights, None)).await?;
    tokens.refresh_token = Some(refresh.reveal().to_owned());
    Ok(Session { tokens, account: step.account, company: step.company })
}

async fn api_client(house: &House, cx: &Context) -> Result<Arc<Client>> {
    client::find(&house.db, API_CLIENT, cx.now).await?.ok_or_else(|| Error::fault("the API's client is missing"))
}

/// New tokens for a refresh token.
///
/// # Errors
/// `Unauthenticated` for whatever is wrong with it.
pub async fn refresh(house: &House, cx: &Context, token: Secret) -> Result<Tokens> {
    let client = api_client(house, cx).await?;
    match oidc_refresh::redeem(house, cx, &client, (token, &Params::default()), &Evidence::default()).await {
        Err(Error::OAuth { .. }) => {
            Err(Error::Unauthenticated("the refresh_token is not valid, or not valid any more"))
        }
        other => other,
    }
}

/// Ends the login that a refresh token belongs to, with every token of it. A token that is dead already is no error.
pub async fn logout(house: &House, cx: &Context, token: &Secret) -> Result<()> {
    let found = held::find(&house.db, Asked::RefreshToken(token.digest()), cx.now).await?;
    let found = found.filter(|held| held.whose.client_id == API_CLIENT);
    let Some((living, _)) = found.and_then(|held| held.living).map(|living| *living) else { return Ok(()) };
    match sign_out::end(house, cx, living.account, living.login).await {
        // It ended a moment ago.
        Err(Error::NotFound(_)) => Ok(()),
        other => other,
    }
}
