//! `/dashboard/clients/{client_id}`: one app of the company: what to paste into it, what is demanded of it, and what can be
//! changed.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::clients::{admin, kind};
use super::frame::{Flaws, Frame, notice, show as render};
use crate::domain::manage::client::{self, Made, Wishes};
use crate::domain::person::visitor::Visitor;
use crate::http::Shared;
use crate::http::body::Named;
use crate::http::context::Cx;
use crate::http::session::{Browser, PageForm};
use crate::model::client::{Client, Origin, Profile};
use crate::model::error::{Error, Result};

/// The page.
#[derive(Template)]
#[template(path = "page/client.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that is shown")]
pub struct ClientPage {
    frame: Frame,
    flaws: Flaws,
    issuer: String,
    id: String,
    name: String,
    kind: &'static str,
    /// Shown this once.
    secret: Option<String>,
    has_secret: bool,
    proof: &'static str,
    grants: String,
    profile: &'static str,
    profile_words: &'static str,
    waivers: &'static [&'static str],
    binding: bool,
    pushed: bool,
    dynamic: bool,
    on: bool,
    form: ChangeForm,
}

/// What can be changed, and the button that was pressed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChangeForm {
    client_name: String,
    redirect_uris: String,
    post_logout_redirect_uris: String,
    action: String,
}

/// One address a line.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn words(profile: Profile) -> &'static str {
    match profile {
        Profile::Standard => "OpenID Connect with today's best practice (RFC 9700)",
        Profile::High => "FAPI 2.0: pushed requests, and tokens that are bound to the app's key",
        Profile::Legacy => "For account linking of voice assistants, which demands less:",
    }
}

fn proof(client: &Client) -> &'static str {
    use crate::model::client::AuthMethod::{
        None, PrivateKeyJwt, SecretBasic, SecretJwt, SecretPost, SelfSignedTlsClientAuth, TlsClientAuth,
    };
    match client.auth_method {
        SecretBasic => "with its secret, in the header",
        SecretPost => "with its secret, in the form",
        SecretJwt => "by signing with its secret",
        PrivateKeyJwt => "by signing with a key of its own",
        TlsClientAuth => "with a certificate",
        SelfSignedTlsClientAuth => "with a certificate of its own",
        None => "not at all: PKCE protects its sign-ins",
    }
}

impl ClientPage {
    /// Of a client that was just made, changed or found.
    pub fn of(house: &Shared, frame: Frame, made: &Made) -> Self {
        let client = &made.client;
        let form = ChangeForm {
            client_name: client.name.clone(),
            redirect_uris: client.redirect_uris.join("\n"),
            post_logout_redirect_uris: client.post_logout_redirect_uris.join("\n"),
            action: String::new(),
        };
        Self {
            frame,
            flaws: Flaws::default(),
            issuer: house.settings.issuer.clone(),
            id: client.id.clone(),
            name: client.name.clone(),
            kind: kind(client),
            secret: made.secret.as_ref().map(|secret| secret.reveal().to_owned()),
            has_secret: client.has_secret(),
            proof: proof(client),
            grants: client.grant_types.join(", "),
            profile: client.profile.as_str(),
            profile_words: words(client.profile),
            waivers: client.rules().waivers,
            binding: client.metadata.dpop_bound_access_tokens
                || client.metadata.tls_client_certificate_bound_access_tokens,
            pushed: client.metadata.require_pushed_authorization_requests,
            dynamic: client.origin == Origin::Dynamic,
            on: client.disabled_at.is_none(),
            form,
        }
    }
}

/// Shows it.
pub async fn show(State(house): State<Shared>, visitor: Visitor, frame: Frame, Named(id): Named) -> Result<Response> {
    let client = client::find(&house, admin(&visitor)?.company, &id).await?;
    let made = Made { client, secret: None };
    render(StatusCode::OK, &ClientPage::of(&house, frame.of_visitor(&visitor, "clients"), &made))
}

fn metadata(form: &ChangeForm) -> Result<Map<String, Value>> {
    if form.client_name.trim().is_empty() {
        return Err(Error::invalid("client_name", "must not be empty"));
    }
    let sent = json!({
        "client_name": form.client_name,
        "redirect_uris": lines(&form.redirect_uris),
        "post_logout_redirect_uris": lines(&form.post_logout_redirect_uris),
    });
    Ok(sent.as_object().cloned().unwrap_or_default())
}

/// Does what the button says.
pub async fn change(
    State(house): State<Shared>,
    Cx(cx): Cx,
    (browser, visitor, Named(id)): (Browser, Visitor, Named),
    frame: Frame,
    PageForm(form): PageForm<ChangeForm>,
) -> Result<Response> {
    let admin = admin(&visitor)?;
    let switch = |on| Wishes { enabled: Some(on), ..Wishes::default() };
    let (done, text) = match form.action.as_str() {
        "save" => {
            let changed = match metadata(&form) {
                Ok(metadata) => client::change(&house, &cx, admin, &id, Wishes { metadata, ..Wishes::default() }).await,
                Err(error) => Err(error),
            };
            (changed, "The app is saved.")
        }
        "rotate" => (client::rotate_secret(&house, &cx, admin, &id).await, "The app has a new secret."),
        "off" => (client::change(&house, &cx, admin, &id, switch(false)).await, "The app is switched off."),
        "on" => (client::change(&house, &cx, admin, &id, switch(true)).await, "The app is on again."),
        "delete" => {
            client::remove(&house, &cx, admin, &id).await?;
            notice(&browser, "The app is deleted.").await?;
            return Ok(Redirect::to("/dashboard/clients").into_response());
        }
        _ => return Err(Error::Malformed("the form says nothing to do".into())),
    };
    match done {
        // A secret is shown here and nowhere else, so this answer is the page itself.
        Ok(made) if made.secret.is_some() => {
            let frame = Frame { notice: Some(text.to_owned()), ..frame.of_visitor(&visitor, "clients") };
            render(StatusCode::OK, &ClientPage::of(&house, frame, &made))
        }
        Ok(made) => {
            notice(&browser, text).await?;
            Ok(Redirect::to(&format!("/dashboard/clients/{}", made.client.id)).into_response())
        }
        Err(error) => {
            let flaws = Flaws::of_error(error)?;
            let client = client::find(&house, admin.company, &id).await?;
            let page = ClientPage::of(&house, frame.of_visitor(&visitor, "clients"), &Made { client, secret: None });
            let typed = if form.action == "save" { form } else { page.form };
            let page = ClientPage { flaws, form: typed, ..page };
            render(page.flaws.status(), &page)
        }
    }
}
