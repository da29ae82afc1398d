//! The userinfo endpoint (OpenID Connect Core, section 5.3).

use serde_json::{Map, Value, json};

use super::binding::{self, Presented};
use super::{access, claims};
use crate::domain::house::House;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::storage::account;

/// What the bearer of this token may know of the person.
///
/// # Errors
/// `invalid_token`, also where the grant, the membership or the login has ended; `insufficient_scope` without `openid`; what is wrong
/// with the proof of a bound token.
pub async fn of(house: &House, cx: &Context, presented: &Presented) -> Result<Map<String, Value>> {
    let bad = || presented.refused("the access token is not valid, or not valid any more");
    let read = binding::admit(house, cx, presented).await?;
    let read = Some(read).filter(|claims| access::is_for(claims, &house.settings.issuer)).ok_or_else(bad)?;
    let mut held = access::hold(house, cx, read).await?.ok_or_else(bad)?;
    if !held.scopes.has("openid") {
        return Err(Error::oauth("insufficient_scope", "the scope openid was not granted"));
    }
    let account = account::find_member(&mut held.tx, held.living.account).await?.ok_or_else(bad)?;
    held.tx.commit_unremarkable().await?;
    let mut claims = claims::of_userinfo(&account, &held.living, &held.scopes);
    claims.insert("sub".to_owned(), json!(held.living.sub()));
    Ok(claims)
}
