//! What every way to register a client shares: the metadata is read by one reader, a sector is fetched and compared, and a
//! secret is made where the method needs one.

pub mod dynamic;
pub mod token;

use serde_json::{Map, Value};
use url::Url;

use crate::domain::house::House;
use crate::domain::oidc::client_auth;
use crate::domain::oidc::client_auth::assertion::sealed_place;
use crate::model::client::registration;
use crate::model::client::{AuthMethod, Client};
use crate::model::error::{Error, Flaw, Result};
use crate::model::secret::Secret;

/// Reads metadata over a client of which the id, the owner, the profile and the secrets stand already.
///
/// # Errors
/// `Invalid` with every flaw at once.
pub async fn accept(house: &House, sent: &Map<String, Value>, blank: Client) -> Result<Client> {
    let client = registration::read(sent, blank).map_err(Error::Invalid)?;
    if !client_auth::supported(&house.settings).any(|method| method == client.auth_method) {
        return Err(Error::invalid("token_endpoint_auth_method", "is not served here: no certificates are asked for"));
    }
    match sector(house, &client).await {
        Ok(()) => Ok(client),
        Err(message) => Err(Error::Invalid(vec![Flaw { field: "sector_identifier_uri", message: message.into() }])),
    }
}

/// OpenID Connect Dynamic Client Registration 1.0, section 5: what stands there must hold every redirect URI.
async fn sector(house: &House, client: &Client) -> Result<(), String> {
    let Some(uri) = &client.metadata.sector_identifier_uri else { return Ok(()) };
    let url = Url::parse(uri).map_err(|_| "must be https".to_owned())?;
    let body = house.guarded.get(&url).await.map_err(|why| format!("could not be fetched: {why}"))?;
    let listed: Vec<String> =
        serde_json::from_slice(&body).map_err(|_| "must lead to a JSON array of redirect URIs".to_owned())?;
    match client.redirect_uris.iter().find(|uri| !listed.contains(uri)) {
        Some(missing) => Err(format!("leads to a list without {missing}")),
        None => Ok(()),
    }
}

/// What becomes of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretWish {
    /// One that serves stays.
    Keep,
    /// A new one; the old is void.
    Renew,
}

/// Sees to it that the client has a secret where its method needs one, and none elsewhere. What is new is answered, to be shown
/// once. `client_secret_jwt` needs the secret itself: it is sealed for this client.
pub fn provide_secret(house: &House, client: &mut Client, wish: SecretWish) -> Result<Option<Secret>> {
    let sealed = client.auth_method == AuthMethod::SecretJwt;
    if !client.has_secret() {
        (client.secret_digest, client.secret_sealed) = (None, None);
        return Ok(None);
    }
    if wish == SecretWish::Keep && client.secret_digest.is_some() && (client.secret_sealed.is_some() || !sealed) {
        client.secret_sealed = client.secret_sealed.take().filter(|_| sealed);
        return Ok(None);
    }
    let secret = if sealed { Secret::generate_key() } else { Secret::generate() };
    let place = sealed_place(&client.id);
    client.secret_digest = Some(secret.digest());
    client.secret_sealed = if sealed { Some(house.sealer.seal(&place, secret.reveal().as_bytes())?) } else { None };
    Ok(Some(secret))
}
