//! `/login/company`: which company the person works for now, for an app or for our own pages.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::flow::{Steps, Waiting};
use super::frame::{Frame, show as render};
use super::login::{leading_to, waiting};
use crate::domain::oidc::flow;
use crate::domain::person::visitor::{Remembered, Visitor};
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::session::{Browser, PageForm};
use crate::model::error::{Error, Result};
use crate::storage::company::Joined;

struct Choice {
    id: String,
    name: String,
    role: String,
}

impl From<&Joined> for Choice {
    fn from(joined: &Joined) -> Self {
        let company = &joined.company;
        Self { id: company.id().to_string(), name: company.name.clone(), role: joined.role.clone() }
    }
}

#[derive(Template)]
#[template(path = "page/company.html")]
struct CompanyPage {
    frame: Frame,
    flow: Option<Waiting>,
    companies: Vec<Choice>,
    query: String,
}

/// Shows the companies.
pub async fn show(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(steps): QueryOf<Steps>,
    (browser, visitor): (Browser, Visitor),
    frame: Frame,
) -> Result<Response> {
    let flow = waiting(&house, &cx, &browser, &steps).await?;
    let companies = if let Some(id) = &steps.flow {
        let flow = flow::need(&house, &cx, id, &browser.key().await?).await?;
        flow.companies(&visitor).map(Choice::from).collect()
    } else {
        visitor.companies.iter().map(Choice::from).collect()
    };
    let page = CompanyPage { frame, flow: flow.clone(), companies, query: steps.query() };
    Ok(leading_to(render(StatusCode::OK, &page)?, flow.as_ref()))
}

/// The button that was pressed.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    #[serde(default)]
    company: String,
}

/// Remembers the choice, and goes on.
pub async fn submit(
    State(house): State<Shared>,
    Cx(cx): Cx,
    QueryOf(steps): QueryOf<Steps>,
    (browser, visitor): (Browser, Visitor),
    PageForm(chosen): PageForm<Chosen>,
) -> Result<Response> {
    let company = if let Some(id) = &steps.flow {
        let flow = flow::need(&house, &cx, id, &browser.key().await?).await?;
        flow::choose_company(&house, flow, &visitor, &chosen.company).await?
    } else {
        let mut companies = visitor.companies.iter().map(|joined| joined.company.id());
        companies.find(|id| id.to_string() == chosen.company).ok_or(Error::NotFound("company"))?
    };
    browser.remember(&Remembered { login: visitor.login, account: visitor.account, company: Some(company) }).await?;
    Ok(Redirect::to(&steps.onward()).into_response())
}
