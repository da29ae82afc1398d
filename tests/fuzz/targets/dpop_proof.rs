//! A DPoP proof.
#![no_main]

use std::sync::OnceLock;

use countersign::domain::oidc::dpop::nonce::Nonces;
use countersign::domain::oidc::dpop::proof::{self, Expected};
use countersign::model::settings::{Mode, Settings};
use countersign_fuzz::{ISSUER, now};
use libfuzzer_sys::fuzz_target;

static NONCES: OnceLock<Nonces> = OnceLock::new();

fuzz_target!(|text: &str| {
    let nonces = NONCES.get_or_init(|| Nonces::new(&Settings::read(&Default::default(), Mode::Dev).unwrap()).unwrap());
    let urls = [format!("{ISSUER}/oauth2/token")];
    for access_token in [None, Some("token")] {
        drop(proof::read(text, &Expected { method: "POST", urls: &urls, access_token, nonces, now: now() }));
    }
});
