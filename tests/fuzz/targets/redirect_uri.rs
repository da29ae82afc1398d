//! Where an answer goes: to the registered redirect URI, character by character, and nowhere else.
#![no_main]

use countersign::domain::oidc::authorize::ReturnAddress;
use countersign::model::client::Profile;
use countersign::model::params::Params;
use countersign_fuzz::{CALLBACK, client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|sent: (String, String, String)| {
    let (redirect_uri, state, response_mode) = sent;
    let pairs = [("redirect_uri", redirect_uri.clone()), ("state", state), ("response_mode", response_mode)];
    let params: Params = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if ReturnAddress::matched(&client(Profile::Standard), &params).is_ok() {
        assert_eq!(redirect_uri, CALLBACK);
    }
});
