//! Writes a client's metadata as it is in effect (RFC 7591, section 3.2.1). What is written reads back as the same client.

use serde_json::{Map, Value, json};

use super::super::Client;
use crate::model::jose::KeyManagement;

/// Every member that has a value, the defaults among them. No secret is among them, and nothing that only the provider decides.
pub fn write(client: &Client) -> Map<String, Value> {
    let mut shown = match serde_json::to_value(&client.metadata) {
        Ok(Value::Object(members)) => members,
        // A struct of names serializes to an object.
        _ => Map::new(),
    };
    let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    set("client_name", json!(client.name));
    set("token_endpoint_auth_method", json!(client.auth_method.as_str()));
    set("grant_types", json!(client.grant_types));
    set("redirect_uris", json!(client.redirect_uris));
    set("scope", json!(client.scopes.to_string()));
    if client.metadata.response_types.is_empty() {
        set("response_types", if client.may_use("authorization_code") { json!(["code"]) } else { json!([]) });
    }
    if !client.post_logout_redirect_uris.is_empty() {
        set("post_logout_redirect_uris", json!(client.post_logout_redirect_uris));
    }
    let uris = [
        ("client_uri", &client.client_uri),
        ("logo_uri", &client.logo_uri),
        ("policy_uri", &client.policy_uri),
        ("tos_uri", &client.tos_uri),
    ];
    for (name, uri) in uris {
        if let Some(uri) = uri {
            set(name, json!(uri));
        }
    }
    if client.metadata.id_token_encrypted_response_alg.is_some() {
        set("id_token_encrypted_response_enc", json!(KeyManagement::CONTENT));
    }
    if client.metadata.userinfo_encrypted_response_alg.is_some() {
        set("userinfo_encrypted_response_enc", json!(KeyManagement::CONTENT));
    }
    shown
}
