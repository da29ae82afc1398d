//! Flows: an authorization request in one browser tab, and which step comes next. The state is on the server; the URL only
//! names it, and only the browser that began it can go on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::authorize::{AcrWish, Answer, AuthorizationRequest, Prompt};
use super::{issue, par, resource};
use crate::domain::house::House;
use crate::domain::person::visitor::Visitor;
use crate::model::client::{Client, ConsentRule};
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::{AccountId, CompanyId};
use crate::model::secret::{Digest, Secret};
use crate::storage::company::Joined;
use crate::storage::{client, flow};

/// How long somebody may take to sign in.
const LASTS: Duration = Duration::hours(1);

/// What has been answered on the way. Each answer counts for the person who gave it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Progress {
    account: Option<AccountId>,
    company: Option<(AccountId, CompanyId)>,
    consent: Option<(AccountId, CompanyId)>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    request: AuthorizationRequest,
    progress: Progress,
}

/// A flow.
#[derive(Debug)]
pub struct Flow {
    /// Who asks.
    pub client: Arc<Client>,
    /// What for.
    pub request: AuthorizationRequest,
    /// When it began.
    pub created_at: OffsetDateTime,
    progress: Progress,
    /// Under what it is kept; one that could be answered at once is not kept at all.
    digest: Option<Digest>,
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// Sign in.
    Login,
    /// Register a company.
    Register,
    /// Prove the second factor.
    SecondFactor,
    /// Set a second factor up.
    SetUpSecondFactor,
    /// Choose the company.
    Company,
    /// Allow or deny.
    Consent(Box<Joined>),
    /// Give the answer.
    Issue(Box<Joined>),
    /// Tell the client why not.
    Refuse(&'static str, &'static str),
}

impl Flow {
    /// A request that was checked a moment ago.
    pub fn new(cx: &Context, client: Arc<Client>, request: AuthorizationRequest) -> Self {
        Self { client, request, created_at: cx.now, progress: Progress::default(), digest: None }
    }

    /// Which companies the person can choose from.
    pub fn companies<'a>(&'a self, visitor: &'a Visitor) -> impl Iterator<Item = &'a Joined> {
        visitor.companies.iter().filter(|joined| self.client.serves(joined.company.id()))
    }

    async fn save(&self, house: &House) -> Result<()> {
        let Some(digest) = &self.digest else { return Ok(()) };
        let kept = Kept { request: self.request.clone(), progress: self.progress.clone() };
        flow::save(&house.db, digest, &serde_json::to_value(kept)?).await
    }

    /// Ends it: a flow gives one answer.
    async fn finish(&self, house: &House, cx: &Context) -> Result<()> {
        if let Some(digest) = &self.digest
            && !flow::finish(&house.db, digest, cx.now).await?
        {
            return Err(issue::OVER);
        }
        self.take_pushed(house, cx).await
    }

    /// A pushed request may be brought again until it has led to an answer (RFC 9126, section 4).
    async fn take_pushed(&self, house: &House, cx: &Context) -> Result<()> {
        match &self.request.pushed {
            Some(reference) => par::take(house, cx, reference).await,
            None => Ok(()),
        }
    }
}

/// Keeps a flow for this browser, and gives it its name in URLs.
pub async fn begin(house: &House, cx: &Context, flow: &Flow, browser: &Digest) -> Result<Secret> {
    let id = Secret::generate();
    let kept = serde_json::to_value(Kept { request: flow.request.clone(), progress: flow.progress.clone() })?;
    flow::insert(&house.db, (&id.digest(), browser), &kept, (cx.now, cx.now + LASTS)).await?;
    Ok(id)
}

/// A living flow of this browser.
pub async fn find(house: &House, cx: &Context, id: &str, browser: &Digest) -> Result<Option<Flow>> {
    let digest = Secret::received(id).digest();
    let Some(row) = flow::find(&house.db, &digest, browser, cx.now).await? else { return Ok(None) };
    let kept: Kept = serde_json::from_value(row.request)?;
    let client = client::find(&house.db, &kept.request.client_id, cx.now).await?;
    // Switched off, or registered anew, since the flow began.
    let client = client.filter(|client| {
        client.disabled_at.is_none() && client.redirect_uris.iter().any(|uri| uri == kept.request.to.redirect_uri())
    });
    Ok(client.map(|client| Flow {
        client,
        request: kept.request,
        created_at: row.created_at,
        progress: kept.progress,
        digest: Some(digest),
    }))
}

