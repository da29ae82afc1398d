//! Finds the client behind a `client_id`: a row, or the document that an https address leads to (OAuth Client ID Metadata
//! Document). Only hosts that the operator named are asked, never at an address of our own network, and what was read is used for
//! a quarter of an hour before it is read again.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use time::Duration;
use url::Url;

use super::registration::accept;
use crate::domain::house::House;
use crate::domain::throttle;
use crate::model::client::registration::{self, document};
use crate::model::client::{AuthMethod, Client, Origin};
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::scope::{KNOWN, Scopes};
use crate::storage::client::{self, DocumentTimes};

/// How long a document is used before it is read again.
const FRESH: Duration = Duration::minutes(15);
/// How long one is used that cannot be read again.
const STALE: Duration = Duration::hours(24);
/// How long a host rests that did not answer.
const REST: Duration = Duration::minutes(1);

/// The client of this id, as it is now. Switched-off clients are found too: the caller decides what to say.
///
/// # Errors
/// `invalid_request` where a document cannot be read, or says what it must not.
pub async fn find(house: &House, cx: &Context, id: &str) -> Result<Option<Arc<Client>>> {
    // Ids are printable; what else somebody sends names nobody, and some of it cannot even be looked up.
    if !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(None);
    }
    let Some(url) = document(id) else { return client::find(&house.db, id, cx.now).await };
    if !is_allowed(house, &url) {
        return Ok(None);
    }
    let known = client::read(&house.db, id).await?.map(Arc::new);
    if known.as_ref().is_some_and(|known| known.disabled_at.is_some()) {
        return Ok(known);
    }
    let times = client::document_times(&house.db, id).await?;
    let usable = |times: DocumentTimes| cx.now - times.fetched_at < STALE;
    let rests = |times: DocumentTimes| cx.now - times.fetched_at < FRESH || cx.now - times.tried_at < REST;
    if times.is_some_and(|times| usable(times) && rests(times)) {
        return Ok(known);
    }
    if !times.is_some_and(usable) {
        // Whoever makes addresses up must not have us ask for each of them.
        throttle::client_document(house, cx).await?;
    }
    match house.guarded.get(&url).await {
        Ok(body) => read(house, cx, id, &body).await.map(Arc::new).map(Some),
        Err(_) if times.is_some_and(usable) => {
            client::document_missed(&house.db, id, cx.now).await?;
            Ok(known)
        }
        Err(why) => Err(refused(format!("the document of the client could not be fetched: {why}"))),
    }
}

/// Whether the operator named the host.
fn is_allowed(house: &House, url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let place = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    house.settings.client_id_metadata_hosts.contains(&place)
}

fn refused(why: String) -> Error {
    Error::oauth("invalid_request", why)
}

/// Reads what was fetched, and keeps it.
async fn read(house: &House, cx: &Context, id: &str, body: &[u8]) -> Result<Client> {
    let bad = |why: &str| refused(format!("the document of the client {why}"));
    let sent: Map<String, Value> = serde_json::from_slice(body).map_err(|_| bad("is no JSON object"))?;
    let client = match accept(house, &checked(sent, id)?, Client::blank(id.to_owned(), None, Origin::Document)).await {
        Ok(client) => client,
        Err(Error::Invalid(flaws)) => return Err(bad(&format!("says: {}", registration::refusal(&flaws)))),
        Err(other) => return Err(other),
    };
    // Nobody vouches for it, so it speaks for people only, and by no secret that we would have had to give it.
    if !matches!(client.auth_method, AuthMethod::None | AuthMethod::PrivateKeyJwt) {
        return Err(bad("names an authentication method other than none and private_key_jwt"));
    }
    if client.may_use("client_credentials") {
        return Err(bad("asks for client_credentials"));
    }
    let client = Client { scopes: client.scopes.and(&Scopes::of(KNOWN)), ..client };
    let first = client::read(&house.db, id).await?.is_none();
    let mut tx = house.db.owner(None, None).await?;
    // It may have been switched off while its host took its time.
    if !first && !client::lock(&mut tx, id).await? {
        return Err(refused("the client was switched off".to_owned()));
    }
    client::save_owned(&mut tx, &client, cx.now).await?;
    client::document_fetched(&mut tx, id, cx.now).await?;
    if first {
        tx.commit(cx, Event::ClientRegistered { client: client.id.clone() }).await?;
    } else {
        tx.commit_unremarkable().await?;
    }
    Ok(client)
}

/// Section 4 of the draft: the document names its own address, and holds no secret.
fn checked(mut sent: Map<String, Value>, id: &str) -> Result<Map<String, Value>> {
    let bad = |why: &str| refused(format!("the document of the client {why}"));
    if sent.get("client_id").and_then(Value::as_str) != Some(id) {
        return Err(bad("does not name its own address as client_id"));
    }
    if sent.contains_key("client_secret") || sent.contains_key("client_secret_expires_at") {
        return Err(bad("holds a secret"));
    }
    sent.entry("token_endpoint_auth_method").or_insert_with(|| json!("none"));
    Ok(sent)
}
