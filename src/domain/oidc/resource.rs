//! Resource indicators (RFC 8707): for which registered API a token is, and what of the scopes it carries there.

use std::collections::BTreeSet;

use time::Duration;

use super::authorize::AuthorizationRequest;
use super::token::AccessRights;
use crate::domain::house::House;
use crate::model::client::Client;
use crate::model::error::{Error, Result};
use crate::model::id::CompanyId;
use crate::model::params::Params;
use crate::model::scope::{KNOWN, Scopes};
use crate::storage::consent::Given;
use crate::storage::resource::{self, Resource};

/// How many resources a request may name.
const MOST: usize = 10;

fn invalid(why: &'static str) -> Error {
    Error::oauth("invalid_target", why)
}

/// The resources that an authorization request names, each registered and open to this client (section 2.1).
///
/// # Errors
/// `invalid_target`; `invalid_scope` for a scope of an API that is not named.
pub async fn named(house: &House, client: &Client, params: &Params, scopes: &Scopes) -> Result<Vec<String>> {
    let asked = params.all("resource");
    if asked.len() > MOST {
        return Err(invalid("too many resources are named"));
    }
    let mut known = Vec::new();
    for identifier in asked {
        known.push(registered(house, client, identifier).await?);
    }
    let offered = known.iter().fold(Scopes::of(KNOWN), |all, one| all.or(&one.scopes));
    if !scopes.within(&offered) {
        return Err(Error::oauth(
            "invalid_scope",
            "a scope belongs to an API that the request does not name as resource",
        ));
    }
    Ok(known.into_iter().map(|one| one.identifier).collect())
}

async fn registered(house: &House, client: &Client, identifier: &str) -> Result<Resource> {
    let found = if identifier.len() > 400 { None } else { resource::find(&house.db, identifier).await? };
    let serves = |one: &Resource| one.company.is_none() || client.company.is_none() || one.company == client.company;
    found.filter(serves).ok_or_else(|| invalid("a resource is not registered, or not open to this client"))
}

/// The resources that a token request names, among those that were granted (section 2.2). Without one, all that were granted.
///
/// # Errors
/// `invalid_target`.
pub fn chosen(house: &House, granted: &[String], params: &Params) -> Result<Vec<String>> {
    let asked = params.all("resource");
    if asked.iter().any(|one| !granted.contains(one) && *one != house.settings.issuer) {
        return Err(invalid("a resource was not granted"));
    }
    Ok(if asked.is_empty() { granted.to_vec() } else { asked.to_vec() })
}

/// Narrows what an access token is good for to these resources. The issuer among them stands for userinfo, whose scopes are
/// OpenID Connect's; without any, the token is for this provider.
///
/// # Errors
/// `invalid_target`: one is not registered any more, or belongs to another company.
pub async fn narrow(
    house: &House,
    (client, company): (&Client, Option<CompanyId>),
    chosen: &[String],
    mut rights: AccessRights,
) -> Result<AccessRights> {
    if chosen.is_empty() {
        // Scopes of an API mean nothing here.
        rights.scopes = rights.scopes.and(&Scopes::of(KNOWN));
        return Ok(rights);
    }
    if chosen.len() > MOST {
        return Err(invalid("too many resources are named"));
    }
    let mut offered = Scopes::default();
    for identifier in chosen {
        if *identifier == house.settings.issuer {
            offered = offered.or(&Scopes::of(KNOWN));
            continue;
        }
        let one = registered(house, client, identifier).await?;
        if one.company.is_some_and(|owner| Some(owner) != company) {
            return Err(invalid("a resource belongs to another company"));
        }
        offered = offered.or(&one.scopes);
        if let Some(seconds) = one.token_lifetime {
            rights.lifetime = rights.lifetime.min(Duration::seconds(seconds.into()));
        }
    }
    rights.scopes = rights.scopes.and(&offered);
    rights.audience = chosen.to_vec();
    Ok(rights)
}

/// What the person must have allowed for this request: an API by itself, even where no scope of it is asked for, and what may be
/// done there.
pub async fn permission(house: &House, request: &AuthorizationRequest) -> Result<Given> {
    let scopes = request.wants();
    let mut resources: BTreeSet<String> = request.resources.iter().cloned().collect();
    for identifier in &request.resources {
        if let Some(one) = resource::find(&house.db, identifier).await? {
            resources.extend(scopes.and(&one.scopes).iter().map(|scope| format!("{identifier} {scope}")));
        }
    }
    Ok(Given { scopes, resources })
}

/// Names and scopes of these resources, as people read them.
pub async fn names(house: &House, identifiers: &[String]) -> Result<Vec<(String, Scopes)>> {
    let mut names = Vec::new();
    for identifier in identifiers {
        names.extend(resource::find(&house.db, identifier).await?.map(|one| (one.name, one.scopes)));
    }
    Ok(names)
}
