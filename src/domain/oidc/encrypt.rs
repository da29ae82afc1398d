//! Encrypts what is meant for one client only (RFC 7516): ID tokens and userinfo. The content is always A256GCM. Where the
//! client has no key that suits, nothing is sent: never the plain text in its place.

use josekit::jwe::{self, ECDH_ES, JweEncrypter, JweHeader, RSA_OAEP_256};
use josekit::jwk::Jwk;
use serde_json::{Map, Value};

use super::client_keys;
use crate::domain::house::House;
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::jose::KeyManagement;

/// A signed JWT, encrypted to a client: a nested JWT (RFC 7519, section 5.2).
///
/// # Errors
/// `invalid_request` where the client has no key that suits.
pub async fn to_client(
    house: &House,
    cx: &Context,
    client: &Client,
    management: KeyManagement,
    jwt: &str,
) -> Result<String> {
    let key = key(house, cx, client, management).await?;
    seal(&key, management, (jwt.as_bytes(), Some("JWT")))
}

/// Claims that nobody signed, encrypted to a client.
///
/// # Errors
/// As [`to_client`].
pub async fn claims_to_client(
    house: &House,
    cx: &Context,
    client: &Client,
    management: KeyManagement,
    claims: &Map<String, Value>,
) -> Result<String> {
    let key = key(house, cx, client, management).await?;
    seal(&key, management, (&serde_json::to_vec(claims)?, None))
}

async fn key(house: &House, cx: &Context, client: &Client, management: KeyManagement) -> Result<Jwk> {
    client_keys::encryption_key(house, cx, client, management).await?.ok_or_else(no_key)
}

fn no_key() -> Error {
    Error::oauth(
        "invalid_request",
        "the client wants this answer encrypted, but has no key for it that can be found or used",
    )
}

fn seal(key: &Jwk, management: KeyManagement, (plain, kind): (&[u8], Option<&str>)) -> Result<String> {
    let mut header = JweHeader::new();
    header.set_content_encryption(KeyManagement::CONTENT);
    header.set_token_type("JWT");
    if let Some(kind) = kind {
        header.set_content_type(kind);
    }
    if let Some(id) = key.key_id() {
        header.set_key_id(id);
    }
    // Whether the key may be used so was decided when it was chosen, more generously than josekit would.
    let mut bare = Map::new();
    bare.extend(
        ["kty", "n", "e", "crv", "x", "y"]
            .into_iter()
            .filter_map(|name| key.parameter(name).map(|value| (name.to_owned(), value.clone()))),
    );
    let bare = Jwk::from_map(bare).map_err(Error::fault)?;
    // A key that cannot be read is no key.
    let encrypter: Box<dyn JweEncrypter> = match management {
        KeyManagement::RsaOaep256 => Box::new(RSA_OAEP_256.encrypter_from_jwk(&bare).map_err(|_| no_key())?),
        KeyManagement::EcdhEs => Box::new(ECDH_ES.encrypter_from_jwk(&bare).map_err(|_| no_key())?),
    };
    jwe::serialize_compact(plain, &header, encrypter.as_ref()).map_err(Error::fault)
}
