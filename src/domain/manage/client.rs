//! A company's own clients, as its admins see and change them. They ask for consent, whatever is sent: only the platform
//! decides otherwise, for its own.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::user::Admin;
use crate::domain::house::House;
use crate::domain::oidc::registration::{SecretWish, accept, provide_secret};
use crate::model::client::{Client, Origin, Profile, registration};
use crate::model::context::Context;
use crate::model::cursor::Cursor;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::CompanyId;
use crate::model::secret::Secret;
use crate::storage::client;
use crate::storage::scope::OwnerTx;

/// How many a company may have.
const MOST: i64 = 1000;

/// What an admin sends: metadata by its registered names, and what stands beside it.
#[derive(Debug, Default)]
pub struct Wishes {
    /// RFC 7591, section 2. In a change null takes a member away, and what is left out stays.
    pub metadata: Map<String, Value>,
    /// What is demanded of it.
    pub profile: Option<Profile>,
    /// Whether it is on.
    pub enabled: Option<bool>,
}

/// A client, and its secret where a new one was made: shown this once.
#[derive(Debug)]
pub struct Made {
    /// The client.
    pub client: Client,
    /// Its secret.
    pub secret: Option<Secret>,
}

/// A page of them by name, and where the next one begins.
pub async fn list(
    house: &House,
    company: CompanyId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<(Vec<Client>, Option<Cursor>)> {
    // A client's id is a text without spaces, so it stands before the name.
    let after = after.map(|cursor| cursor.key.split_once(' ').unwrap_or_default());
    let mut tx = house.db.company(company, None).await?;
    let mut clients = client::list_own(&mut tx, after.map(|(id, name)| (name, id)), limit + 1).await?;
    tx.commit_unremarkable().await?;
    let more = i64::try_from(clients.len()).unwrap_or(i64::MAX) > limit;
    clients.truncate(usize::try_from(limit).unwrap_or_default());
    let cursor = |last: &Client| Cursor { key: format!("{} {}", last.id, last.name), id: Uuid::nil() };
    let next = clients.last().filter(|_| more).map(cursor);
    Ok((clients, next))
}

/// One of them.
///
/// # Errors
/// `NotFound`, also for another company's and for the platform's.
pub async fn find(house: &House, company: CompanyId, id: &str) -> Result<Client> {
    let mut tx = house.db.company(company, None).await?;
    let found = client::find_own(&mut tx, id).await?;
    tx.commit_unremarkable().await?;
    found.ok_or(Error::NotFound("app"))
}

/// Registers one.
///
/// # Errors
/// `Invalid` with every flaw at once; `Conflict` where the company has too many.
pub async fn create(house: &House, cx: &Context, admin: Admin, wishes: Wishes) -> Result<Made> {
    let blank = Client {
        profile: wishes.profile.unwrap_or_default(),
        disabled_at: (wishes.enabled == Some(false)).then_some(cx.now),
        ..Client::blank(Client::fresh_id(), Some(admin.company), Origin::Own)
    };
    let mut client = accept(house, &wishes.metadata, blank).await?;
    let secret = provide_secret(house, &mut client, SecretWish::Renew)?;
    let mut tx = house.db.company(admin.company, admin.account).await?;
    if client::count_own(&mut tx).await? >= MOST {
        return Err(Error::Conflict("the company has as many apps as it may have; delete one that nobody uses"));
    }
    client::save_company(&mut tx, &client, cx.now).await?;
    tx.commit(cx, Event::ClientCreated { client: client.id.clone() }).await?;
    Ok(Made { client, secret })
}

/// Changes one. The secret stays where its method still needs one.
///
/// # Errors
/// `NotFound` as [`find`]; `Invalid` with every flaw at once.
pub async fn change(house: &House, cx: &Context, admin: Admin, id: &str, wishes: Wishes) -> Result<Made> {
    let known = find(house, admin.company, id).await?;
    let mut sent = registration::write(&known);
    let what = match (wishes.metadata.is_empty(), wishes.enabled) {
        (true, Some(true)) => "enabled",
        (true, Some(false)) => "disabled",
        _ => "metadata",
    };
    sent.extend(wishes.metadata);
    let blank = Client { profile: wishes.profile.unwrap_or(known.profile), ..known };
    let mut client = accept(house, &sent, blank).await?;
    let secret = provide_secret(house, &mut client, SecretWish::Keep)?;
    let mut tx = house.db.company(admin.company, admin.account).await?;
    // What somebody else switched or gave meanwhile stays.
    let now = client::find_own(&mut tx, id).await?.ok_or(Error::NotFound("app"))?;
    client.disabled_at = match wishes.enabled {
        None => now.disabled_at,
        Some(true) => None,
        Some(false) => now.disabled_at.or(Some(cx.now)),
    };
    if secret.is_none() && client.has_secret() {
        (client.secret_digest, client.secret_sealed) = (now.secret_digest, now.secret_sealed);
    }
    client::save_company(&mut tx, &client, cx.now).await?;
    tx.commit(cx, Event::ClientChanged { client: client.id.clone(), what }).await?;
    Ok(Made { client, secret })
}

/// Makes a new secret; the old one is void at this node at once, and at every other within two seconds.
///
/// # Errors
/// `NotFound` as [`find`]; `Conflict` for a client that proves who it is otherwise.
pub async fn rotate_secret(house: &House, cx: &Context, admin: Admin, id: &str) -> Result<Made> {
    let mut tx = house.db.company(admin.company, admin.account).await?;
    let mut client = client::find_own(&mut tx, id).await?.ok_or(Error::NotFound("app"))?;
    let Some(secret) = provide_secret(house, &mut client, SecretWish::Renew)? else {
        return Err(Error::Conflict("this app has no secret"));
    };
    client::save_company(&mut tx, &client, cx.now).await?;
    tx.commit(cx, Event::ClientChanged { client: client.id.clone(), what: "secret" }).await?;
    Ok(Made { client, secret: Some(secret) })
}

/// Deletes one, with its grants and tokens, at once.
///
/// # Errors
/// `NotFound` as [`find`].
pub async fn remove(house: &House, cx: &Context, admin: Admin, id: &str) -> Result<()> {
    let mut tx = OwnerTx::Company(house.db.company(admin.company, admin.account).await?);
    if !client::delete(&mut tx, id).await? {
        return Err(Error::NotFound("app"));
    }
    tx.commit(cx, Event::ClientDeleted { client: id.to_owned() }).await
}
