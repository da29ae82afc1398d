//! Front-Channel Logout 1.0: where a browser that signs out must look in, so that the apps in it end their sessions too.

use url::Url;

use crate::domain::house::House;
use crate::domain::person::sign_out;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::id::{AccountId, LoginId};
use crate::storage::{client, login_client};

/// Ends a login, and answers the addresses that the browser must open. A login that had ended already is no error.
pub async fn farewell(house: &House, cx: &Context, person: AccountId, login: LoginId) -> Result<Vec<Url>> {
    let mut tx = house.db.account(person).await?;
    let clients = login_client::of_login(&mut tx, login).await?;
    tx.commit_unremarkable().await?;
    match sign_out::end(house, cx, person, login).await {
        Ok(()) | Err(Error::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    let mut visits = Vec::new();
    for id in clients {
        let found = client::find(&house.db, &id, cx.now).await?.filter(|client| client.disabled_at.is_none());
        visits.extend(found.and_then(|client| visit(house, &client, login)));
    }
    Ok(visits)
}

/// Section 2: `iss` and `sid` are sent whether the client needs them or not.
fn visit(house: &House, client: &Client, login: LoginId) -> Option<Url> {
    let mut url = Url::parse(client.metadata.frontchannel_logout_uri.as_deref()?).ok()?;
    // Nothing of another scheme may run in a page of ours.
    if !matches!(url.scheme(), "https" | "http") {
        return None;
    }
    url.query_pairs_mut().append_pair("iss", &house.settings.issuer).append_pair("sid", &login.to_string());
    Some(url)
}
