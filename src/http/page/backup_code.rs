//! `/login/backup-code`: for somebody without the authenticator app.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::flow::{Steps, Waiting};
use super::frame::{Flaws, Frame, show as render};
use super::login::{leading_to, waiting};
use super::totp::{Typed, awaited, verify};
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::session::{Browser, PageForm};
use crate::model::error::Result;

#[derive(Template)]
#[template(path = "page/backup_code.html")]
struct BackupCodePage {
    frame: Frame,
    flow: Option<Waiting>,
    flaws: Flaws,
    query: String,
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
    let page = BackupCodePage { frame, flow: flow.clone(), flaws: Flaws::default(), query: steps.query() };
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
            let page = BackupCodePage { frame, flow: flow.clone(), flaws, query: steps.query() };
            Ok(leading_to(render(page.flaws.status(), &page)?, flow.as_ref()))
        }
    }
}
