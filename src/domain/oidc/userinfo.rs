//! The userinfo endpoint (OpenID Connect Core, section 5.3).

use serde_json::{Map, Value, json};

use super::binding::{self, Presented};
use super::{access, claims, encrypt};
use crate::domain::house::House;
use crate::domain::keys::{self, Kind};
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::storage::client;

/// The answer, as the client registered it (section 5.3.2).
#[derive(Debug)]
pub enum Answer {
    /// The claims themselves.
    Plain(Map<String, Value>),
    /// Signed, encrypted, or signed and then encrypted.
    Jwt(String),
}

/// What the bearer of this token may know of the person.
///
/// # Errors
/// `invalid_request` where the client wants the answer encrypted and has no key; `invalid_token`, also where the grant, the membership or the login has ended; `insufficient_scope` without `openid`; what is wrong
/// with the proof of a bound token.
pub async fn of(house: &House, cx: &Context, presented: &Presented) -> Result<Answer> {
    let bad = || presented.refused("the access token is not valid, or not valid any more");
    let read = binding::admit(house, cx, presented).await?;
    let read = Some(read).filter(|claims| access::is_for(claims, &house.settings.issuer)).ok_or_else(bad)?;
    let held = access::hold(house, cx, read).await?.ok_or_else(bad)?;
    if !held.scopes.has("openid") {
        return Err(Error::oauth("insufficient_scope", "the scope openid was not granted"));
    }
    let mut claims = claims::of_userinfo(&held.account, &held.living, &held.scopes);
    claims.insert("sub".to_owned(), json!(held.living.sub()));
    let client = client::find(&house.db, &held.living.client_id, cx.now).await?.ok_or_else(bad)?;
    shaped(house, cx, &client, claims).await
}

/// Section 5.3.2: `iss` and `aud` stand in an answer that is signed or encrypted.
async fn shaped(house: &House, cx: &Context, client: &Client, mut claims: Map<String, Value>) -> Result<Answer> {
    let signing = client.metadata.userinfo_signed_response_alg;
    let management = client.metadata.userinfo_encrypted_response_alg;
    if signing.is_some() || management.is_some() {
        claims.insert("iss".to_owned(), json!(house.settings.issuer));
        claims.insert("aud".to_owned(), json!(client.id));
    }
    Ok(match (signing, management) {
        (None, None) => Answer::Plain(claims),
        (None, Some(management)) => {
            Answer::Jwt(encrypt::claims_to_client(house, cx, client, management, &claims).await?)
        }
        (Some(algorithm), None) => Answer::Jwt(keys::sign(house, cx.now, (Kind::Userinfo, algorithm), claims).await?),
        (Some(algorithm), Some(management)) => {
            let signed = keys::sign(house, cx.now, (Kind::Userinfo, algorithm), claims).await?;
            Answer::Jwt(encrypt::to_client(house, cx, client, management, &signed).await?)
        }
    })
}
