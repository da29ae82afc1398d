//! What every page has around its own part: the company's look, the CSRF token, a notice, the bar of somebody signed in.

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse as _, Response};

use crate::domain::person::visitor::Visitor;
use crate::http::headers::Nonce;
use crate::http::session::Browser;
use crate::model::error::{Error, Flaw, Result};
use crate::model::role::Role;
use crate::storage::company;

const NOTICE: &str = "notice";

/// Around every page.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// For the page's forms.
    pub csrf: String,
    /// For the page's one style element.
    pub nonce: String,
    /// The company's look, once the company is known.
    pub brand: Option<Brand>,
    /// The bar of somebody signed in.
    pub bar: Option<Bar>,
    /// What just happened.
    pub notice: Option<String>,
}

/// A company's look.
#[derive(Debug, Clone)]
pub struct Brand {
    /// Its name.
    pub name: String,
    /// An https URL.
    pub logo_url: Option<String>,
    /// `#rrggbb`
    pub color: Option<String>,
}

/// The bar of somebody signed in.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Which page this is.
    pub here: &'static str,
    /// Whether the pages of admins are linked.
    pub admin: bool,
}

impl From<&company::Row> for Brand {
    fn from(row: &company::Row) -> Self {
        Self { name: row.name.clone(), logo_url: row.logo_url.clone(), color: row.color.clone() }
    }
}

impl Frame {
    /// The name in the corner.
    pub fn brand_name(&self) -> &str {
        self.brand.as_ref().map_or("Countersign", |brand| &brand.name)
    }

    /// The logo in the corner.
    pub fn logo(&self) -> Option<&str> {
        self.brand.as_ref().and_then(|brand| brand.logo_url.as_deref())
    }

    /// The letter in the corner, where there is no logo.
    pub fn initial(&self) -> String {
        self.brand_name().chars().take(1).flat_map(char::to_uppercase).collect()
    }

    /// Makes browsers fetch a new style sheet with a new version of the program.
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// A rule that puts the company's colour in place of ours, with letters on it that can be read.
    pub fn accent(&self) -> Option<String> {
        let color = self.brand.as_ref()?.color.as_deref()?;
        let on = if luminance(color)? > 0.4 { "#10151f" } else { "#ffffff" };
        Some(format!(":root{{--accent:{color};--on-accent:{on}}}"))
    }

    /// A company's look.
    #[must_use]
    pub fn branded(mut self, company: Option<&company::Row>) -> Self {
        self.brand = company.map(Brand::from);
        self
    }

    /// The look and the bar of somebody signed in.
    #[must_use]
    pub fn of_visitor(mut self, visitor: &Visitor, here: &'static str) -> Self {
        self.bar = Some(Bar { here, admin: visitor.role == Some(Role::Admin) });
        self.branded(visitor.company.as_ref())
    }
}

/// Relative luminance of `#rrggbb` (WCAG 2.2).
fn luminance(color: &str) -> Option<f64> {
    let channel = |at: usize| {
        let value = u8::from_str_radix(color.get(at..at + 2)?, 16).ok()?;
        let part = f64::from(value) / 255.0;
        Some(if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) })
    };
    Some(0.2126 * channel(1)? + 0.7152 * channel(3)? + 0.0722 * channel(5)?)
}

/// The frame of a page for this browser. Takes the notice that waits.
impl<S: Send + Sync> FromRequestParts<S> for Frame {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let nonce = parts.extensions.get::<Nonce>().cloned().unwrap_or_default().0;
        let browser = Browser::from_request_parts(parts, state).await?;
        let notice = if parts.method == axum::http::Method::GET { browser.take(NOTICE).await? } else { None };
        Ok(Self { csrf: browser.csrf().await?, nonce, brand: None, bar: None, notice })
    }
}

/// Keeps a notice for the page that is shown next.
pub async fn notice(browser: &Browser, text: &str) -> Result<()> {
    browser.keep(NOTICE, &text).await
}

/// What is wrong with a form, for its fields and its summary.
#[derive(Debug, Clone, Default)]
pub struct Flaws(Vec<Flaw>);

impl Flaws {
    /// One flaw. A field named `""` is the form itself.
    pub fn one(field: &'static str, message: &'static str) -> Self {
        Self(vec![Flaw { field, message: message.into() }])
    }

    /// Those of an error that the person can mend on this page; any other error goes on.
    ///
    /// # Errors
    /// The error itself, where this page cannot show it.
    pub fn of_error(error: Error) -> Result<Self> {
        match error {
            Error::Invalid(flaws) => Ok(Self(flaws)),
            Error::Conflict(message) => Ok(Self::one("", message)),
            Error::TooMany(wait) => {
                let seconds = wait.whole_seconds().max(1);
                let text =
                    if seconds < 90 { format!("{seconds} seconds") } else { format!("{} minutes", seconds / 60 + 1) };
                let message = format!("There were too many attempts. Please wait {text} and try again.");
                Ok(Self(vec![Flaw { field: "", message: message.into() }]))
            }
            other => Err(other),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each with what it says as a sentence of its own.
    pub fn iter(&self) -> impl Iterator<Item = Said> {
        self.0.iter().map(|flaw| Said { field: flaw.field, message: sentence(flaw) })
    }

    /// Whether this field has one.
    pub fn has(&self, id: &str) -> bool {
        self.0.iter().any(|flaw| flaw.field == id)
    }

    /// What is wrong with this field.
    pub fn of(&self, id: &str) -> Option<String> {
        self.0.iter().find(|flaw| flaw.field == id).map(sentence)
    }

    /// The status of a page that shows them.
    pub fn status(&self) -> StatusCode {
        if self.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
    }
}

/// A flaw as the page says it.
#[derive(Debug)]
pub struct Said {
    /// The field's id.
    pub field: &'static str,
    /// A sentence.
    pub message: String,
}

fn sentence(flaw: &Flaw) -> String {
    if flaw.message.starts_with(char::is_uppercase) {
        return flaw.message.to_string();
    }
    if flaw.field.is_empty() {
        return capital(&flaw.message) + ".";
    }
    let label = match flaw.field {
        "company_name" => "Company",
        "name" => "Name",
        "email" => "E-mail address",
        "password" => "Password",
        "current_password" => "Current password",
        "new_password" => "New password",
        "code" => "Code",
        "client_name" => "Name",
        "redirect_uris" => "Redirect addresses",
        "post_logout_redirect_uris" => "Addresses after signing out",
        "kind" => "Kind",
        "logo_url" => "Logo",
        "color" => "Colour",
        "session_hours" => "Hours",
        "password_min_length" => "Shortest password",
        "mail_domains" => "Mail domains",
        "birthdate" => "Birthday",
        "zoneinfo" => "Time zone",
        "locale" => "Language",
        "profile" => "Profile page",
        other => return format!("{} {}.", capital(&other.replace('_', " ")), flaw.message),
    };
    format!("{label} {}.", flaw.message)
}

/// With a capital letter in front.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    first + letters.as_str()
}

/// Shows a template.
///
/// # Errors
/// A fault, where it cannot be rendered.
pub fn show<T: Template>(status: StatusCode, template: &T) -> Result<Response> {
    Ok((status, Html(template.render().map_err(Error::fault)?)).into_response())
}

/// A page that only says something.
#[derive(Template)]
#[template(path = "page/message.html")]
pub struct MessagePage {
    /// Around it.
    pub frame: Frame,
    /// The title.
    pub heading: &'static str,
    /// What it says.
    pub paragraphs: Vec<String>,
    /// Where to go on.
    pub link: Option<(&'static str, String)>,
}
