//! `/logout`: ends this browser's login, after asking.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use url::Url;

use super::frame::{Frame, show as render};
use crate::domain::oidc::frontchannel_logout;
use crate::http::Shared;
use crate::http::context::Cx;
use crate::http::headers::Frames;
use crate::http::session::{Browser, Empty, PageForm};
use crate::model::context::Context;
use crate::model::error::Result;

/// Asks.
#[derive(Template)]
#[template(path = "page/logout.html")]
pub struct LogoutPage {
    /// Around it.
    pub frame: Frame,
    /// Who is signed in.
    pub email: Option<String>,
    /// Where the form goes.
    pub action: String,
    /// What else it carries.
    pub fields: Vec<(String, String)>,
}

/// Shows the question.
pub async fn show(State(house): State<Shared>, Cx(cx): Cx, browser: Browser, frame: Frame) -> Result<Response> {
    let visitor = browser.visitor(&house, &cx, None).await?;
    let frame = frame.branded(visitor.as_ref().and_then(|visitor| visitor.company.as_ref()));
    let email = visitor.map(|visitor| visitor.email);
    render(StatusCode::OK, &LogoutPage { frame, email, action: "/logout".to_owned(), fields: Vec::new() })
}

/// Ends it.
pub async fn submit(
    State(house): State<Shared>,
    Cx(cx): Cx,
    browser: Browser,
    frame: Frame,
    PageForm(_): PageForm<Empty>,
) -> Result<Response> {
    let visits = end(&house, &cx, &browser).await?;
    signed_out(frame, visits, None)
}

/// Ends the login of this browser and those that it took the place of, with their grants, and forgets the session. Answers the
/// addresses of apps that the next page must open (Front-Channel Logout 1.0).
pub async fn end(house: &Shared, cx: &Context, browser: &Browser) -> Result<Vec<Url>> {
    let now = browser.remembered().await?.map(|who| (who.account, who.login));
    let mut visits = Vec::new();
    for (account, login) in browser.earlier().await?.into_iter().chain(now) {
        visits.extend(frontchannel_logout::farewell(house, cx, account, login).await?);
    }
    browser.forget().await?;
    Ok(visits)
}

#[derive(Template)]
#[template(path = "page/signed_out.html")]
struct SignedOutPage {
    frame: Frame,
    visits: Vec<Url>,
    to: Option<String>,
}

/// Says so, opens what apps want opened, and goes on to where the app that asked wants the browser.
pub fn signed_out(frame: Frame, visits: Vec<Url>, to: Option<String>) -> Result<Response> {
    if let (Some(to), []) = (&to, visits.as_slice()) {
        return Ok(Redirect::to(to).into_response());
    }
    let mut response = render(StatusCode::OK, &SignedOutPage { frame, visits: visits.clone(), to })?;
    response.extensions_mut().insert(Frames(visits));
    Ok(response)
}
