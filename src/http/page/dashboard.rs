//! `/dashboard`: one's own account. What is wrong with a form is shown on the same page, beside the form.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::events::{Line, when};
use super::frame::{Flaws, Frame, notice, show as render};
use super::setup_mfa::CodesPage;
use crate::domain::oidc::start::{self, Start};
use crate::domain::person::visitor::{Remembered, Visitor};
use crate::domain::person::{consent, profile, recovery, second_factor, sign_in, sign_out};
use crate::http::Shared;
use crate::http::context::Cx;
use crate::http::page::consent::words;
use crate::http::session::{Browser, Empty, PageForm};
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::secret::Secret;
use crate::storage::login;

struct Session {
    id: String,
    device: String,
    place: String,
    since: String,
    seen: String,
    current: bool,
}

struct App {
    client_id: String,
    name: String,
    company: String,
    company_name: String,
    scopes: Vec<&'static str>,
    since: String,
}

/// A field of the profile form.
struct Field {
    id: &'static str,
    label: &'static str,
    value: String,
}

#[derive(Template)]
#[template(path = "page/dashboard.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that is shown")]
struct DashboardPage {
    frame: Frame,
    flaws: Flaws,
    /// Which form is open.
    open: &'static str,
    name: String,
    email: String,
    email_verified: bool,
    /// Whether the person signed in too long ago to be believed without the password.
    asks_password: bool,
    company: String,
    role: String,
    several: bool,
    has_totp: bool,
    demanded: bool,
    codes_left: i64,
    claims: Vec<Field>,
    address: Vec<Field>,
    sessions: Vec<Session>,
    apps: Vec<App>,
    starts: Vec<Start>,
    events: Vec<Line>,
}

/// What people call the claims.
const LABELS: [&str; 13] = [
    "Given name",
    "Family name",
    "Middle name",
    "Nickname",
    "User name",
    "Profile page",
    "Picture",
    "Website",
    "Gender",
    "Birthday (1990-04-01)",
    "Time zone (Europe/Berlin)",
    "Language (en-GB)",
    "Phone number (+493012345678)",
];
const PLACES: [&str; 6] =
    ["Address, as written on a letter", "Street and number", "Town", "Region", "Postal code", "Country"];

