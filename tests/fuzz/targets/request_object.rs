//! The claims of a request object whose signature was good: the client itself may be hostile.
#![no_main]

use countersign::domain::oidc::authorize::{self, Source};
use countersign::domain::oidc::request_object;
use countersign::model::client::Profile;
use countersign_fuzz::{ISSUER, client, now, object};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(claims) = object(data) else { return };
    for profile in Profile::ALL {
        let client = client(profile);
        if let Ok(params) = request_object::read(&client, ISSUER, claims.clone(), now()) {
            assert_eq!(params.get("client_id"), Some(client.id.as_str()));
            drop(authorize::read(&client, &params, &Source::Pushed { dpop_jkt: None }));
        }
    }
});
