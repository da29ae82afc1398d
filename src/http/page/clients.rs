//! `/dashboard/clients`: the company's apps, and the form for a new one with the few fields that matter.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::{self as one, lines};
use super::frame::{Flaws, Frame, show as render};
use crate::domain::manage::client::{self, Wishes};
use crate::domain::manage::user::Admin;
use crate::domain::person::visitor::Visitor;
use crate::http::Shared;
use crate::http::body::QueryOf;
use crate::http::context::Cx;
use crate::http::session::PageForm;
use crate::model::client::{Client, Origin, Profile, registration};
use crate::model::cursor::Cursor;
use crate::model::error::{Error, Result};

struct Listed {
    id: String,
    name: String,
    kind: &'static str,
    profile: Option<&'static str>,
    dynamic: bool,
    on: bool,
}

#[derive(Template)]
#[template(path = "page/clients.html")]
struct ClientsPage {
    frame: Frame,
    flaws: Flaws,
    typed: NewForm,
    clients: Vec<Listed>,
    next: Option<String>,
}

/// Which part of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    cursor: String,
}

/// A new app.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct NewForm {
    client_name: String,
    /// `web`, `app` or `service`.
    kind: String,
    redirect_uris: String,
    post_logout_redirect_uris: String,
}

/// What people call an app of this method and these grants.
pub(super) fn kind(client: &Client) -> &'static str {
    match (client.is_public(), client.may_use("authorization_code")) {
        (true, _) => "Single-page or mobile app",
        (false, true) => "Web app",
        (false, false) => "Service",
    }
}

impl From<Client> for Listed {
    fn from(client: Client) -> Self {
        Self {
            kind: kind(&client),
            profile: (client.profile != Profile::Standard).then(|| client.profile.as_str()),
            dynamic: client.origin == Origin::Dynamic,
            on: client.disabled_at.is_none(),
            name: client.name,
            id: client.id,
        }
    }
}

impl NewForm {
    fn metadata(&self) -> Result<Map<String, Value>> {
        let redirect_uris = lines(&self.redirect_uris);
        let (method, grants) = match self.kind.as_str() {
            "web" => ("client_secret_basic", json!(["authorization_code", "refresh_token"])),
            "app" => ("none", json!(["authorization_code", "refresh_token"])),
            "service" => ("client_secret_basic", json!(["client_credentials"])),
            _ => return Err(Error::invalid("kind", "must be chosen")),
        };
        if self.client_name.trim().is_empty() {
            return Err(Error::invalid("client_name", "must not be empty"));
        }
        // An app on a device may return by a scheme of its own (RFC 8252, section 7.1).
        let native = redirect_uris.iter().any(|uri| registration::is_private_use(uri));
        let sent = json!({
            "client_name": self.client_name,
            "application_type": if native && self.kind == "app" { "native" } else { "web" },
            "token_endpoint_auth_method": method,
            "grant_types": grants,
            "redirect_uris": redirect_uris,
            "post_logout_redirect_uris": lines(&self.post_logout_redirect_uris),
        });
        Ok(sent.as_object().cloned().unwrap_or_default())
    }
}

/// The admin whose page this is.
pub(super) fn admin(visitor: &Visitor) -> Result<Admin> {
    let company = visitor.company.as_ref().ok_or(Error::NotFound("company"))?.id();
    Ok(Admin { company, account: Some(visitor.account) })
}

async fn page(
    house: &Shared,
    visitor: &Visitor,
    frame: Frame,
    (asked, typed): (Asked, NewForm),
    flaws: Flaws,
) -> Result<Response> {
    let after = Some(asked.cursor.as_str()).filter(|text| !text.is_empty()).map(Cursor::read).transpose()?;
    let (clients, next) = client::list(house, admin(visitor)?.company, after.as_ref(), 50).await?;
    let page = ClientsPage {
        frame: frame.of_visitor(visitor, "clients"),
        clients: clients.into_iter().map(Listed::from).collect(),
        next: next.map(|cursor| format!("/dashboard/clients?cursor={}", cursor.encode())),
        typed,
        flaws,
    };
    render(page.flaws.status(), &page)
}

/// Shows them.
pub async fn show(
    State(house): State<Shared>,
    visitor: Visitor,
    frame: Frame,
    QueryOf(asked): QueryOf<Asked>,
) -> Result<Response> {
    let typed = NewForm { kind: "web".to_owned(), ..NewForm::default() };
    page(&house, &visitor, frame, (asked, typed), Flaws::default()).await
}

/// Registers an app, and shows its page with the secret, once.
pub async fn create(
    State(house): State<Shared>,
    Cx(cx): Cx,
    visitor: Visitor,
    frame: Frame,
    PageForm(form): PageForm<NewForm>,
) -> Result<Response> {
    let made = match form.metadata() {
        Ok(metadata) => {
            let wishes = Wishes { metadata, ..Wishes::default() };
            client::create(&house, &cx, admin(&visitor)?, wishes).await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok(made) => {
            let notice = Some(format!("{} is registered.", made.client.name));
            let frame = Frame { notice, ..frame.of_visitor(&visitor, "clients") };
            render(StatusCode::OK, &one::ClientPage::of(&house, frame, &made))
        }
        Err(error) => page(&house, &visitor, frame, (Asked::default(), form), Flaws::of_error(error)?).await,
    }
}
