//! What ID tokens and userinfo say of a person: by scope (OpenID Connect Core, section 5.4) and by the claims request (section 5.5).
//! A claim without a value is left out; none is ever null or empty.

use serde_json::{Map, Value, json};

use crate::domain::person::profile;
use crate::model::scope::Scopes;
use crate::storage::account::Row;
use crate::storage::grant::Living;

/// Which scope asks for which claims.
const BY_SCOPE: [(&str, &[&str]); 5] = [
    (
        "profile",
        &[
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ],
    ),
    ("email", &["email", "email_verified"]),
    ("phone", &["phone_number", "phone_number_verified"]),
    ("address", &["address"]),
    ("company", &["company_id", "company", "company_name", "roles"]),
];

/// Every claim that userinfo can give, for the metadata.
pub fn supported() -> impl Iterator<Item = &'static str> {
    BY_SCOPE.iter().flat_map(|(_, claims)| claims.iter().copied())
}

/// The scopes that stand for what a claims request asks for: whoever asks for the e-mail address in this way asks for as much as
/// with `email`.
pub fn scopes(claims: Option<&Value>) -> Scopes {
    let places = ["userinfo", "id_token"].into_iter().filter_map(|place| claims?.get(place)?.as_object());
    Scopes::of(places.flat_map(Map::keys).filter_map(|claim| scope_of(claim)))
}

/// The scope that asks for a claim.
pub fn scope_of(claim: &str) -> Option<&'static str> {
    BY_SCOPE.iter().find(|(_, claims)| claims.contains(&claim)).map(|(scope, _)| *scope)
}

/// The claims of userinfo beyond `sub`.
pub fn of_userinfo(account: &Row, living: &Living, scopes: &Scopes) -> Map<String, Value> {
    let mut wanted: Vec<&str> =
        BY_SCOPE.iter().filter(|(scope, _)| scopes.has(scope)).flat_map(|(_, claims)| claims.iter().copied()).collect();
    wanted.extend(requested(living, "userinfo"));
    pick(account, living, &wanted)
}

/// The claims that the request wants in the ID token. What scopes ask for is at userinfo (section 5.4).
pub fn of_id_token(account: &Row, living: &Living) -> Map<String, Value> {
    pick(account, living, &requested(living, "id_token"))
}

fn requested<'a>(living: &'a Living, place: &str) -> Vec<&'a str> {
    let members = living.claims.as_ref().and_then(|claims| claims.get(place)).and_then(Value::as_object);
    members.into_iter().flat_map(Map::keys).map(String::as_str).collect()
}

fn pick(account: &Row, living: &Living, wanted: &[&str]) -> Map<String, Value> {
    let mut claims = Map::new();
    for name in wanted {
        if let Some(value) = value(account, living, name) {
            claims.insert((*name).to_owned(), value);
        }
    }
    claims
}

fn value(account: &Row, living: &Living, name: &str) -> Option<Value> {
    match name {
        "name" => Some(json!(account.name)),
        "updated_at" => account.updated_at.map(|at| json!(at.unix_timestamp())),
        "email" => Some(json!(account.email)),
        "email_verified" => Some(json!(account.email_verified_at.is_some())),
        "phone_number_verified" => account.phone_number.as_ref().map(|_| json!(account.phone_number_verified)),
        "address" => account.address.clone(),
        "company_id" => Some(json!(living.company)),
        "company" => Some(json!(living.company_slug)),
        "company_name" => Some(json!(living.company_name)),
        "roles" => Some(json!([living.role])),
        other => profile::claim(account, other).filter(|text| !text.is_empty()).map(|text| json!(text)),
    }
}
