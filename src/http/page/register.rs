//! `/register`: a company and its first admin.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::flow::Steps;
use super::frame::{Flaws, Frame, MessagePage, show as render};
use super::login::{finish, leading_to, waiting};
use crate::domain::person::sign_in::{Proof, Proven};
use crate::domain::person::sign_up::{self, Registered, Registration};
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::session::{Browser, PageForm};
use crate::model::error::Result;
use crate::model::secret::Secret;

#[derive(Template)]
#[template(path = "page/register.html")]
struct RegisterPage {
    frame: Frame,
    flaws: Flaws,
    query: String,
    company_name: String,
    name: String,
    email: String,
}

/// What somebody typed.
#[derive(Debug, Deserialize)]
pub struct Typed {
    #[serde(default)]
    company_name: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
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
    let (company_name, name) = (String::new(), String::new());
    let email = flow.as_ref().and_then(|flow| flow.login_hint.clone()).unwrap_or_default();
    let page = RegisterPage { frame, flaws: Flaws::default(), query: steps.query(), company_name, name, email };
    Ok(leading_to(render(StatusCode::OK, &page)?, flow.as_ref()))
}

/// Registers.
pub async fn submit(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(steps): QueryOf<Steps>,
    browser: Browser,
    frame: Frame,
    PageForm(typed): PageForm<Typed>,
) -> Result<Response> {
    let flow = waiting(&house, &cx, &browser, &steps).await?;
    let registration = Registration {
        company_name: typed.company_name.clone(),
        email: typed.email.clone(),
        password: Secret::received(typed.password),
        name: typed.name.clone(),
    };
    match sign_up::register(&house, &cx, registration).await {
        Ok(Registered::Done { account, .. }) => {
            let to = finish(&house, &cx, &browser, &steps, &Proven::by(account, Proof::Password)).await?;
            Ok(Redirect::to(&to).into_response())
        }
        Ok(Registered::LetterSent) => render(
            StatusCode::OK,
            &MessagePage {
                frame,
                heading: "Check your mail",
                paragraphs: vec![format!("We sent a letter to {}. Open the link in it to go on.", typed.email.trim())],
                link: Some(("Go to sign-in", format!("/login{}", steps.query()))),
            },
        ),
        Err(error) => {
            let flaws = Flaws::of_error(error)?;
            let page = RegisterPage {
                frame,
                flaws,
                query: steps.query(),
                company_name: typed.company_name,
                name: typed.name,
                email: typed.email,
            };
            Ok(leading_to(render(page.flaws.status(), &page)?, flow.as_ref()))
        }
    }
}
