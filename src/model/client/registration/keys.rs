//! A client's keys as it sends them (RFC 7517). Only public keys are taken, and of those only the members that make a key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Map, Value, json};

use super::reading::is_plain;

/// How many keys a set may have.
const MOST: usize = 20;
/// Members that are private or symmetric key material (RFC 7518, section 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// Members that are kept, all of them text.
const KEPT: [&str; 11] = ["kty", "use", "alg", "kid", "n", "e", "crv", "x", "y", "x5t", "x5t#S256"];
/// The longest of them.
const LONGEST: usize = 4096;

/// Checks a set of public keys, and answers what is kept of it.
///
/// # Errors
/// Why not, without its subject.
pub(super) fn read(sent: &Value) -> Result<Value, &'static str> {
    let keys = sent.get("keys").and_then(Value::as_array).ok_or("must be an object with an array of keys")?;
    if keys.is_empty() || keys.len() > MOST {
        return Err("must hold 1 to 20 keys");
    }
    let kept: Vec<Value> = keys.iter().map(public_key).collect::<Result<_, _>>()?;
    Ok(json!({ "keys": kept }))
}

/// Checks one public key, and answers what is kept of it.
///
/// # Errors
/// Why not, without its subject.
pub fn public_key(sent: &Value) -> Result<Value, &'static str> {
    let sent = sent.as_object().ok_or("must hold keys that are objects")?;
    if PRIVATE.iter().any(|name| sent.contains_key(*name)) || sent.get("kty") == Some(&json!("oct")) {
        return Err("must hold public keys only");
    }
    let mut kept = Map::new();
    for name in KEPT {
        match sent.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if text.len() <= LONGEST && is_plain(text) => {
                kept.insert(name.to_owned(), json!(text));
            }
            Some(_) => return Err("holds a key with a member that is no text, or too long"),
        }
    }
    if let Some(operations) = texts(sent, "key_ops", 10)? {
        kept.insert("key_ops".to_owned(), operations);
    }
    if let Some(chain) = texts(sent, "x5c", 10)? {
        kept.insert("x5c".to_owned(), chain);
    }
    let bytes = |name: &str| {
        let text = kept.get(name).and_then(Value::as_str)?;
        B64.decode(text).ok().map(|bytes| bytes.len())
    };
    let good = match kept.get("kty").and_then(Value::as_str) {
        Some("RSA") => {
            bytes("n").is_some_and(|length| (256..=1024).contains(&length))
                && bytes("e").is_some_and(|length| length <= 4)
        }
        Some("EC") => kept.contains_key("crv") && bytes("x").is_some() && bytes("y").is_some(),
        Some("OKP") => kept.contains_key("crv") && bytes("x").is_some(),
        // RFC 7517, section 5: a key of a kind that is not known is nobody's business.
        Some(_) => true,
        None => false,
    };
    if good { Ok(Value::Object(kept)) } else { Err("holds a key that cannot be used; RSA keys need 2048 bits or more") }
}

fn texts(sent: &Map<String, Value>, name: &str, most: usize) -> Result<Option<Value>, &'static str> {
    let Some(values) = sent.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let good = |value: &Value| value.as_str().is_some_and(|text| text.len() <= 4 * LONGEST && is_plain(text));
    match values.as_array() {
        Some(list) if list.len() <= most && list.iter().all(good) => Ok(Some(values.clone())),
        _ => Err("holds a key with a member that is no array of texts"),
    }
}
