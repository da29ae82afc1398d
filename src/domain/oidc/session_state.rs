//! Session Management 1.0: what an app's page can compare, without asking us, to see that the login of its browser changed.
//!
//! The browser state stands in a cookie that scripts of our own origin read. It is a keyed digest of the login's id: it changes
//! with the login and opens nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use url::Url;

use crate::domain::house::House;
use crate::domain::sealing::derive;
use crate::model::error::{Error, Result};
use crate::model::id::LoginId;
use crate::model::secret::random;
use crate::model::settings::Settings;

/// The key of browser states, derived once.
#[derive(Debug)]
pub struct StateKey(PKey<Private>);

impl StateKey {
    /// Derives it.
    ///
    /// # Errors
    /// OpenSSL refuses.
    pub fn new(settings: &Settings) -> Result<Self> {
        let keys = derive(settings, "browser state")?;
        let key = keys.first().ok_or_else(|| Error::fault("no key for the browser state"))?;
        Ok(Self(PKey::hmac(&key.key)?))
    }
}

/// The browser state of a login.
///
/// # Errors
/// OpenSSL refuses.
pub fn of_browser(house: &House, login: LoginId) -> Result<String> {
    let mut signer = Signer::new(MessageDigest::sha256(), &house.state_key.0)?;
    Ok(B64.encode(signer.sign_oneshot_to_vec(login.to_string().as_bytes())?))
}

/// Section 3.2: `session_state` of an answer to this redirect URI. `None` where it has no origin: an app's own scheme.
///
/// # Errors
/// OpenSSL refuses.
pub fn of_answer(house: &House, client_id: &str, redirect_uri: &str, login: LoginId) -> Result<Option<String>> {
    let Some(origin) = Url::parse(redirect_uri).ok().map(|url| url.origin()).filter(url::Origin::is_tuple) else {
        return Ok(None);
    };
    let (state, salt) = (of_browser(house, login)?, B64.encode(random::<16>()));
    let hashed = format!("{client_id} {} {state} {salt}", origin.ascii_serialization());
    Ok(Some(format!("{}.{salt}", B64.encode(openssl::sha::sha256(hashed.as_bytes())))))
}
