//! Clients that register themselves (RFC 7591) and manage their registration (RFC 7592).
//!
//! The token that manages a registration stays the same when the metadata is replaced: a lost answer must not lock a client out.
//! Whoever holds it changes this one client and nothing else, and never its owner, its profile or whether it asks for consent.

use serde_json::{Map, Value};

use super::{SecretWish, accept, provide_secret, token};
use crate::domain::house::House;
use crate::domain::throttle;
use crate::model::client::{Client, Origin, registration};
use crate::model::context::Context;
use crate::model::error::{Error, Flaw, Result};
use crate::model::event::Event;
use crate::model::scope::{KNOWN, Scopes};
use crate::model::secret::{Digest, Secret};
use crate::model::settings::Registration;
use crate::storage::client;
use crate::storage::initial_access_token::{self, Terms};

/// A registration, and what is shown of it once.
#[derive(Debug)]
pub struct Registered {
    /// The client.
    pub client: Client,
    /// Its secret, where a new one was made.
    pub secret: Option<Secret>,
}

/// Registers a client. Answers also the token that manages the registration.
///
/// # Errors
/// `invalid_token` without a good initial access token where one is needed; `invalid_redirect_uri` and
/// `invalid_client_metadata`; `NotFound` where nobody may register; `TooMany` where everybody may.
pub async fn register(
    house: &House,
    cx: &Context,
    bearer: Option<&str>,
    sent: &Map<String, Value>,
) -> Result<(Registered, Secret)> {
    let sesame = bearer.map(|token| Secret::received(token).digest());
    let terms = admit(house, cx, sesame.as_ref()).await?;
    let blank = Client { profile: terms.profile, ..Client::blank(Client::fresh_id(), terms.company, Origin::Dynamic) };
    let mut client = checked(house, sent, blank).await?;
    let secret = provide_secret(house, &mut client, SecretWish::Renew)?;
    let manages = Secret::generate();
    let mut tx = house.db.owner(client.company, None).await?;
    if let Some(sesame) = &sesame
        && !initial_access_token::take(&mut tx, sesame, cx.now).await?
    {
        return Err(no_token());
    }
    client::save_owned(&mut tx, &client, cx.now).await?;
    client::set_registration_token(&mut tx, &client.id, &manages.digest()).await?;
    tx.commit(cx, Event::ClientRegistered { client: client.id.clone() }).await?;
    Ok((Registered { client, secret }, manages))
}

async fn admit(house: &House, cx: &Context, sesame: Option<&Digest>) -> Result<Terms> {
    match (house.settings.dynamic_registration, sesame) {
        (Registration::Off, _) => Err(Error::NotFound("page")),
        (_, Some(sesame)) => initial_access_token::peek(&house.db, sesame, cx.now).await?.ok_or_else(no_token),
        (Registration::Token, None) => Err(no_token()),
        (Registration::Open, None) => {
            throttle::client_registration(house, cx).await?;
            Ok(token::ANYBODY)
        }
    }
}

fn no_token() -> Error {
    Error::oauth("invalid_token", "a good initial access token is needed to register a client")
}

/// Reads the metadata, and holds it to what a client of this origin may be.
async fn checked(house: &House, sent: &Map<String, Value>, blank: Client) -> Result<Client> {
    let read = accept(house, sent, blank).await.and_then(|client| {
        if client.company.is_none() && client.may_use("client_credentials") {
            // It would speak for itself in every company.
            let message = "client_credentials is not for clients that register themselves for every company";
            return Err(Error::Invalid(vec![Flaw { field: "grant_types", message: message.into() }]));
        }
        Ok(client)
    });
    match read {
        Ok(mut client) => {
            if client.company.is_none() {
                client.scopes = client.scopes.and(&Scopes::of(KNOWN));
            }
            Ok(client)
        }
        Err(Error::Invalid(flaws)) => Err(registration::refusal(&flaws)),
        Err(other) => Err(other),
    }
}

/// The client whose registration this token manages.
///
/// # Errors
/// `invalid_token` for another's or for a client that is gone; `Forbidden` where the client was switched off.
pub async fn identify(house: &House, id: &str, bearer: Option<&str>) -> Result<Client> {
    if house.settings.dynamic_registration == Registration::Off {
        return Err(Error::NotFound("page"));
    }
    let bad = || Error::oauth("invalid_token", "the token does not manage the registration of such a client");
    let sent = bearer.map(|token| Secret::received(token).digest()).ok_or_else(bad)?;
    let kept = client::registration_token(&house.db, id).await?;
    if kept != Some(sent) {
        return Err(bad());
    }
    let client = client::read(&house.db, id).await?.ok_or_else(bad)?;
    if client.disabled_at.is_some() {
        return Err(off());
    }
    Ok(client)
}

fn off() -> Error {
    Error::Forbidden("the client was switched off")
}

/// Replaces the metadata (RFC 7592, section 2.2). The secret stays where the method still needs one.
///
/// # Errors
/// As [`register`]; `invalid_client_metadata` also where `client_id` or `client_secret` is not this client's.
pub async fn replace(house: &House, cx: &Context, known: Client, sent: &Map<String, Value>) -> Result<Registered> {
    let wrong = |what: &'static str| Err(Error::oauth("invalid_client_metadata", what));
    if sent.get("client_id").and_then(Value::as_str) != Some(known.id.as_str()) {
        return wrong("client_id must be that of the registration");
    }
    match sent.get("client_secret") {
        None | Some(Value::Null) => {}
        Some(Value::String(secret)) if known.accepts(&Secret::received(secret.as_str())) => {}
        Some(_) => return wrong("client_secret must be the one that was given, or left out"),
    }
    let blank = Client {
        profile: known.profile,
        secret_digest: known.secret_digest,
        secret_sealed: known.secret_sealed,
        ..Client::blank(known.id, known.company, known.origin)
    };
    let mut client = checked(house, sent, blank).await?;
    let secret = provide_secret(house, &mut client, SecretWish::Keep)?;
    let mut tx = house.db.owner(client.company, None).await?;
    // An admin may have switched it off since.
    if !client::lock(&mut tx, &client.id).await? {
        return Err(off());
    }
    client::save_owned(&mut tx, &client, cx.now).await?;
    tx.commit(cx, Event::ClientChanged { client: client.id.clone(), what: "metadata" }).await?;
    Ok(Registered { client, secret })
}

/// Deletes the client (RFC 7592, section 2.3), with its grants and tokens, at once.
pub async fn remove(house: &House, cx: &Context, known: &Client) -> Result<()> {
    let mut tx = house.db.owner(known.company, None).await?;
    client::delete(&mut tx, &known.id).await?;
    tx.commit(cx, Event::ClientDeleted { client: known.id.clone() }).await
}
