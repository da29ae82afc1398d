//! What a client knows a person by (OpenID Connect Core, section 8): the account's id, or a name of its sector's own.

use std::collections::BTreeSet;

use url::Url;

use crate::domain::house::House;
use crate::model::client::registration::sector_host;
use crate::model::client::{Client, SubjectType};
use crate::model::error::Result;
use crate::model::id::AccountId;
use crate::model::secret::Secret;
use crate::storage::pairwise_subject;

/// Section 8.1: the host of the sector identifier, or of the one host that all redirect URIs share. `None` for a client whose
/// subjects are public.
pub fn sector(client: &Client) -> Option<String> {
    if client.metadata.subject_type == SubjectType::Public {
        return None;
    }
    let host = if let Some(uri) = &client.metadata.sector_identifier_uri {
        Url::parse(uri).ok().and_then(|url| url.host_str().map(str::to_owned))
    } else {
        let hosts: BTreeSet<Option<String>> = client.redirect_uris.iter().map(|uri| sector_host(uri)).collect();
        hosts.into_iter().reduce(|_, _| None).flatten()
    };
    // Without a host (an app's own scheme, or a person's own machine) the client is a sector of its own.
    Some(host.unwrap_or_else(|| client.id.clone()))
}

/// What this client's tokens say of the person, where that is not the account's id.
pub async fn of(house: &House, client: &Client, person: AccountId) -> Result<Option<String>> {
    let Some(sector) = sector(client) else { return Ok(None) };
    let fresh = format!("ppid_{}", Secret::generate().reveal());
    pairwise_subject::of(&house.db, person, &sector, &fresh).await.map(Some)
}

/// Whom this client means by a `sub`.
pub async fn account(house: &House, client: &Client, sub: &str) -> Result<Option<AccountId>> {
    match sector(client) {
        Some(sector) => pairwise_subject::find(&house.db, sub, &sector).await,
        None => Ok(sub.parse().ok()),
    }
}
