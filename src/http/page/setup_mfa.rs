//! `/setup-mfa`: the QR code, the first code, and then the backup codes, once.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use serde::Deserialize;

use super::flow::Steps;
use super::frame::{Flaws, Frame, show as render};
use super::login::{leading_to, waiting};
use crate::domain::person::second_factor;
use crate::domain::person::sign_in;
use crate::domain::person::visitor::{Remembered, Visitor};
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::session::{Browser, PageForm};
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::secret::Secret;

#[derive(Template)]
#[template(path = "page/setup_mfa.html")]
struct SetupPage {
    frame: Frame,
    flaws: Flaws,
    query: String,
    demanded: bool,
    /// Whether the person signed in too long ago to be believed without the password.
    asks_password: bool,
    qr_svg: String,
    secret: String,
}

/// Shows ten backup codes.
#[derive(Template)]
#[template(path = "page/backup_codes.html")]
pub struct CodesPage {
    /// Around it.
    pub frame: Frame,
    /// Ten.
    pub codes: Vec<String>,
    /// Where to go on.
    pub next: String,
}

async fn page(
    (house, cx): (&Shared, &Context),
    visitor: &Visitor,
    frame: Frame,
    flaws: Flaws,
    steps: &Steps,
) -> Result<SetupPage> {
    let setup = second_factor::waiting_setup(house, cx, visitor.account).await?;
    Ok(SetupPage {
        frame: frame.branded(visitor.company.as_ref()),
        flaws,
        query: steps.query(),
        demanded: visitor.must_set_up_second_factor(),
        asks_password: !sign_in::is_recent(cx, visitor.auth_time),
        qr_svg: setup.qr_svg,
        secret: grouped(&setup.secret),
    })
}

/// In groups of four, for typing.
fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// Shows it.
pub async fn show(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(steps): QueryOf<Steps>,
    (browser, visitor): (Browser, Visitor),
    frame: Frame,
) -> Result<Response> {
    let flow = waiting(&house, &cx, &browser, &steps).await?;
    if visitor.has_totp {
        return Ok(Redirect::to(&steps.onward()).into_response());
    }
    let page = page((&house, &cx), &visitor, frame, Flaws::default(), &steps).await?;
    Ok(leading_to(render(StatusCode::OK, &page)?, flow.as_ref()))
}

/// What somebody typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    code: String,
    password: String,
}

/// Checks the first code, and the password of whoever signed in long ago: a browser that was left open must not change whom
/// the account belongs to.
pub async fn submit(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(steps): QueryOf<Steps>,
    (browser, visitor): (Browser, Visitor),
    (frame, PageForm(typed)): (Frame, PageForm<Typed>),
) -> Result<Response> {
    let wrong =
        || Flaws::one("code", "The code is wrong. Wait for the next one, and see that the phone's clock is right.");
    if !sign_in::is_recent(&cx, visitor.auth_time) {
        let flaws =
            match sign_in::confirm_password(&house, &cx, visitor.account, Secret::received(typed.password)).await {
                Ok(true) => Flaws::default(),
                Ok(false) => Flaws::one("password", "This is not your password."),
                Err(error) => Flaws::of_error(error)?,
            };
        if !flaws.is_empty() {
            let page = page((&house, &cx), &visitor, frame, flaws, &steps).await?;
            return render(page.flaws.status(), &page);
        }
    }
    let flaws = match second_factor::enable(&house, &cx, visitor.account, &typed.code).await {
        Ok(Some(codes)) => {
            sign_in::step_up(&house, &cx, visitor.account, visitor.login).await?;
            let company = browser.remembered().await?.and_then(|before| before.company);
            browser.remember(&Remembered { login: visitor.login, account: visitor.account, company }).await?;
            let frame = frame.branded(visitor.company.as_ref());
            return render(StatusCode::OK, &CodesPage { frame, codes, next: steps.onward() });
        }
        Ok(None) => wrong(),
        Err(Error::Conflict(_)) => return Ok(Redirect::to(&steps.onward()).into_response()),
        Err(error) => Flaws::of_error(error)?,
    };
    let page = page((&house, &cx), &visitor, frame, flaws, &steps).await?;
    render(page.flaws.status(), &page)
}
