//! RP-Initiated Logout 1.0: who asks, for whom, and where it may lead.

use std::sync::Arc;

use serde_json::Value;

use super::subject;
use crate::domain::house::House;
use crate::domain::keys::{self, Kind};
use crate::domain::person::visitor::Visitor;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::id::{AccountId, LoginId};
use crate::model::params::Params;
use crate::storage::client;

/// What a logout request asks for.
#[derive(Debug)]
pub struct LogoutRequest {
    /// Where to go afterwards: matched with the registration of the client that was named.
    pub return_to: Option<String>,
    /// The client that was named.
    pub client: Option<Arc<Client>>,
    /// Whose login, by an ID token of ours.
    pub hinted: Option<(AccountId, LoginId)>,
}

/// Checks a request (section 2).
///
/// # Errors
/// `invalid_request`, for a page: the hint is none of ours, or the URI is not registered.
pub async fn check(house: &House, cx: &Context, params: &Params) -> Result<LogoutRequest> {
    let bad = |what: &'static str| Error::oauth("invalid_request", what);
    let mut hinted: Option<(String, LoginId)> = None;
    let mut named = params.get("client_id").map(str::to_owned);
    if let Some(hint) = params.get("id_token_hint") {
        // Expired or not: a session may be older than its ID token.
        let claims = keys::verify(house, cx.now, Kind::IdToken, hint).await?;
        let claims = claims.ok_or_else(|| bad("the id_token_hint is not an ID token of ours"))?;
        let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if text("iss") != house.settings.issuer {
            return Err(bad("the id_token_hint is not an ID token of ours"));
        }
        if named.as_ref().is_some_and(|named| *named != text("aud")) {
            return Err(bad("client_id names another client than the id_token_hint"));
        }
        named = Some(text("aud"));
        hinted = text("sid").parse().ok().map(|login| (text("sub"), login));
    }
    let client = match named {
        Some(id) => client::find(&house.db, &id, cx.now).await?.filter(|client| client.disabled_at.is_none()),
        None => None,
    };
    let return_to = params.get("post_logout_redirect_uri").map(|uri| {
        let registered =
            client.as_ref().is_some_and(|client| client.post_logout_redirect_uris.iter().any(|known| known == uri));
        if registered {
            Ok(uri.to_owned())
        } else {
            Err(bad("the post_logout_redirect_uri is not one that the client registered"))
        }
    });
    let return_to = return_to.transpose()?;
    let hinted = match (&client, hinted) {
        (Some(client), Some((sub, login))) => {
            subject::account(house, client, &sub).await?.map(|person| (person, login))
        }
        _ => None,
    };
    Ok(LogoutRequest { return_to, client, hinted })
}

impl LogoutRequest {
    /// Whether somebody must be asked first: without a hint for just this person, anybody could have made the link.
    pub fn must_ask(&self, visitor: Option<&Visitor>) -> bool {
        match (visitor, self.hinted) {
            (None, Some(_)) => false,
            (Some(visitor), Some((account, _))) => visitor.account != account,
            (_, None) => true,
        }
    }

    /// Where to go afterwards, with the `state` that came (section 3).
    pub fn target(&self, state: Option<&str>) -> Result<Option<String>> {
        let Some(uri) = &self.return_to else { return Ok(None) };
        let mut url = url::Url::parse(uri).map_err(Error::fault)?;
        if let Some(state) = state {
            url.query_pairs_mut().append_pair("state", state);
        }
        Ok(Some(if state.is_some() { url.into() } else { uri.clone() }))
    }
}
