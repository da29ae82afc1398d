//! `grant_type=refresh_token` (RFC 6749, section 6; RFC 9700, section 4.14.2).
//!
//! Tokens of public clients rotate. A lost answer logs nobody out: where a replaced token comes back and its successor was
//! never used, the successor is replaced in turn. Where it was used, or a successor that was replaced comes back itself, two
//! parties hold tokens of one family: the family dies. Tokens of confidential clients, whom a thief would have to
//! impersonate too, stay as they are; [`crate::model::client::RefreshRule`] says what each profile demands.

use super::{Tokens, id_claims, mint, refused};
use crate::domain::house::House;
use crate::domain::oidc::binding::Evidence;
use crate::domain::oidc::resource;
use crate::domain::oidc::token::AccessRights;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::params::Params;
use crate::model::scope::Scopes;
use crate::model::secret::Secret;
use crate::storage::code::Whose;
use crate::storage::scope::CompanyTx;
use crate::storage::{grant, refresh_token};

/// Refreshes, at the token endpoint.
///
/// # Errors
/// `invalid_grant` for whatever is wrong with the token; `invalid_scope` where more is asked for than was granted;
/// `invalid_dpop_proof` where tokens of the client are bound and no proof came.
pub async fn refresh(
    house: &House,
    cx: &Context,
    client: &Client,
    params: &Params,
    evidence: &Evidence,
) -> Result<Tokens> {
    let token = Secret::received(params.need("refresh_token")?);
    redeem(house, cx, client, (token, params), evidence).await
}

/// Refreshes, for whoever has read the token already. `scope` and `resource` may ask for less than was granted.
pub async fn redeem(
    house: &House,
    cx: &Context,
    client: &Client,
    (token, params): (Secret, &Params),
    evidence: &Evidence,
) -> Result<Tokens> {
    let unknown = || refused("the refresh token is unknown, was used, or is too old");
    let whose = refresh_token::whose(&house.db, &token.digest()).await?.ok_or_else(unknown)?;
    if whose.client_id != client.id {
        return Err(unknown());
    }
    let mut tx = house.db.company(whose.company, Some(whose.account)).await?;
    // One refresh of a grant at a time.
    grant::lock(&mut tx, whose.grant).await?;
    let living = grant::living(&mut tx, whose.grant, cx.now).await?.ok_or_else(unknown)?;
    let row = refresh_token::find(&mut tx, &token.digest()).await?.ok_or_else(unknown)?;
    if row.expires_at <= cx.now {
        return Err(unknown());
    }
    // Whoever lacks the key learns nothing and changes nothing.
    evidence.demand_same(living.confirmation.as_ref())?;
    if row.revoked_at.is_some() || row.successor_used {
        grant::end(&mut tx, whose.grant, cx.now).await?;
        tx.commit(cx, Event::RefreshTokenReused { client: client.id.clone() }).await?;
        return Err(unknown());
    }
    if living.lacks_second_factor() {
        return Err(refused("the company demands a second factor since: sign in again"));
    }
    let scopes = narrowed(&living.scopes, params.get("scope"))?;
    let resources = resource::chosen(house, &living.resources, params)?;
    let confirmation = evidence.confirmation(client)?;
    let next = if client.rotates_refresh_tokens() {
        rotate(cx, &mut tx, &whose, &token, row.expires_at).await?
    } else {
        token
    };
    let claims = id_claims(&mut tx, &living, &scopes).await?;
    tx.commit(cx, Event::TokensIssued { client: client.id.clone(), grant_type: "refresh_token" }).await?;
    let rights = AccessRights { confirmation, ..AccessRights::of(house, &living, scopes) };
    let rights = resource::narrow(house, (client, living.company), &resources, rights).await?;
    let mut tokens = mint(house, cx, client, &living, (rights, claims)).await?;
    tokens.refresh_token = Some(next.reveal().to_owned());
    Ok(tokens)
}

/// A fresh token in the place of whatever followed this one. The family's end stays where it was: it is absolute.
async fn rotate(
    cx: &Context,
    tx: &mut CompanyTx,
    whose: &Whose,
    token: &Secret,
    expires_at: time::OffsetDateTime,
) -> Result<Secret> {
    let (next, digest) = (Secret::generate(), token.digest());
    refresh_token::use_first(tx, &digest, cx.now).await?;
    refresh_token::revoke_successors(tx, whose.grant, &digest, cx.now).await?;
    refresh_token::insert(tx, &next.digest(), whose.grant, Some(&digest), (cx.now, expires_at)).await?;
    Ok(next)
}

fn narrowed(granted: &Scopes, asked: Option<&str>) -> Result<Scopes> {
    let Some(asked) = asked else { return Ok(granted.clone()) };
    let asked = Scopes::read(asked);
    if asked.within(granted) {
        Ok(asked)
    } else {
        Err(Error::oauth("invalid_scope", "more is asked for than was granted"))
    }
}
