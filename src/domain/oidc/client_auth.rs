//! Client authentication at the token endpoint and its neighbours (RFC 6749, section 2.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::domain::house::House;
use crate::model::client::Client;
use crate::model::error::{Error, Result};
use crate::model::params::{Params, decode};
use crate::model::secret::Secret;
use crate::storage::client;

/// What a client sent to prove who it is.
#[derive(Debug)]
enum Proof {
    Secret(Secret),
    /// A public client only names itself.
    None,
}

fn refused(why: &'static str) -> Error {
    Error::oauth("invalid_client", why)
}

/// The client behind a request. `basic` is the `Authorization` header's value, where there is one.
///
/// # Errors
/// `invalid_client`; `invalid_request` where it proves itself in two ways at once.
pub async fn authenticate(house: &House, basic: Option<&str>, params: &Params) -> Result<Client> {
    let (id, proof) = sent(basic, params)?;
    let found = client::find(&house.db, &id).await?;
    let client =
        found.filter(|client| client.disabled_at.is_none()).ok_or_else(|| refused("the client is not known"))?;
    match proof {
        Proof::Secret(secret) if client.accepts(&secret) => Ok(client),
        Proof::None if client.is_public() => Ok(client),
        _ => Err(refused("the client did not prove who it is")),
    }
}

fn sent(basic: Option<&str>, params: &Params) -> Result<(String, Proof)> {
    let secret = params.get("client_secret").map(Secret::received);
    let id = params.get("client_id");
    let Some(header) = basic else {
        let id = id.ok_or_else(|| refused("no client names itself"))?.to_owned();
        return Ok((id, secret.map_or(Proof::None, Proof::Secret)));
    };
    if secret.is_some() {
        return Err(Error::oauth("invalid_request", "the client proves itself in two ways at once"));
    }
    let (name, secret) = read_basic(header).ok_or_else(|| refused("the Authorization header cannot be read"))?;
    if id.is_some_and(|id| id != name) {
        return Err(Error::oauth("invalid_request", "client_id names another client than the Authorization header"));
    }
    Ok((name, Proof::Secret(secret)))
}

/// RFC 6749, section 2.3.1: both halves are form-encoded inside the Basic scheme.
fn read_basic(header: &str) -> Option<(String, Secret)> {
    let (scheme, value) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decode(id.as_bytes())?, Secret::received(decode(secret.as_bytes())?)))
}