/// As [`find`], where there must be one.
///
/// # Errors
/// It is over, or belongs to another browser.
pub async fn need(house: &House, cx: &Context, id: &str, browser: &Digest) -> Result<Flow> {
    find(house, cx, id, browser).await?.ok_or(Error::Forbidden(
        "this sign-in is over, was finished in another tab, or has waited for too long; go back to the app and begin again",
    ))
}

/// The person goes on as who is signed in.
pub async fn choose_account(house: &House, mut flow: Flow, visitor: &Visitor) -> Result<()> {
    flow.progress.account = Some(visitor.account);
    flow.save(house).await
}

/// The person chose a company.
///
/// # Errors
/// It is not one of theirs, or the client does not serve it.
pub async fn choose_company(house: &House, mut flow: Flow, visitor: &Visitor, chosen: &str) -> Result<CompanyId> {
    let joined = named(flow.companies(visitor), chosen).map(|joined| joined.company.id());
    let company = joined.ok_or(Error::NotFound("company"))?;
    flow.progress.company = Some((visitor.account, company));
    flow.save(house).await?;
    Ok(company)
}

/// The person allowed it.
pub async fn allow(house: &House, mut flow: Flow, visitor: &Visitor, company: CompanyId) -> Result<()> {
    flow.progress.consent = Some((visitor.account, company));
    flow.save(house).await
}

/// The person denied it.
pub async fn deny(
    house: &House,
    cx: &Context,
    flow: &Flow,
    (person, company): (AccountId, CompanyId),
) -> Result<Answer> {
    flow.finish(house, cx).await?;
    let event = Event::ConsentDenied { client: flow.client.id.clone() };
    house.db.company(company, Some(person)).await?.commit(cx, event).await?;
    flow.request.to.refusal(house, cx.now, "access_denied", "the person did not allow it").await
}

/// Gives the answer.
pub async fn issue(house: &House, cx: &Context, flow: &Flow, visitor: &Visitor, joined: &Joined) -> Result<Answer> {
    flow.take_pushed(house, cx).await?;
    let allowed = flow.progress.consent == Some((visitor.account, joined.company.id()));
    let consented = if allowed { Some(resource::permission(house, &flow.request).await?) } else { None };
    issue::answer(house, cx, (&flow.client, &flow.request), (visitor, joined), (flow.digest, consented)).await
}

/// Tells the client why not.
pub async fn refuse(house: &House, cx: &Context, flow: &Flow, code: &str, description: &str) -> Result<Answer> {
    flow.finish(house, cx).await?;
    flow.request.to.refusal(house, cx.now, code, description).await
}

fn named<'a>(mut companies: impl Iterator<Item = &'a Joined>, name: &str) -> Option<&'a Joined> {
    companies.find(|joined| joined.company.slug == name || joined.company.id().to_string() == name)
}

/// Which step comes next. With `prompt=none` a step that needs a page is a refusal.
pub async fn next(house: &House, flow: &Flow, visitor: Option<&Visitor>) -> Result<Step> {
    let step = page_or_answer(house, flow, visitor).await?;
    if !flow.request.prompts(Prompt::None) {
        return Ok(step);
    }
    // OpenID Connect Core, section 3.1.2.6.
    Ok(match step {
        Step::Login | Step::Register => Step::Refuse("login_required", "nobody is signed in who could go on silently"),
        Step::SecondFactor | Step::SetUpSecondFactor => {
            Step::Refuse("interaction_required", "a second factor must be proved")
        }
        Step::Company => Step::Refuse("interaction_required", "a company must be chosen"),
        Step::Consent(_) => Step::Refuse("consent_required", "the person must be asked"),
        other => other,
    })
}

