//! The `claims` parameter, inside an otherwise good request.
#![no_main]

use countersign::domain::oidc::authorize::{self, Source};
use countersign::model::client::Profile;
use countersign::model::params::Params;
use countersign_fuzz::{CALLBACK, client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|claims: String| {
    let pairs = [("response_type", "code"), ("redirect_uri", CALLBACK), ("claims", &claims)];
    let params: Params = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    if let Ok(request) = authorize::read(&client(Profile::Standard), &params, &Source::Browser) {
        assert!(request.claims.is_none_or(|claims| claims.is_object()));
    }
});
