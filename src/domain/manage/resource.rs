//! A company's own resources (RFC 8707): APIs that tokens can be for, as its admins see and change them.

use url::Url;
use uuid::Uuid;

use super::user::Admin;
use crate::domain::house::House;
use crate::domain::person::sign_up::check_name;
use crate::model::context::Context;
use crate::model::cursor::Cursor;
use crate::model::error::{Error, Flaw, Result};
use crate::model::event::Event;
use crate::model::id::{self, CompanyId};
use crate::model::scope::{KNOWN, Scopes, is_scope_token};
use crate::storage::resource::{self, Resource};

/// How many a company may have.
const MOST: i64 = 200;

/// What an admin sends; what is left out stays.
#[derive(Debug, Default)]
pub struct Wishes {
    /// The `resource` parameter and the tokens' `aud`.
    pub identifier: Option<String>,
    /// What people read on the consent page.
    pub name: Option<String>,
    /// What can be asked for there.
    pub scopes: Option<Vec<String>>,
    /// Seconds, 30 to 86400; `Some(None)` leaves it to the platform.
    pub token_lifetime: Option<Option<i32>>,
    /// Whether it is on.
    pub enabled: Option<bool>,
}

/// A page of them by name, and where the next one begins.
pub async fn list(
    house: &House,
    company: CompanyId,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<(Vec<Resource>, Option<Cursor>)> {
    let mut tx = house.db.company(company, None).await?;
    let after = after.map(|cursor| (cursor.key.as_str(), cursor.id));
    let mut resources = resource::list_own(&mut tx, after, limit + 1).await?;
    tx.commit_unremarkable().await?;
    let more = i64::try_from(resources.len()).unwrap_or(i64::MAX) > limit;
    resources.truncate(usize::try_from(limit).unwrap_or_default());
    let next = resources.last().filter(|_| more).map(|last| Cursor { key: last.name.clone(), id: last.id });
    Ok((resources, next))
}

/// One of them.
///
/// # Errors
/// `NotFound`, also for another company's.
pub async fn find(house: &House, company: CompanyId, id: Uuid) -> Result<Resource> {
    let mut tx = house.db.company(company, None).await?;
    let found = resource::find_own(&mut tx, id).await?;
    tx.commit_unremarkable().await?;
    found.ok_or(Error::NotFound("resource"))
}

/// Registers one.
///
/// # Errors
/// `Invalid` with every flaw at once; `Conflict` where the identifier is taken, or the company has too many.
pub async fn create(house: &House, cx: &Context, admin: Admin, wishes: Wishes) -> Result<Resource> {
    let mut made = Resource {
        id: id::fresh(cx.now),
        company: Some(admin.company),
        identifier: String::new(),
        name: String::new(),
        scopes: Scopes::default(),
        token_lifetime: None,
        disabled_at: None,
    };
    let needed = Wishes {
        identifier: Some(wishes.identifier.unwrap_or_default()),
        name: Some(wishes.name.unwrap_or_default()),
        ..wishes
    };
    apply(house, cx, &mut made, needed)?;
    let mut tx = house.db.company(admin.company, admin.account).await?;
    if resource::count_own(&mut tx).await? >= MOST {
        return Err(Error::Conflict("the company has as many resources as it may have"));
    }
    resource::save_company(&mut tx, &made, cx.now).await?;
    tx.commit(cx, Event::ResourceCreated(made.identifier.clone())).await?;
    Ok(made)
}

/// Changes one.
///
/// # Errors
/// `NotFound` as [`find`]; otherwise as [`create`].
pub async fn change(house: &House, cx: &Context, admin: Admin, id: Uuid, wishes: Wishes) -> Result<Resource> {
    let mut tx = house.db.company(admin.company, admin.account).await?;
    let mut known = resource::find_own(&mut tx, id).await?.ok_or(Error::NotFound("resource"))?;
    apply(house, cx, &mut known, wishes)?;
    resource::save_company(&mut tx, &known, cx.now).await?;
    tx.commit(cx, Event::ResourceChanged(known.identifier.clone())).await?;
    Ok(known)
}

/// Deletes one. Tokens for it live on until they expire; no new ones are given.
///
/// # Errors
/// `NotFound` as [`find`].
pub async fn remove(house: &House, cx: &Context, admin: Admin, id: Uuid) -> Result<()> {
    let mut tx = house.db.company(admin.company, admin.account).await?;
    let known = resource::find_own(&mut tx, id).await?.ok_or(Error::NotFound("resource"))?;
    resource::delete_company(&mut tx, id).await?;
    tx.commit(cx, Event::ResourceDeleted(known.identifier)).await
}

fn apply(house: &House, cx: &Context, known: &mut Resource, wishes: Wishes) -> Result<()> {
    let mut flaws = Vec::new();
    let mut wrong = |field: &'static str, message: &'static str| flaws.push(Flaw { field, message: message.into() });
    if let Some(identifier) = wishes.identifier {
        match check_identifier(house, &identifier) {
            Ok(()) => known.identifier = identifier,
            Err(why) => wrong("identifier", why),
        }
    }
    if let Some(scopes) = wishes.scopes {
        if scopes.len() > 50 || !scopes.iter().all(|scope| is_scope_token(scope)) {
            wrong("scopes", "must be at most 50 scopes of printable ASCII without spaces");
        } else if scopes.iter().any(|scope| KNOWN.contains(&scope.as_str())) {
            wrong("scopes", "must be none of OpenID Connect's own");
        }
        known.scopes = Scopes::from(scopes);
    }
    if let Some(lifetime) = wishes.token_lifetime {
        if lifetime.is_some_and(|seconds| !(30..=86_400).contains(&seconds)) {
            wrong("token_lifetime_seconds", "must be 30 to 86400");
        }
        known.token_lifetime = lifetime;
    }
    if let Some(name) = wishes.name {
        match check_name("name", &name, 120) {
            Ok(name) => known.name = name,
            Err(flaw) => flaws.push(flaw),
        }
    }
    match wishes.enabled {
        None => {}
        Some(true) => known.disabled_at = None,
        Some(false) => known.disabled_at = known.disabled_at.or(Some(cx.now)),
    }
    if flaws.is_empty() { Ok(()) } else { Err(Error::Invalid(flaws)) }
}

/// RFC 8707, section 2: absolute, without a fragment. What is ours stays ours: a token for our own API must never be had by
/// naming it.
fn check_identifier(house: &House, text: &str) -> Result<(), &'static str> {
    let plain = (1..=400).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let url = Url::parse(text).ok().filter(|url| plain && url.fragment().is_none());
    let url = url.ok_or("must be an absolute URI without a fragment, at most 400 characters long")?;
    let ours = Url::parse(&house.settings.issuer).is_ok_and(|issuer| issuer.origin() == url.origin());
    let known = matches!(url.scheme(), "https" | "urn")
        || (url.scheme() == "http" && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]")));
    match (ours || text.starts_with(&house.settings.issuer), known) {
        (true, _) => Err("must not be an address of this provider"),
        (_, false) => Err("must be https, or urn:"),
        (false, true) => Ok(()),
    }
}
