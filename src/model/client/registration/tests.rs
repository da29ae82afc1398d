//! What is accepted and what is not, and that no JSON makes the reader panic.
#![expect(clippy::needless_pass_by_value, reason = "tests write their JSON in place")]

use serde_json::{Map, Value, json};

use super::{check_redirect, document, read, refusal, write};
use crate::model::client::{ApplicationType, AuthMethod, Client, Origin, Profile};
use crate::model::error::Flaw;
use crate::model::jose::SigningAlgorithm;

fn blank(profile: Profile) -> Client {
    Client { profile, ..Client::blank("cli_x".to_owned(), None, Origin::Dynamic) }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// Good metadata with these members besides.
fn with(more: Value) -> Map<String, Value> {
    let mut sent = object(json!({ "redirect_uris": ["https://app.example/callback"] }));
    sent.extend(object(more));
    sent
}

fn accepted(more: Value) -> Client {
    read(&with(more.clone()), blank(Profile::Standard)).unwrap_or_else(|flaws| panic!("{more}: {flaws:?}"))
}

fn refused(more: Value, field: &str) {
    let flaws: Vec<Flaw> = read(&with(more.clone()), blank(Profile::Standard)).err().unwrap_or_default();
    let fields: Vec<&str> = flaws.iter().map(|flaw| flaw.field).collect();
    assert_eq!(fields.first(), Some(&field), "{more}: {fields:?}");
}

fn public_key() -> Value {
    json!({ "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0", "kid": "one", "use": "sig" })
}

#[test]
fn what_is_left_out_has_its_registered_default() {
    let client = accepted(json!({ "client_uri": null, "something_else": { "a": 1 } }));
    assert_eq!(client.name, "cli_x");
    assert_eq!(client.auth_method, AuthMethod::SecretBasic);
    assert_eq!(client.grant_types, ["authorization_code"]);
    assert_eq!(client.metadata.id_token_signed_response_alg, SigningAlgorithm::Rs256);
    let shown = write(&client);
    assert_eq!(shown["response_types"], json!(["code"]));
    assert_eq!(shown["application_type"], "web");
    assert_eq!(shown["subject_type"], "public");
    assert!(!shown.contains_key("something_else") && !shown.contains_key("jwks"));
}

#[test]
fn what_is_written_reads_back_as_the_same_client() {
    let everything = json!({
        "client_name": "Voice Desk", "client_uri": "https://app.example", "logo_uri": "https://app.example/logo.png",
        "policy_uri": "https://app.example/policy", "tos_uri": "https://app.example/tos", "contacts": ["ops@app.example"],
        "grant_types": ["authorization_code", "implicit", "refresh_token"], "response_types": ["code", "id_token code"],
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256",
        "jwks": { "keys": [public_key()] }, "scope": "email openid", "subject_type": "pairwise",
        "id_token_encrypted_response_alg": "ECDH-ES", "id_token_encrypted_response_enc": "A256GCM",
        "userinfo_signed_response_alg": "PS256", "request_uris": ["https://app.example/request#hash"],
        "initiate_login_uri": "https://app.example/start", "default_max_age": 60, "require_auth_time": true,
        "backchannel_logout_uri": "https://app.example/out", "frontchannel_logout_uri": "https://app.example/out",
        "post_logout_redirect_uris": ["https://app.example/bye"], "dpop_bound_access_tokens": true,
        "software_id": "desk", "software_version": "2"
    });
    let client = accepted(everything.clone());
    let shown = write(&client);
    for (name, value) in everything.as_object().unwrap() {
        let expected = if name == "response_types" { &json!(["code", "code id_token"]) } else { value };
        assert_eq!(&shown[name], expected, "{name}");
    }
    let again = read(&shown, blank(Profile::Standard)).unwrap();
    assert_eq!(write(&again), shown);
    assert_eq!(again.metadata, client.metadata);
}

#[test]
fn redirect_uris_are_absolute_without_fragment_and_never_a_script() {
    for good in [
        "https://app.example/callback?tenant=1",
        "http://localhost:9090/callback",
        "http://127.0.0.1/",
        "http://[::1]:80/x",
    ] {
        assert_eq!(check_redirect(good, ApplicationType::Web), Ok(()), "{good}");
    }
    for bad in [
        "https://app.example/#",
        "https://app.example/#x",
        "http://app.example/",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "/callback",
        "callback",
        "",
        "https:app.example/callback",
        "https:///app.example/callback",
        "https://",
        "https://app.example\\@evil.example/",
        "https://user@app.example/",
        "https://:pw@app.example/",
        " https://app.example/",
        "https://app.example/\n",
        "https://app.example/ü",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "com.example.app:/callback",
        "urn:ietf:wg:oauth:2.0:oob",
    ] {
        assert!(check_redirect(bad, ApplicationType::Web).is_err(), "{bad}");
    }
    for (uri, good) in [
        ("com.example.app:/callback", true),
        ("http://127.0.0.1:51234/callback", true),
        ("https://app.example/callback", true),
        ("app:/callback", false),
        ("javascript:alert(1.0)", false),
        ("data:text/html,x.y", false),
        ("com.example.app:/callback#x", false),
        ("http://app.example/", false),
    ] {
        assert_eq!(check_redirect(uri, ApplicationType::Native).is_ok(), good, "{uri}");
    }
    refused(json!({ "redirect_uris": [] }), "redirect_uris");
    refused(json!({ "redirect_uris": "https://app.example" }), "redirect_uris");
    refused(json!({ "redirect_uris": [format!("https://app.example/{}", "x".repeat(3000))] }), "redirect_uris");
    let many: Vec<String> = (0..51).map(|n| format!("https://app.example/{n}")).collect();
    refused(json!({ "redirect_uris": many }), "redirect_uris");
}

#[test]
fn each_member_is_held_to_its_rule() {
    for (more, field) in [
        (json!({ "client_name": "x".repeat(121) }), "client_name"),
        (json!({ "client_name": "Bank\u{202e}knab" }), "client_name"),
        (json!({ "client_name": ["x"] }), "client_name"),
        (json!({ "logo_uri": "http://app.example/logo.png" }), "logo_uri"),
        (json!({ "logo_uri": "data:image/png;base64,AA" }), "logo_uri"),
        (json!({ "policy_uri": "javascript:alert(1)" }), "policy_uri"),
        (json!({ "tos_uri": "http://localhost/tos" }), "tos_uri"),
        (json!({ "initiate_login_uri": "http://app.example/start" }), "initiate_login_uri"),
        (json!({ "response_types": ["token"] }), "response_types"),
        (json!({ "response_types": ["code token"] }), "response_types"),
        (json!({ "response_types": ["code id_token token"] }), "response_types"),
        (json!({ "response_types": ["none"] }), "response_types"),
        (json!({ "response_types": ["id_token"], "grant_types": ["authorization_code"] }), "grant_types"),
        (json!({ "response_types": ["code id_token"] }), "grant_types"),
        (json!({ "grant_types": ["authorization_code", "implicit"] }), "response_types"),
        (json!({ "grant_types": ["password"] }), "grant_types"),
        (
            json!({ "grant_types": ["authorization_code", "client_credentials"], "token_endpoint_auth_method": "none" }),
            "grant_types",
        ),
        (json!({ "grant_types": ["refresh_token"] }), "grant_types"),
        (json!({ "token_endpoint_auth_method": "magic" }), "token_endpoint_auth_method"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "jwks"),
        (json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth" }), "jwks"),
        (json!({ "token_endpoint_auth_method": "tls_client_auth" }), "tls_client_auth_subject_dn"),
        (
            json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "a.example",
            "tls_client_auth_subject_dn": "CN=a" }),
            "tls_client_auth_subject_dn",
        ),
        (
            json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_ip": "here" }),
            "tls_client_auth_san_ip",
        ),
        (json!({ "jwks": { "keys": [public_key()] }, "jwks_uri": "https://app.example/jwks" }), "jwks"),
        (json!({ "jwks_uri": "http://app.example/jwks" }), "jwks_uri"),
        (json!({ "jwks": { "keys": [] } }), "jwks"),
        (json!({ "jwks": [] }), "jwks"),
        (json!({ "jwks": { "keys": [{ "kty": "oct", "k": "AAAA" }] } }), "jwks"),
        (json!({ "jwks": { "keys": [{ "kty": "RSA", "n": "AQAB", "e": "AQAB" }] } }), "jwks"),
        (json!({ "id_token_signed_response_alg": "none" }), "id_token_signed_response_alg"),
        (json!({ "id_token_signed_response_alg": "HS256" }), "id_token_signed_response_alg"),
        (json!({ "userinfo_signed_response_alg": 5 }), "userinfo_signed_response_alg"),
        (json!({ "id_token_encrypted_response_alg": "ECDH-ES" }), "jwks"),
        (json!({ "id_token_encrypted_response_enc": "A256GCM" }), "id_token_encrypted_response_enc"),
        (json!({ "id_token_encrypted_response_alg": "RSA1_5" }), "id_token_encrypted_response_alg"),
        (json!({ "subject_type": "secret" }), "subject_type"),
        (
            json!({ "subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"] }),
            "sector_identifier_uri",
        ),
        (json!({ "sector_identifier_uri": "http://app.example/sector" }), "sector_identifier_uri"),
        (json!({ "request_uris": ["http://app.example/request"] }), "request_uris"),
        (json!({ "backchannel_logout_uri": "http://app.example/out" }), "backchannel_logout_uri"),
        (json!({ "backchannel_logout_uri": "https://app.example/out#x" }), "backchannel_logout_uri"),
        (json!({ "frontchannel_logout_uri": "https://other.example/out" }), "frontchannel_logout_uri"),
        (json!({ "post_logout_redirect_uris": ["https://app.example/#x"] }), "post_logout_redirect_uris"),
        (json!({ "default_max_age": -1 }), "default_max_age"),
        (json!({ "default_max_age": "60" }), "default_max_age"),
        (json!({ "require_auth_time": "yes" }), "require_auth_time"),
        (json!({ "scope": "openid \u{e9}" }), "scope"),
        (json!({ "contacts": [7] }), "contacts"),
        (json!({ "application_type": "desktop" }), "application_type"),
    ] {
        refused(more, field);
    }
}

