//! `client_secret_basic`: a secret in the `Authorization` header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::params::decode;
use crate::model::secret::Secret;

/// RFC 6749, section 2.3.1: both halves are form-encoded inside the Basic scheme.
pub fn read_basic(header: &str) -> Option<(String, Secret)> {
    let (scheme, value) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decode(id.as_bytes())?, Secret::received(decode(secret.as_bytes())?)))
}
