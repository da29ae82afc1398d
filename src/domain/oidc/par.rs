//! Pushed authorization requests (RFC 9126): the client brings the request itself, proves who it is, and gets a reference for the
//! browser. What is pushed passes the same checks as what comes through the browser.

use serde::{Deserialize, Serialize};
use time::Duration;

use super::authorize::{self, Source};
use super::request_object;
use crate::domain::house::House;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::params::Params;
use crate::model::secret::Secret;
use crate::storage::pushed_request;

/// What a reference begins with (section 2.2).
pub const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// How long the browser may take to bring the reference. FAPI 2.0 asks for less than 600 seconds.
pub const LIVES: Duration = Duration::seconds(90);

/// How the client proved who it is stands in the same form, and is not kept.
const PROOFS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// A request as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    params: Vec<(String, String)>,
    dpop_jkt: Option<String>,
}

/// Checks and keeps a request of this client. `dpop_jkt` is the key of the proof that came along (RFC 9449, section 10.1).
/// Answers the reference.
///
/// # Errors
/// Whatever the authorization endpoint would refuse; `invalid_request` for a reference inside (section 2.1).
pub async fn push(
    house: &House,
    cx: &Context,
    client: &Client,
    (params, dpop_jkt): (&Params, Option<String>),
) -> Result<String> {
    if params.get("request_uri").is_some() {
        return Err(Error::oauth("invalid_request", "a request_uri cannot be pushed"));
    }
    let params = request_object::resolve(house, cx, client, params).await?;
    // The client proved who it is, so it need not name itself again.
    let params = [("client_id".to_owned(), client.id.clone())].into_iter().collect::<Params>().over(&params);
    let source = Source::Pushed { dpop_jkt: dpop_jkt.clone() };
    authorize::demands(house, cx, client, (&params, &source)).await?;
    let secret = Secret::generate();
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let params = params.pairs().filter(|(name, _)| !PROOFS.contains(name)).map(owned).collect();
    let kept = serde_json::to_value(Kept { params, dpop_jkt })?;
    let times = (cx.now, cx.now + LIVES);
    pushed_request::insert(&house.db, &secret.digest(), (&client.id, &kept), times).await?;
    Ok(format!("{PREFIX}{}", secret.reveal()))
}

/// The request behind a reference that this client got (section 4).
///
/// # Errors
/// `invalid_request_uri`, for a page: it has expired, was used, or is another client's.
pub async fn find(house: &House, cx: &Context, client: &Client, reference: &str) -> Result<(Params, Source)> {
    let unknown = || Error::oauth("invalid_request_uri", "the request_uri is unknown, was used, or is too old");
    let secret = Secret::received(reference.strip_prefix(PREFIX).ok_or_else(unknown)?);
    let kept = pushed_request::find(&house.db, &secret.digest(), &client.id, cx.now).await?.ok_or_else(unknown)?;
    let kept: Kept = serde_json::from_value(kept)?;
    Ok((kept.params.into_iter().collect(), Source::Pushed { dpop_jkt: kept.dpop_jkt }))
}

/// Uses a reference up, with the answer that it led to.
///
/// # Errors
/// `invalid_request_uri`: it led to an answer already.
pub async fn take(house: &House, cx: &Context, reference: &str) -> Result<()> {
    let secret = Secret::received(reference.strip_prefix(PREFIX).unwrap_or_default());
    if pushed_request::take(&house.db, &secret.digest(), cx.now).await? {
        Ok(())
    } else {
        Err(Error::oauth("invalid_request_uri", "the request_uri was used already"))
    }
}
