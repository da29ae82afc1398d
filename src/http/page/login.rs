//! `/login`: e-mail address and password.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::flow::{Steps, Waiting};
use super::frame::{Flaws, Frame, notice, show as render};
use crate::domain::oidc::flow::{self, Flow};
use crate::domain::person::recovery;
use crate::domain::person::sign_in::{self, PasswordOutcome, Proven};
use crate::domain::person::visitor::{Remembered, Visitor};
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::headers::FormTarget;
use crate::http::oidc::authorize::proceed;
use crate::http::place::Placed;
use crate::http::session::{Browser, Empty, PageForm};
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::id::AccountId;
use crate::model::secret::Secret;

/// How long a sign-in may rest between its steps.
const PAUSE: Duration = Duration::minutes(10);

#[derive(Template)]
#[template(path = "page/login.html")]
struct LoginPage {
    frame: Frame,
    flow: Option<Waiting>,
    flaws: Flaws,
    query: String,
    email: String,
    signed_in: Option<String>,
}

#[derive(Template)]
#[template(path = "page/unverified.html")]
struct UnverifiedPage {
    frame: Frame,
    email: String,
    query: String,
}

/// A sign-in that waits for its second step, in the session of the browser.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending {
    /// Whose password was right.
    pub account: AccountId,
    /// The address, as it was typed.
    pub email: String,
    #[serde(with = "time::serde::timestamp")]
    at: OffsetDateTime,
}

/// The sign-in of this tab that waits, if it has not waited for too long.
pub async fn pending(browser: &Browser, cx: &Context, steps: &Steps) -> Result<Option<Pending>> {
    let kept: Option<Pending> = browser.kept(&steps.pending()).await?;
    Ok(kept.filter(|pending| cx.now - pending.at < PAUSE))
}

/// The flow of this tab, where an app waits. One that is over or belongs to another browser is a page that says so.
async fn going(house: &Shared, cx: &Context, browser: &Browser, steps: &Steps) -> Result<Option<Flow>> {
    match &steps.flow {
        Some(id) => flow::need(house, cx, id, &browser.key().await?).await.map(Some),
        None => Ok(None),
    }
}

/// The app that waits for this tab. A flow that is over or belongs to another browser is a page that says so.
pub async fn waiting(house: &Shared, cx: &Context, browser: &Browser, steps: &Steps) -> Result<Option<Waiting>> {
    Ok(going(house, cx, browser, steps).await?.as_ref().map(Waiting::of))
}

/// Lets the browser follow a form of this page to where the flow returns.
pub fn leading_to(mut response: Response, waiting: Option<&Waiting>) -> Response {
    if let Some(waiting) = waiting {
        response.extensions_mut().insert(FormTarget(waiting.redirect_uri.clone()));
    }
    response
}

/// Shows it.
pub async fn show(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(steps): QueryOf<Steps>,
    browser: Browser,
    frame: Frame,
) -> Result<Response> {
    let flow = waiting(&house, &cx, &browser, &steps).await?;
    let visitor = browser.visitor(&house, &cx, None).await?;
    if let (Some(visitor), None) = (&visitor, &flow) {
        return Ok(Redirect::to(&steps.onward_for(visitor)).into_response());
    }
    let email = flow.as_ref().and_then(|flow| flow.login_hint.clone()).unwrap_or_default();
    let signed_in = visitor.map(|visitor| visitor.email);
    let page = LoginPage { frame, flow: flow.clone(), flaws: Flaws::default(), query: steps.query(), email, signed_in };
    Ok(leading_to(render(StatusCode::OK, &page)?, flow.as_ref()))
}

/// What somebody typed.
#[derive(Debug, Deserialize)]
pub struct Typed {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
}

