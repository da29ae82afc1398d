//! The `Authorization` header of a client that proves itself with its secret.
#![no_main]

use countersign::domain::oidc::client_auth::secret;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    drop(secret::read_basic(header));
});
