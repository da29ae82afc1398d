//! The metadata and the keys: what strangers configure themselves from.

use std::collections::BTreeSet;

use countersign::domain::keys;
use serde_json::Value;

use crate::harness::Provider;
use crate::harness::app::answer;

async fn document(provider: &Provider) -> Value {
    let url = provider.url("/.well-known/openid-configuration");
    let (status, json) = answer(provider.stranger().get(url).send().await.unwrap()).await;
    assert_eq!(status, 200);
    json
}

fn words<'a>(document: &'a Value, name: &str) -> BTreeSet<&'a str> {
    let list = document[name].as_array().unwrap_or_else(|| panic!("{name} is no list"));
    list.iter().map(|word| word.as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_metadata_is_json_and_its_issuer_is_where_it_was_found() {
    let provider = Provider::start().await;
    // Behaviours 1 and 2.
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        let response = provider.stranger().get(provider.url(path)).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        let (_, json) = answer(response).await;
        assert_eq!(json["issuer"], provider.base);
    }
}

#[tokio::test]
async fn every_endpoint_stands_below_the_issuer_and_with_https_all_are_https() {
    let provider =
        Provider::start_with(&[("ISSUER", "https://id.example"), ("SECRET_KEY", &"0123456789abcdef".repeat(4))]).await;
    let document = document(&provider).await;
    assert_eq!(document["issuer"], "https://id.example");
    // Behaviour 3.
    let endpoints: Vec<_> = document
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
        .collect();
    assert!(endpoints.len() >= 7);
    for (name, url) in endpoints {
        assert!(url.as_str().unwrap().starts_with("https://id.example/oauth2/"), "{name} is {url}");
    }
}

#[tokio::test]
async fn every_endpoint_of_the_metadata_is_there() {
    let provider = Provider::start().await;
    let document = document(&provider).await;
    for (name, url) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            let response = provider.stranger().get(url.as_str().unwrap()).send().await.unwrap();
            assert_ne!(response.status(), 404, "{name}");
        }
    }
}

#[tokio::test]
async fn the_metadata_lists_what_works() {
    let provider = Provider::start().await;
    let document = document(&provider).await;
    // Behaviours 4, 5, 8 and 45.
    assert_eq!(words(&document, "response_types_supported"), ["code", "code id_token", "id_token"].into());
    assert_eq!(
        words(&document, "response_modes_supported"),
        ["form_post", "form_post.jwt", "fragment", "fragment.jwt", "jwt", "query", "query.jwt"].into()
    );
    assert_eq!(
        words(&document, "grant_types_supported"),
        ["authorization_code", "client_credentials", "implicit", "refresh_token"].into()
    );
    let signing = ["EdDSA", "ES256", "PS256", "RS256"];
    for what in ["id_token", "request_object", "authorization"] {
        assert_eq!(words(&document, &format!("{what}_signing_alg_values_supported")), signing.into());
    }
    assert_eq!(words(&document, "subject_types_supported"), ["pairwise", "public"].into());
    assert_eq!(words(&document, "code_challenge_methods_supported"), ["S256"].into());
    let proving = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"];
    for endpoint in ["token", "introspection", "revocation"] {
        let mut methods: BTreeSet<&str> = proving.into();
        if endpoint != "introspection" {
            methods.insert("none");
        }
        assert_eq!(words(&document, &format!("{endpoint}_endpoint_auth_methods_supported")), methods);
        assert_eq!(
            words(&document, &format!("{endpoint}_endpoint_auth_signing_alg_values_supported")),
            ["RS256", "PS256", "ES256", "EdDSA", "HS256", "HS384", "HS512"].into()
        );
    }
    let standard = ["openid", "profile", "email", "phone", "address", "offline_access"];
    assert!(words(&document, "scopes_supported").is_superset(&standard.into()));
    assert!(words(&document, "claims_supported").is_superset(&["sub", "name", "email", "company_id", "roles"].into()));
}