#[test]
fn a_private_key_is_never_taken() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let mut key = object(public_key());
        key.insert(name.to_owned(), json!("AAAA"));
        refused(json!({ "jwks": { "keys": [key] } }), "jwks");
    }
    let mut key = object(public_key());
    key.insert("comment".to_owned(), json!("mine"));
    let client = accepted(json!({ "jwks": { "keys": [key] } }));
    assert_eq!(client.metadata.jwks, Some(json!({ "keys": [public_key()] })));
}

#[test]
fn the_profile_high_demands_what_fapi_does() {
    let read = |more: Value| read(&with(more), blank(Profile::High));
    let keys = json!({ "keys": [public_key()] });
    let client = read(json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": keys })).unwrap();
    assert!(client.metadata.require_pushed_authorization_requests && client.metadata.dpop_bound_access_tokens);
    assert_eq!(client.metadata.id_token_signed_response_alg, SigningAlgorithm::Ps256);
    for more in [
        json!({}),
        json!({ "token_endpoint_auth_method": "none" }),
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": keys, "id_token_signed_response_alg": "RS256" }),
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": keys, "token_endpoint_auth_signing_alg": "RS256" }),
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": keys, "redirect_uris": ["http://localhost/x"] }),
        json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": keys, "response_types": ["code id_token"],
            "grant_types": ["authorization_code", "implicit"] }),
    ] {
        assert!(read(more.clone()).is_err(), "{more}");
    }
}

