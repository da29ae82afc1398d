//! `/logout`: ends this browser's login, after asking.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{Frame, MessagePage, show as render};
use super::login::visitor;
use crate::domain::person::sign_out;
use crate::http::Shared;
use crate::http::context::Cx;
use crate::http::session::{Browser, Empty, PageForm};
use crate::model::error::{Error, Result};

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
    let visitor = visitor(&house, &cx, &browser).await?;
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
    end(&house, &cx, &browser).await?;
    signed_out(frame)
}

/// Ends the login of this browser, with its grants, and forgets the session.
pub async fn end(house: &Shared, cx: &crate::model::context::Context, browser: &Browser) -> Result<()> {
    if let Some(who) = browser.remembered().await? {
        match sign_out::end(house, cx, who.account, who.login).await {
            // It had ended already, elsewhere.
            Ok(()) | Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    browser.forget().await
}

/// Says so.
pub fn signed_out(frame: Frame) -> Result<Response> {
    render(
        StatusCode::OK,
        &MessagePage {
            frame,
            heading: "Signed out",
            paragraphs: vec!["You are signed out in this browser.".to_owned()],
            link: Some(("Sign in again", "/login".to_owned())),
        },
    )
}
