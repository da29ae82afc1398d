//! `/login/totp`: the six-digit code; at sign-in, or later when an app or a company asks for a second factor.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::flow::{Steps, Waiting};
use super::frame::{Flaws, Frame, show as render};
use super::login::{finish, leading_to, pending, waiting};
use crate::domain::person::second_factor::{self, FactorOutcome};
use crate::domain::person::sign_in::{self, Proof, Proven};
use crate::domain::person::visitor::Remembered;
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::session::{Browser, PageForm};
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::id::{AccountId, LoginId};

#[derive(Template)]
#[template(path = "page/totp.html")]
struct TotpPage {
    frame: Frame,
    flow: Option<Waiting>,
    flaws: Flaws,
    query: String,
}

/// What somebody typed.
#[derive(Debug, Deserialize)]
pub struct Typed {
    /// Six digits, or a backup code.
    #[serde(default)]
    pub code: String,
}

/// Whose code is awaited.
#[derive(Debug, Clone, Copy)]
pub enum Awaited {
    /// Of somebody whose password was right a moment ago.
    SigningIn(AccountId),
    /// Of somebody who is signed in with less.
    SteppingUp(AccountId, LoginId),
}

impl Awaited {
    fn account(self) -> AccountId {
        match self {
            Self::SigningIn(account) | Self::SteppingUp(account, _) => account,
        }
    }
}

/// Whose code this tab awaits.
pub async fn awaited(house: &Shared, cx: &Context, browser: &Browser, steps: &Steps) -> Result<Option<Awaited>> {
    if let Some(pending) = pending(browser, cx, steps).await? {
        return Ok(Some(Awaited::SigningIn(pending.account)));
    }
    let visitor = browser.visitor(house, cx, None).await?;
    let stepping = visitor.filter(|visitor| visitor.has_totp && steps.flow.is_some());
    Ok(stepping.map(|visitor| Awaited::SteppingUp(visitor.account, visitor.login)))
}

/// Checks a code; `Ok(Err(flaws))` where the person can try again, `Ok(Ok(to))` where to go.
pub async fn verify(
    house: &Shared,
    cx: &Context,
    browser: &Browser,
    steps: &Steps,
    code: &str,
) -> Result<Result<String, Flaws>> {
    let Some(awaited) = awaited(house, cx, browser, steps).await? else {
        return Ok(Ok(format!("/login{}", steps.query())));
    };
    match second_factor::check(house, cx, awaited.account(), code).await {
        Ok(FactorOutcome::Rejected) => return Ok(Err(Flaws::one("code", "The code is wrong, or was used before."))),
        Ok(FactorOutcome::Totp | FactorOutcome::BackupCode { .. }) => {}
        Err(error @ Error::TooMany(_)) => return Ok(Err(Flaws::of_error(error)?)),
        Err(error) => return Err(error),
    }
    match awaited {
        Awaited::SigningIn(account) => {
            Ok(Ok(finish(house, cx, browser, steps, &Proven::by(account, Proof::SecondFactor)).await?))
        }
        Awaited::SteppingUp(account, login) => {
            sign_in::step_up(house, cx, account, login).await?;
            let company = browser.remembered().await?.and_then(|before| before.company);
            browser.remember(&Remembered { login, account, company }).await?;
            Ok(Ok(steps.onward()))
        }
    }
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
    if awaited(&house, &cx, &browser, &steps).await?.is_none() {
        return Ok(Redirect::to(&format!("/login{}", steps.query())).into_response());
    }
    let page = TotpPage { frame, flow: flow.clone(), flaws: Flaws::default(), query: steps.query() };
    Ok(leading_to(render(StatusCode::OK, &page)?, flow.as_ref()))
}

/// Checks it.
pub async fn submit(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(steps): QueryOf<Steps>,
    browser: Browser,
    frame: Frame,
    PageForm(typed): PageForm<Typed>,
) -> Result<Response> {
    let flow = waiting(&house, &cx, &browser, &steps).await?;
    match verify(&house, &cx, &browser, &steps, &typed.code).await? {
        Ok(to) => Ok(Redirect::to(&to).into_response()),
        Err(flaws) => {
            let page = TotpPage { frame, flow: flow.clone(), flaws, query: steps.query() };
            Ok(leading_to(render(page.flaws.status(), &page)?, flow.as_ref()))
        }
    }
}
