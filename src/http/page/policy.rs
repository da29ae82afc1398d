//! `/dashboard/company`: the company's name, look and policy, for admins.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::frame::{Flaws, Frame, notice, show as render};
use crate::domain::manage::company::{self, Changes};
use crate::domain::person::visitor::Visitor;
use crate::http::Shared;
use crate::http::context::Cx;
use crate::http::session::{Browser, PageForm};
use crate::model::error::{Error, Result};

#[derive(Template)]
#[template(path = "page/policy.html")]
struct PolicyPage {
    frame: Frame,
    flaws: Flaws,
    id: String,
    slug: String,
    form: PolicyForm,
}

/// The form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PolicyForm {
    name: String,
    logo_url: String,
    color: String,
    /// `yes`, or not sent.
    require_mfa: String,
    session_hours: String,
    password_min_length: String,
    mail_domains: String,
}

impl PolicyForm {
    fn changes(&self) -> Result<Changes> {
        let filled = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let number = |field: &'static str, text: &String| {
            let read = |text: String| text.parse::<i32>().map_err(|_| Error::invalid(field, "must be a number"));
            filled(text).map(read).transpose()
        };
        let domains = self.mail_domains.split([',', ' ', '\n', '\r']).map(str::trim).filter(|text| !text.is_empty());
        Ok(Changes {
            name: Some(self.name.clone()),
            logo_url: Some(filled(&self.logo_url)),
            color: Some(filled(&self.color)),
            require_mfa: Some(self.require_mfa == "yes"),
            session_hours: Some(number("session_hours", &self.session_hours)?),
            password_min_length: Some(number("password_min_length", &self.password_min_length)?.unwrap_or(8)),
            mail_domains: Some(domains.map(str::to_owned).collect()),
        })
    }
}

fn page(visitor: &Visitor, frame: Frame, form: PolicyForm, flaws: Flaws) -> Result<Response> {
    let company = visitor.company.as_ref().ok_or(Error::NotFound("company"))?;
    let (id, slug) = (company.id().to_string(), company.slug.clone());
    let page = PolicyPage { frame: frame.of_visitor(visitor, "company"), flaws, id, slug, form };
    render(page.flaws.status(), &page)
}

/// Shows it.
pub async fn show(State(house): State<Shared>, visitor: Visitor, frame: Frame) -> Result<Response> {
    let id = visitor.company.as_ref().ok_or(Error::NotFound("company"))?.id();
    let row = company::find(&house, id).await?;
    let form = PolicyForm {
        name: row.name,
        logo_url: row.logo_url.unwrap_or_default(),
        color: row.color.unwrap_or_default(),
        require_mfa: if row.require_mfa { "yes".to_owned() } else { String::new() },
        session_hours: row.session_hours.map(|hours| hours.to_string()).unwrap_or_default(),
        password_min_length: row.password_min_length.to_string(),
        mail_domains: row.mail_domains.join(", "),
    };
    page(&visitor, frame, form, Flaws::default())
}

/// Saves it.
pub async fn submit(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (browser, visitor): (Browser, Visitor),
    frame: Frame,
    PageForm(form): PageForm<PolicyForm>,
) -> Result<Response> {
    let id = visitor.company.as_ref().ok_or(Error::NotFound("company"))?.id();
    let saved = match form.changes() {
        Ok(changes) => company::change(&house, &cx, (id, Some(visitor.account)), changes).await.map(drop),
        Err(error) => Err(error),
    };
    match saved {
        Ok(()) => {
            notice(&browser, "The company is saved.").await?;
            Ok(Redirect::to("/dashboard/company").into_response())
        }
        Err(error) => page(&visitor, frame, form, Flaws::of_error(error)?),
    }
}
