//! Client metadata, read and checked (RFC 7591, section 2; OpenID Connect Dynamic Client Registration 1.0, section 2; RFC 7592).
//! Whatever makes or changes a client reads it here: registration, the API, the pages, the command line. Nothing is fetched,
//! and no JSON makes it panic.

mod keys;
mod members;
mod reading;
mod rules;
mod uri;
mod write;

use serde_json::{Map, Value};

pub use keys::public_key;
pub use reading::is_plain;
pub use uri::{check_redirect, document, is_private_use, sector_host};
pub use write::write;

use super::Client;
use crate::model::error::{Error, Flaw};
use reading::Reading;

/// The grants that a client can register. `implicit` stands for an ID token from the authorization endpoint (RFC 7591, section
/// 2.1); an access token never comes from there.
pub const GRANT_TYPES: [&str; 4] = ["authorization_code", "refresh_token", "client_credentials", "implicit"];
/// The response types that a client can register.
pub const RESPONSE_TYPES: [&str; 3] = ["code", "id_token", "code id_token"];

/// Reads what was sent over a client of which the id, the owner, the profile and the secrets stand already. Members that are
/// left out or null get their default, unknown ones are ignored.
///
/// # Errors
/// Every flaw at once.
pub fn read(sent: &Map<String, Value>, blank: Client) -> Result<Client, Vec<Flaw>> {
    let mut reading = Reading::new(sent);
    let mut client = blank;
    members::identity(&mut reading, &mut client);
    members::requests(&mut reading, &mut client);
    members::authentication(&mut reading, &mut client);
    members::tokens(&mut reading, &mut client);
    members::logout(&mut reading, &mut client);
    rules::check(&mut reading, &mut client);
    reading.finish(client)
}

/// The flaws as a client reads them (RFC 7591, section 3.2.2): the first decides the code.
pub fn refusal(flaws: &[Flaw]) -> Error {
    let uris = flaws.first().is_some_and(|flaw| flaw.field == "redirect_uris");
    let code = if uris { "invalid_redirect_uri" } else { "invalid_client_metadata" };
    let said: Vec<String> = flaws.iter().map(|flaw| format!("{} {}", flaw.field, flaw.message)).collect();
    Error::oauth(code, said.join("; "))
}

#[cfg(test)]
mod tests;
