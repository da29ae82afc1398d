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
use crate::storage::code::Taken;
use crate::storage::event::Noted;
use crate::storage::held::{self, Asked};
use crate::storage::refresh_token::{self, Use};

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
    let digest = token.digest();
    let found = held::find(&house.db, Asked::RefreshToken(digest), cx.now).await?;
    let held = found.filter(|held| held.whose.client_id == client.id).ok_or_else(unknown)?;
    let (living, account) = *held.living.ok_or_else(unknown)?;
    if held.expires_at.is_none_or(|at| at <= cx.now) {
        return Err(unknown());
    }
    // Whoever lacks the key learns nothing and changes nothing.
    evidence.demand_same(living.confirmation.as_ref())?;
    let noted = noted(cx, client);
    if held.revoked_at.is_some() || held.successor_used {
        refresh_token::take(&house.db, Use { digest, whose: held.whose, next: None, noted }).await?;
        return Err(unknown());
    }
    if living.lacks_second_factor() {
        return Err(refused("the company demands a second factor since: sign in again"));
    }
    let scopes = narrowed(&living.scopes, params.get("scope"))?;
    let resources = resource::chosen(house, &living.resources, params)?;
    let confirmation = evidence.confirmation(client)?;
    let claims = id_claims(&account, &living, &scopes);
    let rights = AccessRights { confirmation, ..AccessRights::of(house, &living, scopes) };
    let rights = resource::narrow(house, (client, Some(living.company)), &resources, rights).await?;
    let next = client.rotates_refresh_tokens().then(Secret::generate);
    let using = Use { digest, whose: held.whose, next: next.as_ref().map(Secret::digest), noted };
    // Minted beside the statement, and given only where the token was good.
    let (taken, tokens) =
        super::beside(refresh_token::take(&house.db, using), mint(house, cx, client, &living, (rights, claims))).await;
    if taken? != Taken::Taken {
        return Err(unknown());
    }
    let mut tokens = tokens?;
    tokens.refresh_token = Some(next.unwrap_or(token).reveal().to_owned());
    Ok(tokens)
}

fn noted(cx: &Context, client: &Client) -> Noted {
    let issued = Event::TokensIssued { client: client.id.clone(), grant_type: "refresh_token" };
    Noted::of(cx, &issued, &Event::RefreshTokenReused { client: client.id.clone() })
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
