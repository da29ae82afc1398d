//! The `authorization_details` parameter, and the words that people read of it.
#![no_main]

use countersign::model::authorization_details::AuthorizationDetails;
use countersign::model::client::Profile;
use countersign_fuzz::client;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(Some(details)) = AuthorizationDetails::of(&client(Profile::Standard), Some(text)) {
        assert!(details.words().iter().all(|(kind, _)| kind == "call"));
    }
});
