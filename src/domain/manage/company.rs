//! A company's own profile and policy.

use url::Url;

use crate::domain::house::House;
use crate::domain::person::sign_up::check_name;
use crate::model::context::Context;
use crate::model::error::{Error, Flaw, Result};
use crate::model::event::Event;
use crate::model::id::{AccountId, CompanyId};
use crate::storage::company::{self, Row};

/// What changes: `None` leaves a field; `Some(None)` takes it away.
#[derive(Debug, Default)]
pub struct Changes {
    /// For people.
    pub name: Option<String>,
    /// An https URL.
    pub logo_url: Option<Option<String>>,
    /// `#rrggbb`
    pub color: Option<Option<String>>,
    /// Whether everybody needs a second factor.
    pub require_mfa: Option<bool>,
    /// The longest time since sign-in, 1 to 720.
    pub session_hours: Option<Option<i32>>,
    /// Characters, 8 to 128.
    pub password_min_length: Option<i32>,
    /// When not empty, only addresses of these domains can be added.
    pub mail_domains: Option<Vec<String>>,
}

/// Reads it.
pub async fn find(house: &House, id: CompanyId) -> Result<Row> {
    let mut tx = house.db.company(id, None).await?;
    let row = company::find(&mut tx).await?.ok_or(Error::NotFound("company"))?;
    tx.commit_unremarkable().await?;
    Ok(row)
}

/// Changes it.
///
/// # Errors
/// `Invalid` with every flaw at once.
pub async fn change(
    house: &House,
    cx: &Context,
    (id, actor): (CompanyId, Option<AccountId>),
    changes: Changes,
) -> Result<Row> {
    let mut tx = house.db.company(id, actor).await?;
    let mut row = company::find(&mut tx).await?.ok_or(Error::NotFound("company"))?;
    let changed = apply(&mut row, changes)?;
    if changed.is_empty() {
        return Ok(row);
    }
    company::update(&mut tx, &row, cx.now).await?;
    tx.commit(cx, Event::CompanyChanged(changed)).await?;
    Ok(row)
}

fn set<T: PartialEq>(changed: &mut Vec<&'static str>, name: &'static str, place: &mut T, value: Option<T>) {
    if let Some(value) = value
        && *place != value
    {
        *place = value;
        changed.push(name);
    }
}

fn apply(row: &mut Row, changes: Changes) -> Result<Vec<&'static str>> {
    let mut flaws: Vec<Flaw> = Vec::new();
    let mut wrong = |field: &'static str, message: &'static str| flaws.push(Flaw { field, message: message.into() });
    let logo = changes.logo_url.as_ref().and_then(Option::as_ref);
    if logo.is_some_and(|url| !Url::parse(url).is_ok_and(|url| url.scheme() == "https" && url.has_host())) {
        wrong("logo_url", "must be a web address that begins with https://");
    }
    let color = changes.color.clone().map(|color| color.map(|color| color.to_lowercase()));
    if color.as_ref().and_then(Option::as_ref).is_some_and(|color| !is_color(color)) {
        wrong("color", "must be written like #2f5bea");
    }
    if changes.session_hours.flatten().is_some_and(|hours| !(1..=720).contains(&hours)) {
        wrong("session_hours", "must be 1 to 720");
    }
    if changes.password_min_length.is_some_and(|least| !(8..=128).contains(&least)) {
        wrong("password_min_length", "must be 8 to 128");
    }
    let domains =
        changes.mail_domains.map(|domains| domains.iter().map(|domain| domain.to_lowercase()).collect::<Vec<_>>());
    let is_domain = |domain: &String| {
        domain.contains('.') && domain.len() <= 253 && !domain.contains('@') && !domain.chars().any(char::is_whitespace)
    };
    if domains.as_ref().is_some_and(|domains| domains.len() > 100 || !domains.iter().all(is_domain)) {
        wrong("mail_domains", "must be at most 100 domains like example.com");
    }
    let name = changes.name.map(|name| check_name("name", &name, 120)).transpose();
    let name = name.unwrap_or_else(|flaw| {
        flaws.push(flaw);
        None
    });
    if !flaws.is_empty() {
        return Err(Error::Invalid(flaws));
    }
    let mut changed = Vec::new();
    set(&mut changed, "name", &mut row.name, name);
    set(&mut changed, "logo_url", &mut row.logo_url, changes.logo_url);
    set(&mut changed, "color", &mut row.color, color);
    set(&mut changed, "require_mfa", &mut row.require_mfa, changes.require_mfa);
    set(&mut changed, "session_hours", &mut row.session_hours, changes.session_hours);
    set(&mut changed, "password_min_length", &mut row.password_min_length, changes.password_min_length);
    set(&mut changed, "mail_domains", &mut row.mail_domains, domains);
    Ok(changed)
}

fn is_color(text: &str) -> bool {
    text.len() == 7 && text.starts_with('#') && text.bytes().skip(1).all(|byte| byte.is_ascii_hexdigit())
}