#[test]
fn the_first_flaw_decides_the_code() {
    let code = |sent: Value| {
        let flaws = read(&object(sent), blank(Profile::Standard)).unwrap_err();
        refusal(&flaws).to_string()
    };
    assert!(code(json!({ "redirect_uris": ["https://app.example/#x"] })).starts_with("invalid_redirect_uri: "));
    assert!(
        code(json!({ "redirect_uris": ["https://a.example"], "scope": 1 }))
            .starts_with("invalid_client_metadata: scope")
    );
}

#[test]
fn only_plain_https_addresses_with_a_path_are_ids() {
    assert!(document("https://app.example/client.json").is_some());
    assert!(document("https://app.example:8443/a/b?x=1").is_some());
    for bad in [
        "https://app.example",
        "https://app.example/",
        "http://app.example/client",
        "https://app.example/client#x",
        "https://user@app.example/client",
        "https://app.example/a/../client",
        "https://app.example/./client",
        "https://app.example/%2e%2e/client",
        "https://APP.example/client",
        "https://app.example:443/client",
        "cli_x",
        "",
    ] {
        assert!(document(bad).is_none(), "{bad}");
    }
}

/// Every member with every kind of value, and pairs of them: whatever comes, it is read or refused.
#[test]
fn no_json_makes_it_panic() {
    let known = write(&accepted(json!({ "jwks": { "keys": [public_key()] } })));
    let mut names: Vec<String> = known.keys().cloned().collect();
    names.extend(
        ["jwks_uri", "request_uris", "sector_identifier_uri", "default_max_age", "logo_uri"].map(str::to_owned),
    );
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5e300),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("https://"),
        json!("https://[::"),
        json!("https://%zz/"),
        json!("é".repeat(5000)),
        json!([]),
        json!([null]),
        json!([[[]]]),
        json!([{}, 1, "x"]),
        json!({}),
        json!({ "keys": null }),
        json!({ "keys": [null] }),
        json!({ "keys": [{ "kty": "RSA", "n": "=", "e": 1 }] }),
        json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "", "y": "" }] }),
    ];
    for name in &names {
        for value in &odd {
            for profile in Profile::ALL {
                let mut sent = with(json!({}));
                sent.insert(name.clone(), value.clone());
                if let Ok(client) = read(&sent, blank(profile)) {
                    assert!(read(&write(&client), blank(profile)).is_ok(), "{name} {value}");
                }
            }
        }
    }
}

#[test]
fn a_host_cannot_add_to_a_policy_of_our_pages() {
    for host in ["a;sandbox", "a,b.example", "*", "*.example", "a'b.example", "a$b.example", "a%3Bsandbox"] {
        for uri in [format!("https://{host}/x"), format!("https://{host}:444/x")] {
            assert!(check_redirect(&uri, ApplicationType::Web).is_err(), "{uri}");
        }
        refused(
            json!({ "redirect_uris": ["https://app.example/x"], "frontchannel_logout_uri": format!("https://{host}/x") }),
            "frontchannel_logout_uri",
        );
    }
    for good in [
        "https://b\u{fc}cher.example/x",
        "https://xn--bcher-kva.example/x",
        "https://a_b.example/",
        "https://[2001:db8::1]/",
    ] {
        assert_eq!(check_redirect(good, ApplicationType::Web).is_ok(), good.is_ascii(), "{good}");
    }
}
