//! What a client says of itself when it registers (RFC 7591).
#![no_main]

use countersign::model::client::{Profile, registration};
use countersign_fuzz::{client, object};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(sent) = object(data) else { return };
    for profile in Profile::ALL {
        if let Ok(read) = registration::read(&sent, client(profile)) {
            // What is shown of it can be registered again.
            let shown = registration::write(&read);
            assert!(registration::read(&shown, client(profile)).is_ok(), "{shown:?}");
            assert!(read.redirect_uris.iter().all(|uri| !uri.contains('#')));
        }
    }
});