async fn page(
    (house, cx): (&Shared, &Context),
    visitor: &Visitor,
    frame: Frame,
    (open, flaws): (&'static str, Flaws),
) -> Result<Response> {
    let row = profile::find(house, visitor.account).await?;
    let sessions = sign_out::living(house, cx, visitor.account).await?;
    let apps = consent::list(house, cx, visitor.account).await?;
    let starts = match &visitor.company {
        Some(company) => start::apps(house, company.id()).await?,
        None => Vec::new(),
    };
    let events = profile::recent_events(house, visitor.account).await?;
    let part = |name: &str| row.address.as_ref().and_then(|address| address.get(name)).and_then(|text| text.as_str());
    let field = |(id, label, value): (&'static str, &'static str, Option<&str>)| Field {
        id,
        label,
        value: value.unwrap_or_default().to_owned(),
    };
    let claims =
        profile::CLAIMS.into_iter().zip(LABELS).map(|(id, label)| field((id, label, profile::claim(&row, id))));
    let address = profile::ADDRESS.into_iter().zip(PLACES).map(|(id, label)| field((id, label, part(id))));
    let page = DashboardPage {
        frame: frame.of_visitor(visitor, "dashboard"),
        open,
        name: row.name.clone(),
        email: row.email.clone(),
        email_verified: row.email_verified_at.is_some(),
        asks_password: !sign_in::is_recent(cx, visitor.auth_time),
        company: visitor.company.as_ref().map(|company| company.name.clone()).unwrap_or_default(),
        role: visitor.role.map(|role| role.to_string()).unwrap_or_default(),
        several: visitor.companies.len() > 1,
        has_totp: visitor.has_totp,
        demanded: visitor.companies.iter().any(|joined| joined.company.require_mfa),
        codes_left: second_factor::codes_left(house, visitor.account).await?,
        claims: claims.collect(),
        address: address.collect(),
        sessions: sessions.iter().map(|row| session(row, visitor)).collect(),
        apps: apps.into_iter().map(app).collect(),
        starts,
        events: events.into_iter().map(Line::from).collect(),
        flaws,
    };
    render(page.flaws.status(), &page)
}

fn session(row: &login::Row, visitor: &Visitor) -> Session {
    Session {
        id: row.id().to_string(),
        device: device(row.user_agent.as_deref()),
        place: row.ip.clone().unwrap_or_else(|| "unknown place".to_owned()),
        since: when(row.created_at),
        seen: when(row.last_seen_at),
        current: row.id() == visitor.login,
    }
}

fn app(app: consent::App) -> App {
    App {
        client_id: app.client_id,
        name: app.name,
        company: app.company.to_string(),
        company_name: app.company_name,
        scopes: words(&app.scopes),
        since: when(app.granted_at),
    }
}

/// What a browser calls itself, as people would.
fn device(agent: Option<&str>) -> String {
    let Some(agent) = agent else { return "Unknown device".to_owned() };
    let first = |known: &[(&'static str, &'static str)]| {
        known.iter().find(|(sign, _)| agent.contains(sign)).map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => agent.chars().take(40).collect(),
    }
}

/// Shows it.
pub async fn show(State(house): State<Shared>, Cx(cx): Cx, visitor: Visitor, frame: Frame) -> Result<Response> {
    page((&house, &cx), &visitor, frame, ("", Flaws::default())).await
}

async fn done(browser: &Browser, text: &str) -> Result<Response> {
    notice(browser, text).await?;
    Ok(Redirect::to("/dashboard").into_response())
}

/// The profile form.
#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
#[expect(missing_docs, reason = "the fields are the standard claims of the same names")]
pub struct ProfileForm {
    pub name: String,
    pub given_name: String,
    pub family_name: String,
    pub middle_name: String,
    pub nickname: String,
    pub preferred_username: String,
    pub profile: String,
    pub picture: String,
    pub website: String,
    pub gender: String,
    pub birthdate: String,
    pub zoneinfo: String,
    pub locale: String,
    pub phone_number: String,
    pub formatted: String,
    pub street_address: String,
    pub locality: String,
    pub region: String,
    pub postal_code: String,
    pub country: String,
}

/// Changes the profile.
pub async fn change_profile(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (browser, visitor): (Browser, Visitor),
    frame: Frame,
    PageForm(form): PageForm<ProfileForm>,
) -> Result<Response> {
    let claims = [
        form.given_name,
        form.family_name,
        form.middle_name,
        form.nickname,
        form.preferred_username,
        form.profile,
        form.picture,
        form.website,
        form.gender,
        form.birthdate,
        form.zoneinfo,
        form.locale,
        form.phone_number,
    ];
    let address = [form.formatted, form.street_address, form.locality, form.region, form.postal_code, form.country];
    let changes = profile::Changes {
        name: Some(form.name),
        claims: profile::CLAIMS.into_iter().zip(claims).collect(),
        address: Some(profile::ADDRESS.into_iter().zip(address).collect()),
    };
    match profile::change(&house, &cx, visitor.account, &changes).await {
        Ok(_) => done(&browser, "Your profile is saved.").await,
        Err(error) => page((&house, &cx), &visitor, frame, ("profile", Flaws::of_error(error)?)).await,
    }
}

/// A new address.
#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct EmailForm {
    new_email: String,
    email_password: String,
}

/// Asks for a new address, and for the password of whoever signed in long ago: it is the key to the account.
pub async fn change_email(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (browser, visitor): (Browser, Visitor),
    frame: Frame,
    PageForm(form): PageForm<EmailForm>,
) -> Result<Response> {
    let Ok(email) = form.new_email.parse() else {
        let flaws = Flaws::one("new_email", "This is not an e-mail address.");
        return page((&house, &cx), &visitor, frame, ("email", flaws)).await;
    };
    if !sign_in::is_recent(&cx, visitor.auth_time) {
        let typed = Secret::received(form.email_password);
        let flaws = match sign_in::confirm_password(&house, &cx, visitor.account, typed).await {
            Ok(true) => Flaws::default(),
            Ok(false) => Flaws::one("email_password", "This is not your password."),
            Err(error) => Flaws::of_error(error)?,
        };
        if !flaws.is_empty() {
            return page((&house, &cx), &visitor, frame, ("email", flaws)).await;
        }
    }
    match recovery::change_email(&house, &cx, visitor.account, &email).await {
        Ok(()) => {
            done(&browser, "We sent a letter to the new address. It becomes yours when you open the link in it.").await
        }
        Err(error) => page((&house, &cx), &visitor, frame, ("email", Flaws::of_error(error)?)).await,
    }
}