/// Checks it.
pub async fn submit(
    State(house): State<Shared>,
    Cx(cx): Cx,
    Placed(_turn, (QueryOf(steps), browser, frame, PageForm(typed))): Placed<(
        QueryOf<Steps>,
        Browser,
        Frame,
        PageForm<Typed>,
    )>,
) -> Result<Response> {
    let going = going(&house, &cx, &browser, &steps).await?;
    let flow = going.as_ref().map(Waiting::of);
    let again = |frame: Frame, flaws: Flaws, status| {
        let page = LoginPage {
            frame,
            flow: flow.clone(),
            flaws,
            query: steps.query(),
            email: typed.email.clone(),
            signed_in: None,
        };
        Ok(leading_to(render(status, &page)?, flow.as_ref()))
    };
    // What is no address is nobody's; it sounds the same.
    let wrong = || Flaws::one("email", "E-mail address or password is wrong.");
    let Ok(email) = typed.email.parse::<Email>() else {
        return again(frame, wrong(), StatusCode::UNPROCESSABLE_ENTITY);
    };
    let outcome = match sign_in::check_password(&house, &cx, &email, Secret::received(typed.password)).await {
        Ok(outcome) => outcome,
        Err(error @ Error::TooMany(_)) => return again(frame, Flaws::of_error(error)?, StatusCode::TOO_MANY_REQUESTS),
        Err(error) => return Err(error),
    };
    let kept = |account| Pending { account, email: email.as_str().to_owned(), at: cx.now };
    match outcome {
        PasswordOutcome::Rejected => again(frame, wrong(), StatusCode::UNPROCESSABLE_ENTITY),
        PasswordOutcome::Unverified(account) => {
            browser.keep("unverified", &kept(account)).await?;
            let page = UnverifiedPage { frame, email: email.as_str().to_owned(), query: steps.query() };
            render(StatusCode::FORBIDDEN, &page)
        }
        PasswordOutcome::SecondFactor(account) => {
            browser.keep(&steps.pending(), &kept(account)).await?;
            Ok(Redirect::to(&format!("/login/totp{}", steps.query())).into_response())
        }
        PasswordOutcome::Identified(proven) => arrive(&house, &cx, &browser, (&steps, going), &proven).await,
    }
}

/// Begins the login, and goes on at once: with the app that waits, or to the page that comes next.
async fn arrive(
    house: &Shared,
    cx: &Context,
    browser: &Browser,
    (steps, going): (&Steps, Option<Flow>),
    proven: &Proven,
) -> Result<Response> {
    let visitor = enter(house, cx, browser, (steps, going.as_ref().map(|flow| &*flow.client)), proven).await?;
    match (going, &steps.flow) {
        (Some(flow), Some(id)) if !visitor.must_set_up_second_factor() => {
            // The login has begun and the browser must keep it, so an outage now is met on the way, where it can be tried again.
            match proceed(house, cx, (flow, id), Some(visitor)).await {
                Err(Error::Unavailable(_) | Error::Busy(_)) => Ok(Redirect::to(&steps.onward()).into_response()),
                answer => answer,
            }
        }
        _ => Ok(Redirect::to(&steps.onward_for(&visitor)).into_response()),
    }
}

/// Begins the login and answers where to go.
pub async fn finish(house: &Shared, cx: &Context, browser: &Browser, steps: &Steps, proven: &Proven) -> Result<String> {
    Ok(steps.onward_for(&enter(house, cx, browser, (steps, None), proven).await?))
}

/// Begins the login: from here on the browser is theirs. Where a client is named, what they allowed it comes along.
async fn enter(
    house: &Shared,
    cx: &Context,
    browser: &Browser,
    (steps, client): (&Steps, Option<&Client>),
    proven: &Proven,
) -> Result<Visitor> {
    let before = browser.remembered().await?;
    let begun = sign_in::begin_login(house, cx, proven, client).await?;
    let account = proven.account;
    // The company chosen before stays chosen, for the same person.
    let company = before.filter(|before| before.account == account).and_then(|before| before.company);
    let who = Remembered { login: begun.login.id(), account, company };
    browser.forget_kept(&steps.pending()).await?;
    browser.remember(&who).await?;
    Visitor::of(begun.visiting, &who)
}

/// Goes on as the person who is signed in already.
pub async fn go_on(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(steps): QueryOf<Steps>,
    browser: Browser,
    PageForm(_): PageForm<Empty>,
) -> Result<Response> {
    let visitor = browser.visitor(&house, &cx, None).await?;
    if let (Some(id), Some(visitor)) = (&steps.flow, &visitor) {
        let flow = flow::need(&house, &cx, id, &browser.key().await?).await?;
        flow::choose_account(&house, flow, visitor).await?;
    }
    Ok(Redirect::to(&steps.onward()).into_response())
}

/// Sends the letter that confirms an address once more.
pub async fn confirm_again(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(steps): QueryOf<Steps>,
    browser: Browser,
    PageForm(_): PageForm<Empty>,
) -> Result<Response> {
    let kept: Option<Pending> = browser.take("unverified").await?;
    if let Some(pending) = kept.filter(|pending| cx.now - pending.at < PAUSE) {
        recovery::confirm_again(&house, &cx, pending.account).await?;
    }
    notice(&browser, "The letter is on its way. Open the link in it, then sign in here.").await?;
    Ok(Redirect::to(&format!("/login{}", steps.query())).into_response())
}
