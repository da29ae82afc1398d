//! `/join`: a company invites somebody who has an account.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::frame::{Frame, notice, show as render};
use super::recovery::{Linked, stale};
use crate::domain::person::join;
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::session::{Browser, PageForm};
use crate::model::error::{Error, Result};
use crate::model::secret::Secret;

#[derive(Template)]
#[template(path = "page/join.html")]
struct JoinPage {
    frame: Frame,
    company: String,
    role: String,
    email: String,
    demands: bool,
    token: String,
}

/// Shows the invitation.
pub async fn show(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(linked): QueryOf<Linked>,
    frame: Frame,
) -> Result<Response> {
    let token = Secret::received(linked.token);
    let Some(invited) = join::peek(&house, &cx, &token).await? else { return stale(frame) };
    let page = JoinPage {
        frame: frame.branded(Some(&invited.company)),
        company: invited.company.name,
        role: invited.role.to_string(),
        email: invited.email,
        demands: invited.company.require_mfa,
        token: token.reveal().to_owned(),
    };
    render(StatusCode::OK, &page)
}

/// Accepts it.
pub async fn submit(
    State(house): State<Shared>,
    Cx(cx): Cx,
    browser: Browser,
    frame: Frame,
    PageForm(linked): PageForm<Linked>,
) -> Result<Response> {
    match join::accept(&house, &cx, &Secret::received(linked.token)).await {
        Ok(_) => {
            notice(&browser, "You have joined. You can choose the company when you sign in.").await?;
            Ok(Redirect::to("/dashboard").into_response())
        }
        Err(Error::Invalid(_)) => stale(frame),
        Err(error) => Err(error),
    }
}