/// The old password and the new one.
#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct PasswordForm {
    current_password: String,
    new_password: String,
}

/// Changes the password.
pub async fn change_password(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (browser, visitor): (Browser, Visitor),
    frame: Frame,
    PageForm(form): PageForm<PasswordForm>,
) -> Result<Response> {
    let (old, new) = (Secret::received(form.current_password), Secret::received(form.new_password));
    match recovery::change_password(&house, &cx, (visitor.account, visitor.login), old, new).await {
        Ok(()) => {
            // Under a new session id, as after every proof of who one is.
            let company = browser.remembered().await?.and_then(|before| before.company);
            browser.remember(&Remembered { login: visitor.login, account: visitor.account, company }).await?;
            done(&browser, "Your new password is saved. You were signed out everywhere else.").await
        }
        Err(error) => page((&house, &cx), &visitor, frame, ("password", Flaws::of_error(error)?)).await,
    }
}

/// What proves that the owner asks.
#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct FactorForm {
    password: String,
    code: String,
}

/// Turns the second factor off.
pub async fn disable_mfa(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (browser, visitor): (Browser, Visitor),
    frame: Frame,
    PageForm(form): PageForm<FactorForm>,
) -> Result<Response> {
    match second_factor::disable(&house, &cx, visitor.account, Secret::received(form.password), &form.code).await {
        Ok(()) => done(&browser, "Two-step verification is off.").await,
        Err(error) => page((&house, &cx), &visitor, frame, ("mfa", Flaws::of_error(error)?)).await,
    }
}

/// The password, asked for anew.
#[derive(Debug, Deserialize)]
pub struct RenewForm {
    #[serde(default)]
    renew_password: String,
}

/// Makes ten new backup codes.
pub async fn renew_codes(
    State(house): State<Shared>,
    Cx(cx): Cx,
    visitor: Visitor,
    frame: Frame,
    PageForm(form): PageForm<RenewForm>,
) -> Result<Response> {
    let typed = Secret::received(form.renew_password);
    let flaws = match sign_in::confirm_password(&house, &cx, visitor.account, typed).await {
        Ok(true) => match second_factor::renew_codes(&house, &cx, visitor.account).await {
            Ok(codes) => {
                let frame = frame.of_visitor(&visitor, "dashboard");
                return render(StatusCode::OK, &CodesPage { frame, codes, next: "/dashboard".to_owned() });
            }
            Err(error) => Flaws::of_error(error)?,
        },
        Ok(false) => Flaws::one("renew_password", "This is not your password."),
        Err(error) => Flaws::of_error(error)?,
    };
    page((&house, &cx), &visitor, frame, ("renew", flaws)).await
}

/// Which login.
#[derive(Debug, Deserialize)]
pub struct SessionForm {
    #[serde(default)]
    session: String,
}

/// Ends one login.
pub async fn end_session(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (browser, visitor): (Browser, Visitor),
    PageForm(form): PageForm<SessionForm>,
) -> Result<Response> {
    let id = form.session.parse().map_err(|_| Error::NotFound("session"))?;
    match sign_out::end(&house, &cx, visitor.account, id).await {
        Ok(()) | Err(Error::NotFound(_)) => done(&browser, "Signed out there.").await,
        Err(error) => Err(error),
    }
}

/// Ends every other login.
pub async fn end_other_sessions(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (browser, visitor): (Browser, Visitor),
    PageForm(_): PageForm<Empty>,
) -> Result<Response> {
    sign_out::end_others(&house, &cx, visitor.account, Some(visitor.login)).await?;
    done(&browser, "Signed out everywhere else.").await
}

/// Which app.
#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct AppForm {
    client_id: String,
    company: String,
}

/// Takes back what was given to an app.
pub async fn remove_app(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (browser, visitor): (Browser, Visitor),
    PageForm(form): PageForm<AppForm>,
) -> Result<Response> {
    let company = form.company.parse().map_err(|_| Error::NotFound("app"))?;
    match consent::withdraw(&house, &cx, visitor.account, (company, &form.client_id)).await {
        Ok(()) | Err(Error::NotFound(_)) => done(&browser, "The app has no access any more.").await,
        Err(error) => Err(error),
    }
}

/// `/`
pub async fn home() -> Redirect {
    Redirect::to("/dashboard")
}
