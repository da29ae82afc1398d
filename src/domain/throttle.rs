//! Slows whoever guesses, without letting him lock the owner out.
//!
//! What one address of the network tries on one account is slowed hard. What all of them together try on that account costs
//! at most half a minute: an attacker with many addresses is slow, and the owner waits a moment. Known and unknown accounts
//! are treated alike, so nothing is learned from being slowed.

use std::net::IpAddr;

use time::{Duration, OffsetDateTime};

use super::house::House;
use crate::model::context::Context;
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::secret::Digest;
use crate::storage::account::{self, Admitted, Credentials};
use crate::storage::throttle::{self, Limit};

const PAIR: Limit =
    Limit { free: 5, step: Duration::seconds(2), most: Duration::minutes(15), forgotten_after: Duration::hours(1) };
const ACCOUNT: Limit =
    Limit { free: 20, step: Duration::seconds(1), most: Duration::seconds(30), forgotten_after: Duration::hours(1) };
const ADDRESS: Limit =
    Limit { free: 200, step: Duration::seconds(1), most: Duration::minutes(5), forgotten_after: Duration::minutes(15) };
const MAIL: Limit =
    Limit { free: 3, step: Duration::minutes(1), most: Duration::hours(1), forgotten_after: Duration::hours(3) };
const REGISTRATION: Limit =
    Limit { free: 20, step: Duration::seconds(10), most: Duration::minutes(10), forgotten_after: Duration::hours(1) };

/// What is being tried. Each kind is counted for itself.
#[derive(Debug, Clone, Copy)]
pub enum Attempt {
    /// A password.
    Password,
    /// A second-factor code.
    SecondFactor,
}

impl Attempt {
    fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondFactor => "second factor",
        }
    }
}

fn key(parts: &[&str]) -> Digest {
    Digest::of(parts.join("\0").as_bytes())
}

/// Networks hand out /64s to one subscriber, so an IPv6 address counts as its network.
fn address(cx: &Context) -> String {
    match cx.ip {
        Some(IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_none() => {
            v6.segments().iter().take(4).map(|part| format!("{part:x}")).collect::<Vec<_>>().join(":")
        }
        Some(ip) => ip.to_string(),
        None => "nowhere".to_owned(),
    }
}

async fn charge(house: &House, cx: &Context, limits: &[(Digest, Limit)]) -> Result<()> {
    match throttle::admit(&house.db, limits, cx.now).await? {
        Some(until) => Err(too_many(cx, until)),
        None => Ok(()),
    }
}

fn too_many(cx: &Context, until: OffsetDateTime) -> Error {
    Error::TooMany((until - cx.now).max(Duration::SECOND))
}

fn limits(cx: &Context, what: Attempt, whom: &str) -> [(Digest, Limit); 3] {
    let from = address(cx);
    [
        (key(&["address", &from]), ADDRESS),
        (key(&[what.word(), whom, &from]), PAIR),
        (key(&[what.word(), whom]), ACCOUNT),
    ]
}

/// Counts an attempt on an account (named by its address or id) before it is looked at.
///
/// # Errors
/// `TooMany`, with the time to wait.
pub async fn attempt(house: &House, cx: &Context, what: Attempt, whom: &str) -> Result<()> {
    charge(house, cx, &limits(cx, what, whom)).await
}

/// Counts an attempt at a password, and finds whose address it is.
///
/// # Errors
/// `TooMany`, with the time to wait.
pub async fn attempt_password(house: &House, cx: &Context, email: &Email) -> Result<Option<Credentials>> {
    let limits = limits(cx, Attempt::Password, email.as_str());
    match account::admit(&house.db, &limits, email, cx.now).await? {
        Admitted::Blocked(until) => Err(too_many(cx, until)),
        Admitted::Heard(known) => Ok(known),
    }
}

/// What is counted of attempts from here, and forgotten when one succeeds: it was the owner.
pub fn counted(cx: &Context, what: Attempt, whom: &str) -> Vec<Digest> {
    vec![key(&[what.word(), whom, &address(cx)]), key(&[what.word(), whom])]
}

/// The attempt succeeded: it was the owner, from here.
pub async fn succeeded(house: &House, cx: &Context, what: Attempt, whom: &str) -> Result<()> {
    forget(house, &counted(cx, what, whom)).await
}

/// These attempts count no more.
pub async fn forget(house: &House, attempts: &[Digest]) -> Result<()> {
    throttle::clear(&house.db, attempts).await
}

/// Counts a letter to an address.
///
/// # Errors
/// `TooMany`, with the time to wait.
pub async fn letter(house: &House, cx: &Context, to: &str) -> Result<()> {
    charge(house, cx, &[(key(&["letter", to]), MAIL)]).await
}

/// Longer than any answer takes that writes a letter.
const EVEN: std::time::Duration = std::time::Duration::from_millis(100);

/// Answers no sooner than that, so that the time does not tell whether there was a letter to write.
pub async fn evenly<T>(work: impl Future<Output = T>) -> T {
    tokio::join!(work, tokio::time::sleep(EVEN)).0
}

/// Counts a registration from an address of the network.
///
/// # Errors
/// `TooMany`, with the time to wait.
pub async fn registration(house: &House, cx: &Context) -> Result<()> {
    charge(house, cx, &[(key(&["registration", &address(cx)]), REGISTRATION)]).await
}

/// Counts a client that registers itself from an address of the network.
///
/// # Errors
/// `TooMany`, with the time to wait.
pub async fn client_registration(house: &House, cx: &Context) -> Result<()> {
    charge(house, cx, &[(key(&["client registration", &address(cx)]), REGISTRATION)]).await
}

/// Counts a document of a client that is read for somebody at an address of the network, and was never read before.
///
/// # Errors
/// `TooMany`, with the time to wait.
pub async fn client_document(house: &House, cx: &Context) -> Result<()> {
    charge(house, cx, &[(key(&["client document", &address(cx)]), REGISTRATION)]).await
}
