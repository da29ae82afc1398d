//! Whatever bytes a stranger sends, the parsers answer: they read it or refuse it, never panic, and hold to what they promise. Fuzz
//! targets in `tests/fuzz` try the same for longer.

use countersign::domain::oidc::authorize::{self, ReturnAddress, Source};
use countersign::domain::oidc::client_auth::assertion::{self, Here};
use countersign::domain::oidc::client_auth::secret;
use countersign::domain::oidc::request_object;
use countersign::model::authorization_details::AuthorizationDetails;
use countersign::model::client::{AuthMethod, Client, Profile, registration as metadata};
use countersign::model::params::Params;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::harness::app::{CALLBACK, CHALLENGE, registration};

const ISSUER: &str = "https://id.example";

fn client(profile: Profile) -> Client {
    let (mut client, _) = registration(AuthMethod::SecretBasic, None);
    client.profile = profile;
    client.metadata.response_types = ["code", "id_token", "code id_token"].map(str::to_owned).to_vec();
    client.metadata.authorization_details_types = vec!["call".to_owned()];
    client
}

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

/// Parameters that mean something, with values that may or may not.
fn parameters() -> impl Strategy<Value = Vec<(String, String)>> {
    let values = prop_oneof![
        Just("code".to_owned()),
        Just("code id_token".to_owned()),
        Just(CALLBACK.to_owned()),
        Just(CHALLENGE.to_owned()),
        Just("S256".to_owned()),
        Just("openid email".to_owned()),
        Just("none login".to_owned()),
        Just("query.jwt".to_owned()),
        Just("[{\"type\":\"call\"}]".to_owned()),
        Just("{\"id_token\":{\"acr\":{\"essential\":true,\"values\":[1,\"x\"]}}}".to_owned()),
        "-?[0-9]{1,25}",
        any::<String>(),
    ];
    prop::collection::vec((prop::sample::select(PARAMETERS).prop_map(str::to_owned), values), 0..20)
}

/// Any JSON that a claim could be.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!(ISSUER)),
        Just(json!(CALLBACK)),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((any::<String>(), inner), 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// A JSON object with some of these members.
fn object(names: &'static [&'static str]) -> impl Strategy<Value = Map<String, Value>> {
    let member = (prop::sample::select(names).prop_map(str::to_owned), json_value());
    prop::collection::vec(member, 0..16).prop_map(|members| members.into_iter().collect())
}

const PARAMETERS: &[&str] = &[
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "claims",
    "acr_values",
    "response_mode",
    "resource",
    "authorization_details",
    "dpop_jkt",
    "login_hint",
    "company",
    "registration",
];
const CLAIMS: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "claims",
    "max_age",
    "resource",
    "request",
    "state",
];
const METADATA: &[&str] = &[
    "redirect_uris",
    "client_name",
    "response_types",
    "grant_types",
    "jwks",
    "jwks_uri",
    "token_endpoint_auth_method",
    "subject_type",
    "sector_identifier_uri",
    "id_token_signed_response_alg",
    "id_token_encrypted_response_alg",
    "userinfo_signed_response_alg",
    "request_uris",
    "default_max_age",
    "contacts",
    "logo_uri",
    "scope",
    "application_type",
    "backchannel_logout_uri",
    "initiate_login_uri",
    "post_logout_redirect_uris",
    "default_acr_values",
    "tls_client_auth_subject_dn",
    "require_auth_time",
];

proptest! {
    #[test]
    fn any_bytes_are_parameters_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(params) = Params::read(&bytes) {
            prop_assert_eq!(Params::read(params.query().as_bytes()).unwrap(), params);
        }
    }

    #[test]
    fn any_request_is_good_or_refused(pairs in parameters()) {
        let params: Params = pairs.into_iter().collect();
        for profile in Profile::ALL {
            if let Ok(request) = authorize::read(&client(profile), &params, &Source::Browser) {
                prop_assert_eq!(request.to.redirect_uri(), CALLBACK);
                prop_assert!(profile != Profile::High);
            }
        }
    }

    #[test]
    fn no_redirect_uri_but_the_registered_one_becomes_an_address(uri in prop_oneof![
        any::<String>(),
        any::<String>().prop_map(|tail| format!("{CALLBACK}{tail}")),
        (0..CALLBACK.len()).prop_map(|end| CALLBACK[..end].to_owned()),
        Just(CALLBACK.to_uppercase()),
    ]) {
        let params: Params = [("redirect_uri".to_owned(), uri.clone())].into_iter().collect();
        prop_assert_eq!(ReturnAddress::matched(&client(Profile::Standard), &params).is_ok(), uri == CALLBACK);
    }

    #[test]
    fn any_object_is_a_request_or_refused(claims in object(CLAIMS)) {
        for profile in Profile::ALL {
            let client = client(profile);
            if let Ok(params) = request_object::read(&client, ISSUER, claims.clone(), now()) {
                prop_assert_eq!(params.get("client_id"), Some(client.id.as_str()));
                drop(authorize::read(&client, &params, &Source::Pushed { dpop_jkt: None }));
            }
        }
    }

    #[test]
    fn any_assertion_is_good_or_refused(claims in object(CLAIMS), text in any::<String>()) {
        drop(assertion::subject(&text));
        let here = Here { issuer: ISSUER, alias: None, path: "/oauth2/token" };
        for profile in Profile::ALL {
            if let Ok((jti, expires_at)) = assertion::read(&client(profile), here, &claims, now()) {
                prop_assert!(!jti.is_empty() && expires_at > now());
            }
        }
    }

    #[test]
    fn any_metadata_is_registered_or_refused(sent in object(METADATA)) {
        for profile in Profile::ALL {
            if let Ok(read) = metadata::read(&sent, client(profile)) {
                let shown = metadata::write(&read);
                prop_assert!(metadata::read(&shown, client(profile)).is_ok(), "{:?}", shown);
            }
        }
    }

    #[test]
    fn any_details_are_shown_or_refused(text in any::<String>(), value in json_value()) {
        let client = client(Profile::Standard);
        for text in [text, value.to_string(), json!([{ "type": "call", "more": value }]).to_string()] {
            if let Ok(Some(details)) = AuthorizationDetails::of(&client, Some(&text)) {
                prop_assert!(details.words().iter().all(|(kind, _)| kind == "call"));
            }
        }
    }

    #[test]
    fn any_header_holds_credentials_or_none(header in any::<String>(), tail in "[A-Za-z0-9+/=]{0,60}") {
        drop(secret::read_basic(&header));
        drop(secret::read_basic(&format!("Basic {tail}")));
    }
}
