//! Token revocation (RFC 7009). Whatever token is handed back, its whole grant ends: nothing of it is left behind.

use std::sync::Arc;

use serde_json::Value;

use super::{access, subject, token};
use crate::domain::house::House;
use crate::domain::keys::{self, Claims, Kind};
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::{AccountId, CompanyId, GrantId};
use crate::model::secret::Secret;
use crate::storage::grant;
use crate::storage::held::{self, Asked, Whose};

/// Hands a token back. What is unknown or dead already is no error (section 2.2).
///
/// # Errors
/// `invalid_grant` where the token was given to another client; `unsupported_token_type` for a client's own token, which
/// nothing is kept of.
pub async fn revoke(house: &House, cx: &Context, client: &Client, handed: &str) -> Result<()> {
    let found = match keys::verify(house, cx.now, Kind::AccessToken, handed).await? {
        Some(claims) => {
            let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
            if text("client_id") != client.id {
                return Err(other());
            }
            if text("sub") == client.id {
                let why = "a token of client credentials ends by itself, and cannot be revoked";
                return Err(Error::oauth("unsupported_token_type", why));
            }
            let place = token::grant_of(text("jti")).zip(text("company_id").parse().ok());
            place.zip(whose(house, cx, client, &claims).await?)
        }
        None => match refresh_token(house, cx, handed).await? {
            Some(whose) if whose.client_id == client.id => Some(((whose.grant, whose.company), whose.account)),
            Some(_) => return Err(other()),
            None => None,
        },
    };
    match found {
        Some(((grant, company), account)) => end(house, cx, client, (grant, company, account)).await,
        None => Ok(()),
    }
}

/// The person of an access token. Where the client's subjects are others since, its grant knows.
async fn whose(house: &House, cx: &Context, client: &Client, claims: &Claims) -> Result<Option<AccountId>> {
    let sub = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    if let Some(person) = subject::account(house, client, sub).await? {
        return Ok(Some(person));
    }
    let Some(held) = access::hold(house, cx, Arc::clone(claims)).await? else { return Ok(None) };
    Ok(Some(held.living.account))
}

async fn refresh_token(house: &House, cx: &Context, handed: &str) -> Result<Option<Whose>> {
    let asked = Asked::RefreshToken(Secret::received(handed).digest());
    Ok(held::find(&house.db, asked, cx.now).await?.map(|held| held.whose))
}

fn other() -> Error {
    Error::oauth("invalid_grant", "the token was given to another client")
}

async fn end(
    house: &House,
    cx: &Context,
    client: &Client,
    (grant, company, account): (GrantId, CompanyId, AccountId),
) -> Result<()> {
    let mut tx = house.db.company(company, Some(account)).await?;
    if grant::end(&mut tx, grant, cx.now).await? {
        tx.commit(cx, Event::TokenRevoked { client: client.id.clone() }).await
    } else {
        tx.commit_unremarkable().await
    }
}
