//! `/verify-email`: confirms an address by a mailed link. Opening the link changes nothing, because mail scanners open links
//! too; the button does.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::frame::{Flaws, Frame, MessagePage, show as render};
use super::recovery::Linked;
use crate::domain::person::recovery;
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::session::PageForm;
use crate::model::error::Result;
use crate::model::secret::Secret;

#[derive(Template)]
#[template(path = "page/verify_email.html")]
struct VerifyPage {
    frame: Frame,
    token: String,
}

fn stale(frame: Frame) -> Result<Response> {
    render(
        StatusCode::GONE,
        &MessagePage {
            frame,
            heading: "This link is not good any more",
            paragraphs: vec!["It was used already, or it is too old. Sign in, and we send you a new one.".to_owned()],
            link: Some(("Go to sign-in", "/login".to_owned())),
        },
    )
}

/// Shows the button.
pub async fn show(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(linked): QueryOf<Linked>,
    frame: Frame,
) -> Result<Response> {
    let token = Secret::received(linked.token);
    if !recovery::can_verify(&house, &cx, &token).await? {
        return stale(frame);
    }
    render(StatusCode::OK, &VerifyPage { frame, token: token.reveal().to_owned() })
}

/// Confirms.
pub async fn confirm(
    State(house): State<Shared>,
    Cx(cx): Cx,
    frame: Frame,
    PageForm(linked): PageForm<Linked>,
) -> Result<Response> {
    match recovery::verify_email(&house, &cx, &Secret::received(linked.token)).await {
        Ok(()) => render(
            StatusCode::OK,
            &MessagePage {
                frame,
                heading: "Your address is confirmed",
                paragraphs: vec!["Thank you. You can sign in with it now.".to_owned()],
                link: Some(("Go to sign-in", "/login".to_owned())),
            },
        ),
        Err(error) => {
            Flaws::of_error(error)?;
            stale(frame)
        }
    }
}
