//! The grants of the token endpoint, one file each.

pub mod authorization_code;
pub mod client_credentials;
pub mod refresh_token;

use super::claims;
use super::token::{self, AccessRights, Bound};
use crate::domain::house::House;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::scope::Scopes;
use crate::storage::account;
use crate::storage::grant::Living;
use serde_json::{Map, Value, json};

/// What the token endpoint gives (RFC 6749, section 5.1).
#[derive(Debug)]
pub struct Tokens {
    /// A JWT (RFC 9068).
    pub access_token: String,
    /// What the access token is good for.
    pub rights: AccessRights,
    /// OpenID Connect Core, section 2.
    pub id_token: Option<String>,
    /// Opaque.
    pub refresh_token: Option<String>,
}

fn refused(why: &'static str) -> Error {
    Error::oauth("invalid_grant", why)
}

/// What the ID token says beyond the standing claims. `None` where there is none.
fn id_claims(account: &account::Row, living: &Living, scopes: &Scopes) -> Option<Map<String, Value>> {
    scopes.has("openid").then(|| claims::of_id_token(account, living))
}

/// Signs beside what the database is asked. The question leaves first, with those of all who are ready to ask: a signature does not let
/// go of its core, and PostgreSQL and its disk have work meanwhile.
async fn beside<A, S>(asked: impl Future<Output = A>, signed: impl Future<Output = S>) -> (A, S) {
    tokio::join!(
        biased;
        asked,
        async {
            tokio::task::yield_now().await;
            signed.await
        }
    )
}

/// Mints both tokens. Nothing is asked of the database.
///
/// # Errors
/// `invalid_request` where the client wants ID tokens encrypted and has no key.
pub async fn mint(
    house: &House,
    cx: &Context,
    client: &Client,
    living: &Living,
    (rights, id_claims): (AccessRights, Option<Map<String, Value>>),
) -> Result<Tokens> {
    let access_token = token::access_token(house, cx.now, client, living, &rights).await?;
    let id_token = match id_claims {
        Some(claims) => {
            let bound = Bound { access_token: Some(&access_token), ..Bound::default() };
            Some(token::id_token(house, cx, client, living, (bound, claims)).await?)
        }
        None => None,
    };
    Ok(Tokens { access_token, rights, id_token, refresh_token: None })
}

/// As OpenID Connect Core, section 3.1.3.6, says: only where the request had one.
pub fn with_nonce(mut claims: Map<String, Value>, living: &Living) -> Map<String, Value> {
    if let Some(nonce) = &living.nonce {
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    claims
}
