//! An authorization request as it comes in a query or a form.
#![no_main]

use countersign::domain::oidc::authorize::{self, Source};
use countersign::model::client::Profile;
use countersign::model::params::Params;
use countersign_fuzz::{CALLBACK, client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(params) = Params::read(data) else { return };
    // What was read is written and read again alike.
    assert_eq!(Params::read(params.query().as_bytes()).unwrap(), params);
    for profile in Profile::ALL {
        for source in [Source::Browser, Source::Pushed { dpop_jkt: None }] {
            if let Ok(request) = authorize::read(&client(profile), &params, &source) {
                assert_eq!(request.to.redirect_uri(), CALLBACK);
                assert!(profile != Profile::High || source != Source::Browser);
                assert!(profile != Profile::High || request.code_challenge.is_some());
            }
        }
    }
});
