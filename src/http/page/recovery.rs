//! `/forgot-password` and `/reset-password`. Who does not hold the mailbox learns nothing here.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::frame::{Flaws, Frame, MessagePage, notice, show as render};
use crate::domain::person::recovery;
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::session::{Browser, PageForm};
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::secret::Secret;
use crate::storage::mail_token::{Named, Purpose};

#[derive(Template)]
#[template(path = "page/forgot_password.html")]
struct ForgotPage {
    frame: Frame,
    flaws: Flaws,
    email: String,
}

#[derive(Template)]
#[template(path = "page/reset_password.html")]
struct ResetPage {
    frame: Frame,
    flaws: Flaws,
    email: String,
    token: String,
    /// Whether there was a password before.
    anew: bool,
}

impl ResetPage {
    fn of(frame: Frame, flaws: Flaws, (purpose, named): (Purpose, Named), token: &Secret) -> Self {
        let (email, token) = (named.email.as_str().to_owned(), token.reveal().to_owned());
        Self { frame, flaws, email, token, anew: purpose == Purpose::ResetPassword }
    }
}

/// Shows the question for the address.
pub async fn ask(frame: Frame) -> Result<Response> {
    render(StatusCode::OK, &ForgotPage { frame, flaws: Flaws::default(), email: String::new() })
}

/// What somebody typed.
#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    email: String,
}

/// Sends the link, where the address is known.
pub async fn send(
    State(house): State<Shared>,
    Cx(cx): Cx,
    frame: Frame,
    PageForm(asked): PageForm<Asked>,
) -> Result<Response> {
    let Ok(email) = asked.email.parse::<Email>() else {
        let flaws = Flaws::one("email", "is not an e-mail address");
        return render(flaws.status(), &ForgotPage { frame, flaws, email: asked.email });
    };
    match recovery::forgot_password(&house, &cx, &email).await {
        // Too many letters: nobody is told, and none more is sent.
        Ok(()) | Err(Error::TooMany(_)) => {}
        Err(error) => return Err(error),
    }
    render(
        StatusCode::OK,
        &MessagePage {
            frame,
            heading: "Check your mail",
            paragraphs: vec![format!(
                "If {email} has an account, a letter is on its way with a link to choose a new password. It is good for one hour."
            )],
            link: Some(("Back to sign-in", "/login".to_owned())),
        },
    )
}

/// A mailed link.
#[derive(Debug, Deserialize)]
pub struct Linked {
    /// Its secret.
    #[serde(default)]
    pub token: String,
}

/// Shows the question for the new password.
pub async fn choose(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(linked): QueryOf<Linked>,
    frame: Frame,
) -> Result<Response> {
    let token = Secret::received(linked.token);
    match recovery::peek_reset(&house, &cx, &token).await? {
        Some(linked) => render(StatusCode::OK, &ResetPage::of(frame, Flaws::default(), linked, &token)),
        None => stale(frame),
    }
}

/// A link that is not good any more.
pub fn stale(frame: Frame) -> Result<Response> {
    render(
        StatusCode::GONE,
        &MessagePage {
            frame,
            heading: "This link is not good any more",
            paragraphs: vec!["It was used already, or it is too old. Ask for a new one.".to_owned()],
            link: Some(("Ask for a new link", "/forgot-password".to_owned())),
        },
    )
}

/// A new password.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

/// Saves it.
pub async fn save(
    State(house): State<Shared>,
    Cx(cx): Cx,
    browser: Browser,
    frame: Frame,
    PageForm(chosen): PageForm<Chosen>,
) -> Result<Response> {
    let token = Secret::received(chosen.token);
    let Some(linked) = recovery::peek_reset(&house, &cx, &token).await? else { return stale(frame) };
    match recovery::reset_password(&house, &cx, &token, Secret::received(chosen.password)).await {
        Ok(()) => {
            browser.forget().await?;
            notice(&browser, "Your new password is saved. Sign in with it.").await?;
            Ok(Redirect::to("/login").into_response())
        }
        Err(error) => {
            let flaws = Flaws::of_error(error)?;
            if flaws.has("token") {
                return stale(frame);
            }
            render(flaws.status(), &ResetPage::of(frame, flaws, linked, &token))
        }
    }
}
