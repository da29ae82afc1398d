//! A person's own profile: the name and the standard claims (OpenID Connect Core, section 5.1), each checked by its type.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use time::Date;
use time::macros::format_description;
use url::Url;

use crate::domain::house::House;
use crate::domain::person::sign_up::check_name;
use crate::model::context::Context;
use crate::model::error::{Error, Flaw, Result};
use crate::model::event::Event;
use crate::model::id::AccountId;
use crate::storage::account::{self, Row};
use crate::storage::event;

/// What changes: `None` leaves a field, an empty text takes it away.
#[derive(Debug, Default)]
pub struct Changes {
    /// The display name; cannot be taken away.
    pub name: Option<String>,
    /// Standard claims by their names.
    pub claims: BTreeMap<&'static str, String>,
    /// Members of the address claim by their names; an empty one takes the address away.
    pub address: Option<BTreeMap<&'static str, String>>,
}

/// The claims that people may write themselves.
pub const CLAIMS: [&str; 13] = [
    "given_name",
    "family_name",
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
    "phone_number",
];

/// The members of an address (OpenID Connect Core, section 5.1.1).
pub const ADDRESS: [&str; 6] = ["formatted", "street_address", "locality", "region", "postal_code", "country"];

/// Reads the profile.
pub async fn find(house: &House, person: AccountId) -> Result<Row> {
    let mut tx = house.db.account(person).await?;
    let row = account::find(&mut tx).await?.ok_or(Error::NotFound("account"))?;
    tx.commit_unremarkable().await?;
    Ok(row)
}

/// The latest lines of the trail that are this person's matter.
pub async fn recent_events(house: &House, person: AccountId) -> Result<Vec<event::Row>> {
    let mut tx = house.db.account(person).await?;
    let rows = event::of_account(&mut tx, 15).await?;
    tx.commit_unremarkable().await?;
    Ok(rows)
}

/// Changes it.
///
/// # Errors
/// `Invalid` with every flaw at once.
pub async fn change(house: &House, cx: &Context, person: AccountId, changes: &Changes) -> Result<Row> {
    let mut tx = house.db.account(person).await?;
    let mut row = account::find(&mut tx).await?.ok_or(Error::NotFound("account"))?;
    let changed = apply(&mut row, changes)?;
    if changed.is_empty() {
        tx.commit_unremarkable().await?;
        return Ok(row);
    }
    account::update_profile(&mut tx, &row, cx.now).await?;
    tx.commit(cx, Event::ProfileChanged(changed)).await?;
    row.updated_at = Some(cx.now);
    Ok(row)
}

fn apply(row: &mut Row, changes: &Changes) -> Result<Vec<&'static str>> {
    let mut flaws = Vec::new();
    let mut changed = Vec::new();
    if let Some(name) = &changes.name {
        match check_name("name", name, 200) {
            Ok(name) if name != row.name => {
                row.name = name;
                changed.push("name");
            }
            Ok(_) => {}
            Err(flaw) => flaws.push(flaw),
        }
    }
    for (claim, text) in &changes.claims {
        let text = text.trim();
        let value = (!text.is_empty()).then(|| text.to_owned());
        if let Some(message) = value.as_deref().and_then(|text| flaw(claim, text)) {
            flaws.push(Flaw { field: claim, message: message.into() });
        } else if let Some(slot) = slot(row, claim)
            && *slot != value
        {
            *slot = value;
            if *claim == "phone_number" {
                // Whoever writes a number has not proved it.
                row.phone_number_verified = false;
            }
            changed.push(claim);
        }
    }
    if let Some(parts) = &changes.address {
        match address(parts) {
            Ok(value) if value != row.address => {
                row.address = value;
                changed.push("address");
            }
            Ok(_) => {}
            Err(flaw) => flaws.push(flaw),
        }
    }
    if flaws.is_empty() { Ok(changed) } else { Err(Error::Invalid(flaws)) }
}

/// The value of a claim that people may write themselves.
pub fn claim<'a>(row: &'a Row, claim: &str) -> Option<&'a str> {
    let value = match claim {
        "given_name" => &row.given_name,
        "family_name" => &row.family_name,
        "middle_name" => &row.middle_name,
        "nickname" => &row.nickname,
        "preferred_username" => &row.preferred_username,
        "profile" => &row.profile,
        "picture" => &row.picture,
        "website" => &row.website,
        "gender" => &row.gender,
        "birthdate" => &row.birthdate,
        "zoneinfo" => &row.zoneinfo,
        "locale" => &row.locale,
        "phone_number" => &row.phone_number,
        _ => return None,
    };
    value.as_deref()
}

fn slot<'a>(row: &'a mut Row, claim: &str) -> Option<&'a mut Option<String>> {
    Some(match claim {
        "given_name" => &mut row.given_name,
        "family_name" => &mut row.family_name,
        "middle_name" => &mut row.middle_name,
        "nickname" => &mut row.nickname,
        "preferred_username" => &mut row.preferred_username,
        "profile" => &mut row.profile,
        "picture" => &mut row.picture,
        "website" => &mut row.website,
        "gender" => &mut row.gender,
        "birthdate" => &mut row.birthdate,
        "zoneinfo" => &mut row.zoneinfo,
        "locale" => &mut row.locale,
        "phone_number" => &mut row.phone_number,
        _ => return None,
    })
}

/// What is wrong with a claim's value.
fn flaw(claim: &str, text: &str) -> Option<&'static str> {
    if text.chars().count() > 500 || text.chars().any(char::is_control) {
        return Some("must have at most 500 characters, and no control characters");
    }
    match claim {
        "profile" | "picture" | "website" => {
            let good = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
            (!good).then_some("must be a web address that begins with https://")
        }
        // Section 5.1: YYYY-MM-DD, YYYY, or 0000-MM-DD without the year.
        "birthdate" => {
            let full = |text: &str| Date::parse(text, format_description!("[year]-[month]-[day]")).is_ok();
            let year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
            let yearless = text.strip_prefix("0000-").is_some_and(|rest| full(&format!("2000-{rest}")));
            (!(full(text) || year || yearless)).then_some("must be a date like 1990-04-01")
        }
        "zoneinfo" => {
            let good = text.contains('/') || text == "UTC";
            (!good || text.contains(' ')).then_some("must be a time zone like Europe/Berlin")
        }
        // BCP 47.
        "locale" => {
            let good = text
                .split('-')
                .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
            (!good).then_some("must be a language tag like en-GB")
        }
        // E.164.
        "phone_number" => {
            let digits = text.strip_prefix('+').unwrap_or_default();
            let good = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            (!good).then_some("must be a number like +493012345678")
        }
        _ => None,
    }
}

fn address(parts: &BTreeMap<&'static str, String>) -> Result<Option<Value>, Flaw> {
    let mut map = Map::new();
    for (name, text) in parts {
        let text = text.trim();
        if text.chars().count() > 500 || text.chars().any(|c| c.is_control() && c != '\n' && c != '\r') {
            return Err(Flaw { field: "address", message: "must have at most 500 characters a line".into() });
        }
        if !text.is_empty() {
            map.insert((*name).to_owned(), Value::String(text.replace("\r\n", "\n")));
        }
    }
    Ok((!map.is_empty()).then_some(Value::Object(map)))
}