async fn page_or_answer(house: &House, flow: &Flow, visitor: Option<&Visitor>) -> Result<Step> {
    let request = &flow.request;
    let Some(visitor) = visitor else {
        return Ok(if request.prompts(Prompt::Create) { Step::Register } else { Step::Login });
    };
    // Who signed in after the flow began has done what prompt, max_age and a company's session length ask for, however
    // long the rest takes.
    let fresh = visitor.auth_time >= flow.created_at;
    if !fresh {
        if let Some(step) = stale(flow, visitor) {
            return Ok(step);
        }
    } else if request.subject.is_some_and(|subject| subject != visitor.account) {
        return Ok(Step::Refuse("login_required", "somebody else signed in"));
    }
    if matches!(request.acr, AcrWish::Prefer | AcrWish::Demand) && !visitor.used_second_factor() {
        match (visitor.has_totp, request.acr) {
            (true, _) => return Ok(Step::SecondFactor),
            (false, AcrWish::Demand) => return Ok(Step::SetUpSecondFactor),
            (false, _) => {}
        }
    }
    let joined = match company(flow, visitor) {
        Ok(joined) => joined,
        Err(step) => return Ok(*step),
    };
    if joined.company.require_mfa && !visitor.used_second_factor() {
        return Ok(if visitor.has_totp { Step::SecondFactor } else { Step::SetUpSecondFactor });
    }
    let longest = joined.company.session_hours.map(|hours| Duration::hours(hours.into()));
    if !fresh && longest.is_some_and(|longest| flow.created_at - visitor.auth_time > longest) {
        return Ok(Step::Login);
    }
    if needs_consent(house, flow, visitor, &joined).await? {
        return Ok(Step::Consent(Box::new(joined)));
    }
    Ok(Step::Issue(Box::new(joined)))
}

/// Why somebody who was signed in before must show it again.
fn stale(flow: &Flow, visitor: &Visitor) -> Option<Step> {
    let request = &flow.request;
    if request.prompts(Prompt::Create) {
        return Some(Step::Register);
    }
    let too_old = request.max_age.is_some_and(|age| flow.created_at - visitor.auth_time > Duration::seconds(age));
    let other = request.subject.is_some_and(|subject| subject != visitor.account);
    let unchosen = request.prompts(Prompt::SelectAccount) && flow.progress.account != Some(visitor.account);
    (request.prompts(Prompt::Login) || too_old || other || unchosen).then_some(Step::Login)
}

/// Exactly one company: the one that was asked for, the only one, or the one that was chosen.
fn company(flow: &Flow, visitor: &Visitor) -> Result<Joined, Box<Step>> {
    let refuse = |why| Err(Box::new(Step::Refuse("access_denied", why)));
    if let Some(name) = &flow.request.company {
        let found = named(flow.companies(visitor), name).cloned();
        return found.map_or_else(|| refuse("the person does not belong to this company"), Ok);
    }
    let mut companies = flow.companies(visitor);
    match (companies.next(), companies.next()) {
        (None, _) => return refuse("the person belongs to no company that may use this app"),
        (Some(only), None) => return Ok(only.clone()),
        _ => {}
    }
    let chosen = flow.progress.company.filter(|(account, _)| *account == visitor.account).map(|(_, company)| company);
    // Nobody can be asked: the company that was last chosen in this browser.
    let silent = flow.request.prompts(Prompt::None).then_some(visitor.chosen).flatten();
    let found = flow.companies(visitor).find(|joined| Some(joined.company.id()) == chosen.or(silent)).cloned();
    found.ok_or_else(|| Box::new(Step::Company))
}

async fn needs_consent(house: &House, flow: &Flow, visitor: &Visitor, joined: &Joined) -> Result<bool> {
    let company = joined.company.id();
    if flow.progress.consent == Some((visitor.account, company)) {
        return Ok(false);
    }
    if flow.request.prompts(Prompt::Consent) {
        return Ok(true);
    }
    if flow.client.consent == ConsentRule::Skip {
        return Ok(false);
    }
    // What is asked for in detail is asked for anew each time (RFC 9396, section 1).
    if flow.request.authorization_details.is_some() {
        return Ok(true);
    }
    let asked = resource::permission(house, &flow.request).await?;
    Ok(!joined.allowed.as_ref().is_some_and(|given| given.covers(&asked)))
}
