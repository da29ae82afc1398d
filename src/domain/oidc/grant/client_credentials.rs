//! `grant_type=client_credentials` (RFC 6749, section 4.4): a client speaks for itself, in exactly one company.

use super::Tokens;
use crate::domain::house::House;
use crate::domain::oidc::binding::Evidence;
use crate::domain::oidc::resource;
use crate::domain::oidc::token::{self, AccessRights};
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::CompanyId;
use crate::model::params::Params;
use crate::model::scope::{KNOWN, Scopes};
use crate::storage::client_token::{self, Named, Speaks};
use crate::storage::company;
use crate::storage::event::Noted;

/// The scopes that are not about a person.
const OWN: [&str; 1] = ["company"];

/// Gives a token.
///
/// # Errors
/// `unauthorized_client` for a public client; `invalid_request` where a client of the platform does not say for which
/// company, or names one that is not there; `invalid_dpop_proof` where its tokens are bound and no proof came.
pub async fn give(
    house: &House,
    cx: &Context,
    client: &Client,
    params: &Params,
    evidence: &Evidence,
) -> Result<Tokens> {
    if client.is_public() {
        return Err(Error::oauth("unauthorized_client", "a client without a secret cannot speak for itself"));
    }
    let confirmation = evidence.confirmation(client)?;
    let event = Event::TokensIssued { client: client.id.clone(), grant_type: "client_credentials" };
    let company = chosen(house, client, params).await?;
    let rights = AccessRights { confirmation, ..rights(house, (client, &company), params).await? };
    let sign = async |(company, slug): &(CompanyId, String)| {
        token::client_token(house, cx.now, client, (*company, slug), &rights).await
    };
    // Signed beside the statement as the company was called last; given only where it still is called so.
    let guess = client_token::last_named(&house.db, &company);
    let speaks = Speaks { owner: client.company, company, noted: Noted::of(cx, &event, &event) };
    let (spoken, early) = super::beside(client_token::speak(&house.db, speaks), async {
        match &guess {
            Some(guess) => Some(sign(guess).await),
            None => None,
        }
    })
    .await;
    let spoken = spoken?.ok_or_else(unknown)?;
    let access_token = match early {
        Some(early) if guess.as_ref() == Some(&spoken) => early?,
        _ => sign(&spoken).await?,
    };
    Ok(Tokens { access_token, rights, id_token: None, refresh_token: None })
}

/// For the resources that the request names (RFC 8707), or for this provider.
async fn rights(house: &House, (client, company): (&Client, &Named), params: &Params) -> Result<AccessRights> {
    let resources = params.all("resource");
    let company = match company {
        Named::Id(id) => Some(*id),
        Named::Slug(_) => None,
    };
    let asked = params.get("scope").map_or_else(|| client.scopes.clone(), Scopes::read);
    let all = AccessRights {
        scopes: asked.and(&client.scopes),
        audience: vec![house.settings.issuer.clone()],
        lifetime: house.settings.access_token_lifetime,
        confirmation: None,
        authorization_details: None,
    };
    let mut rights = resource::narrow(house, (client, company), resources, all).await?;
    // What is about a person means nothing here.
    let foreign = KNOWN.iter().filter(|scope| !OWN.contains(scope));
    rights.scopes = rights.scopes.without(foreign.copied());
    Ok(rights)
}

fn unknown() -> Error {
    Error::oauth("invalid_request", "there is no such company, or the client does not serve it")
}

async fn chosen(house: &House, client: &Client, params: &Params) -> Result<Named> {
    let Some(name) = params.get("company") else {
        let own = client.company.map(Named::Id);
        return own
            .ok_or_else(|| Error::oauth("invalid_request", "company is required: this client serves every company"));
    };
    match name.parse() {
        Ok(id) => Ok(Named::Id(id)),
        // An API may be closed to a company, so that must be known before anything is given.
        Err(_) if !params.all("resource").is_empty() => {
            company::find_by_slug(&house.db, name).await?.map(Named::Id).ok_or_else(unknown)
        }
        Err(_) => Ok(Named::Slug(name.to_owned())),
    }
}
