//! The claims of a client's assertion whose signature was good, and the name in one that nobody has verified yet.
#![no_main]

use countersign::domain::oidc::client_auth::assertion::{self, Here};
use countersign::model::client::Profile;
use countersign_fuzz::{ISSUER, client, now, object};
use libfuzzer_sys::fuzz_target;

const HERE: Here = Here { issuer: ISSUER, alias: Some("https://mtls.id.example"), path: "/oauth2/par" };

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        drop(assertion::subject(text));
    }
    let Some(claims) = object(data) else { return };
    for profile in Profile::ALL {
        if let Ok((jti, expires_at)) = assertion::read(&client(profile), HERE, &claims, now()) {
            assert!(!jti.is_empty() && expires_at > now());
        }
    }
});
