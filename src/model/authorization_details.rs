//! Rich Authorization Requests (RFC 9396): what is asked for in detail, read strictly, carried as it came, and shown to people.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::Client;
use super::client::registration::is_plain;
use super::error::{Error, Result};
use super::params::escapes_nul;

/// How many details a request may have.
const MOST: usize = 20;
/// How many bytes they may have together.
const LONGEST: usize = 8 * 1024;

/// Well-formed details, each of a type that the client registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationDetails(Vec<Value>);

impl AuthorizationDetails {
    /// Reads the parameter `authorization_details` of this client (section 2).
    ///
    /// # Errors
    /// `invalid_authorization_details` (section 5).
    pub fn of(client: &Client, text: Option<&str>) -> Result<Option<Self>> {
        let Some(text) = text else { return Ok(None) };
        let bad = |why: &'static str| Error::oauth("invalid_authorization_details", why);
        if text.len() > LONGEST {
            return Err(bad("authorization_details is too long"));
        }
        if escapes_nul(text) {
            return Err(bad("authorization_details holds a NUL character"));
        }
        let details: Vec<Value> =
            serde_json::from_str(text).map_err(|_| bad("authorization_details is no JSON array"))?;
        if details.is_empty() || details.len() > MOST {
            return Err(bad("authorization_details holds no detail, or too many"));
        }
        for detail in &details {
            let kind = detail.get("type").and_then(Value::as_str);
            let kind = kind.ok_or_else(|| bad("a detail has no type"))?;
            if !client.metadata.authorization_details_types.iter().any(|known| known == kind) {
                return Err(bad("the client did not register a type of authorization_details"));
            }
            if !well_formed(detail) {
                return Err(bad("a common field of authorization_details has the wrong type"));
            }
        }
        Ok(Some(Self(details)))
    }

    /// For a `jsonb` column and for tokens.
    pub fn to_json(&self) -> Value {
        Value::Array(self.0.clone())
    }

    /// Each as people read it: its type, and what it says member by member.
    pub fn words(&self) -> Vec<(String, Vec<(String, String)>)> {
        self.0.iter().map(|detail| (said(detail.get("type").unwrap_or(&Value::Null)), members(detail))).collect()
    }
}

/// Section 2.2: the common fields are arrays of strings, but for `identifier`.
fn well_formed(detail: &Value) -> bool {
    let strings = |value: &Value| value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    ["locations", "actions", "datatypes", "privileges"].iter().all(|name| detail.get(name).is_none_or(strings))
        && detail.get("identifier").is_none_or(Value::is_string)
}

fn members(detail: &Value) -> Vec<(String, String)> {
    let members = detail.as_object().into_iter().flatten().filter(|(name, _)| *name != "type");
    members.map(|(name, value)| (named(name), said(value))).collect()
}

fn named(member: &str) -> String {
    visible(&member.replace('_', " "))
}

/// What would hide or turn the text beside it is shown as what it is.
fn visible(text: &str) -> String {
    let shown =
        |c: char| if is_plain(c.encode_utf8(&mut [0; 4])) { c.to_string() } else { c.escape_unicode().to_string() };
    text.chars().map(|c| if c.is_whitespace() { " ".to_owned() } else { shown(c) }).collect()
}

fn said(value: &Value) -> String {
    match value {
        Value::String(text) => visible(text),
        Value::Array(list) => list.iter().map(said).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            map.iter().map(|(name, value)| format!("{}: {}", named(name), said(value))).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}