#[tokio::test]
async fn the_metadata_leaves_nothing_to_defaults() {
    let provider = Provider::start().await;
    let document = document(&provider).await;
    // Behaviour 7: real booleans, and the default of request_uri would be true.
    assert_eq!(document["request_parameter_supported"], true);
    assert_eq!(document["request_uri_parameter_supported"], true);
    assert_eq!(document["require_request_uri_registration"], true);
    assert_eq!(document["claims_parameter_supported"], true);
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn every_member_of_the_metadata_has_the_type_that_rfc_8414_gives_it() {
    let provider = Provider::start().await;
    let document = document(&provider).await;
    // Behaviour 6.
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_values_supported") || name.ends_with("s_supported") || name.ends_with("_modes_supported") {
            assert!(!words(&document, name).is_empty(), "{name} is empty");
        } else if name.ends_with("_supported") || name.starts_with("require_") || name.ends_with("_tokens") {
            assert!(value.is_boolean(), "{name} is {value}");
        } else {
            assert!(value.as_str().is_some_and(|text| url::Url::parse(text).is_ok()), "{name} is {value}");
        }
    }
}

#[tokio::test]
async fn every_key_has_a_name_of_its_own_and_nothing_private() {
    let provider = Provider::start().await;
    let (status, jwks) = answer(provider.stranger().get(provider.url("/oauth2/jwks")).send().await.unwrap()).await;
    assert_eq!(status, 200);
    // Behaviour 9.
    let keys = jwks["keys"].as_array().unwrap();
    let names: BTreeSet<&str> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!(names.len(), keys.len());
    for key in keys {
        let suits = match key["alg"].as_str().unwrap() {
            "RS256" | "PS256" => key["kty"] == "RSA",
            "ES256" => key["kty"] == "EC" && key["crv"] == "P-256",
            "EdDSA" => key["kty"] == "OKP" && key["crv"] == "Ed25519",
            _ => false,
        };
        assert!(suits && key["use"] == "sig", "{key}");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
        let good = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let numbers = ["n", "e", "x", "y"].iter().filter_map(|name| key.get(name)?.as_str());
        assert!(numbers.count() >= 1 && !names.contains(""));
        assert!(["n", "e", "x", "y"].iter().filter_map(|name| key.get(name)?.as_str()).all(good));
    }
}

#[tokio::test]
async fn a_rotation_adds_a_key_and_keeps_the_old_ones() {
    let provider = Provider::start().await;
    let jwks = || async { answer(provider.stranger().get(provider.url("/oauth2/jwks")).send().await.unwrap()).await.1 };
    let before = jwks().await;
    keys::rotate(&provider.house, &provider.house.job("test")).await.unwrap();
    let after = jwks().await;
    // Behaviour 10.
    let material = |jwks: &Value| -> BTreeSet<String> {
        let keys = jwks["keys"].as_array().unwrap().iter();
        keys.map(|key| key.get("n").or_else(|| key.get("x")).unwrap().to_string()).collect()
    };
    assert!(material(&after).is_superset(&material(&before)));
    assert_eq!(material(&after).len(), material(&before).len() + 4);
}

#[tokio::test]
async fn caches_may_keep_the_metadata_and_the_keys_for_a_while() {
    let provider = Provider::start().await;
    for path in ["/.well-known/openid-configuration", "/oauth2/jwks"] {
        let response = provider.stranger().get(provider.url(path)).send().await.unwrap();
        assert_eq!(response.headers()["cache-control"], "public, max-age=300");
    }
}

#[tokio::test]
async fn every_way_of_logging_out_is_announced() {
    let provider = Provider::start().await;
    let document = document(&provider).await;
    // Behaviours 72 and 73.
    for way in ["backchannel_logout", "frontchannel_logout"] {
        for name in [format!("{way}_supported"), format!("{way}_session_supported")] {
            assert_eq!(document[&name], true, "{name}");
        }
    }
    // Behaviour 74.
    assert_eq!(document["check_session_iframe"], provider.url("/oauth2/check-session"));
}
