//! The second factor: TOTP (RFC 6238) and backup codes. A code is accepted once, on all nodes together.

use image::ImageEncoder as _;
use qrcode::QrCode;
use qrcode::render::svg;
use time::OffsetDateTime;
use totp_rs::{Algorithm, Builder, Totp};

use crate::domain::house::House;
use crate::domain::letters::{self, Message, To};
use crate::domain::metrics::SecondFactor;
use crate::domain::throttle::{self, Attempt};
use crate::model::context::Context;
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::AccountId;
use crate::model::secret::{Digest, Secret, random};
use crate::storage::scope::AccountTx;
use crate::storage::{account, backup_code, totp};

use super::sign_in;

/// Seconds.
const STEP: u64 = 30;
/// What backup codes are written with: no letter that looks like another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const CODES: usize = 10;

/// What a person needs to set an authenticator app up.
#[derive(Debug)]
pub struct Setup {
    /// Base32, for typing.
    pub secret: String,
    /// `otpauth://totp/…`
    pub otpauth_uri: String,
    /// The same as a picture, `<svg>…`.
    pub qr_svg: String,
}

/// What a code turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorOutcome {
    /// Wrong, or used before.
    Rejected,
    /// A code of the app.
    Totp,
    /// A backup code, now used up.
    BackupCode {
        /// Unused ones.
        left: i64,
    },
}

pub(in crate::domain) fn place(person: AccountId) -> String {
    format!("totp/{person}")
}

fn generator(seed: &[u8], label: &str) -> Result<Totp> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(STEP)
        .with_secret(totp_rs::Secret::new(seed.into()))
        .with_issuer(Some("Countersign"))
        .with_account_name(label)
        .build()
        .map_err(|error| Error::fault(error.to_string()))
}

fn describe(seed: &[u8], email: &str) -> Result<Setup> {
    // A colon would end the label (Key URI Format).
    let totp = generator(seed, &email.replace(':', " "))?;
    let otpauth_uri = totp.to_url().map_err(|error| Error::fault(error.to_string()))?;
    let code = QrCode::new(&otpauth_uri).map_err(Error::fault)?;
    let mut picture = code.render::<svg::Color<'_>>();
    picture.min_dimensions(220, 220).dark_color(svg::Color("#000")).light_color(svg::Color("#fff"));
    let svg = picture.build();
    let qr_svg = svg.find("<svg").and_then(|start| svg.get(start..)).unwrap_or_default().to_owned();
    Ok(Setup { secret: totp_rs::Secret::new(seed.into()).to_base32(), otpauth_uri, qr_svg })
}

/// The picture of an `otpauth://` URI as PNG.
pub fn png(otpauth_uri: &str) -> Result<Vec<u8>> {
    let code = QrCode::new(otpauth_uri).map_err(Error::fault)?;
    let picture = code.render::<image::Luma<u8>>().min_dimensions(300, 300).build();
    let (width, height) = picture.dimensions();
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(picture.as_raw(), width, height, image::ExtendedColorType::L8)
        .map_err(Error::fault)?;
    Ok(bytes)
}

/// Makes a seed that waits for its first code.
///
/// # Errors
/// `Conflict` where a second factor is on already.
pub async fn setup(house: &House, cx: &Context, person: AccountId) -> Result<Setup> {
    let seed = random::<20>();
    let mut tx = house.db.account(person).await?;
    let account = account::find(&mut tx).await?.ok_or(Error::NotFound("account"))?;
    if !totp::begin(&mut tx, &house.sealer.seal(&place(person), &seed)?, cx.now).await? {
        return Err(Error::Conflict("two-step verification is on already"));
    }
    tx.commit_unremarkable().await?;
    describe(&seed, &account.email)
}

/// The setup that waits, as it was shown, so that a mistyped code does not need a new picture. Makes one where none waits.
///
/// # Errors
/// `Conflict` where a second factor is on already.
pub async fn waiting_setup(house: &House, cx: &Context, person: AccountId) -> Result<Setup> {
    let mut tx = house.db.account(person).await?;
    let account = account::find(&mut tx).await?.ok_or(Error::NotFound("account"))?;
    match totp::find(&mut tx).await? {
        Some(row) if row.confirmed_at.is_none() => {
            describe(&house.sealer.open(&place(person), &row.seed_sealed)?, &account.email)
        }
        _ => {
            drop(tx);
            setup(house, cx, person).await
        }
    }
}

/// The first code: turns the second factor on, and gives the backup codes, this once. `None`: the code was wrong.
///
/// # Errors
/// `Conflict` where it is on already, `Invalid` where no setup waits, `TooMany` where somebody guesses.
pub async fn enable(house: &House, cx: &Context, person: AccountId, code: &str) -> Result<Option<Vec<String>>> {
    throttle::attempt(house, cx, Attempt::SecondFactor, &person.to_string()).await?;
    let mut tx = house.db.account(person).await?;
    let row =
        totp::find(&mut tx).await?.ok_or_else(|| Error::invalid("code", "comes too early: begin the setup first"))?;
    if row.confirmed_at.is_some() {
        return Err(Error::Conflict("two-step verification is on already"));
    }
    let seed = house.sealer.open(&place(person), &row.seed_sealed)?;
    let Some(step) = matching_step(&seed, code, cx.now)? else {
        tx.commit(cx, Event::SecondFactorFailed).await?;
        return Ok(None);
    };
    if !totp::confirm(&mut tx, step, cx.now).await? {
        return Err(Error::Conflict("two-step verification is on already"));
    }
    let codes = fresh_codes(&mut tx, cx.now).await?;
    tell(house, cx, &mut tx, &Message::SecondFactorEnabled).await?;
    tx.commit(cx, Event::TotpEnabled).await?;
    throttle::succeeded(house, cx, Attempt::SecondFactor, &person.to_string()).await?;
    Ok(Some(codes))
}

/// Checks a code at sign-in: six digits of the app, or a backup code.
///
/// # Errors
/// `TooMany` where somebody guesses.
pub async fn check(house: &House, cx: &Context, person: AccountId, code: &str) -> Result<FactorOutcome> {
    let outcome = try_code(house, cx, person, code).await;
    house.metrics.second_factors.add(match &outcome {
        Ok(FactorOutcome::Rejected) => SecondFactor::Rejected,
        Ok(FactorOutcome::Totp) => SecondFactor::Totp,
        Ok(FactorOutcome::BackupCode { .. }) => SecondFactor::BackupCode,
        Err(Error::TooMany(_)) => SecondFactor::Throttled,
        Err(Error::Busy(_)) => SecondFactor::Busy,
        Err(_) => SecondFactor::Failed,
    });
    outcome
}

async fn try_code(house: &House, cx: &Context, person: AccountId, code: &str) -> Result<FactorOutcome> {
    throttle::attempt(house, cx, Attempt::SecondFactor, &person.to_string()).await?;
    let mut tx = house.db.account(person).await?;
    let outcome = take(house, cx, &mut tx, code).await?;
    match outcome {
        FactorOutcome::Rejected => tx.commit(cx, Event::SecondFactorFailed).await?,
        FactorOutcome::Totp => tx.commit_unremarkable().await?,
        FactorOutcome::BackupCode { left } => tx.commit(cx, Event::BackupCodeUsed { left }).await?,
    }
    if outcome != FactorOutcome::Rejected {
        throttle::succeeded(house, cx, Attempt::SecondFactor, &person.to_string()).await?;
    }
    Ok(outcome)
}

async fn take(house: &House, cx: &Context, tx: &mut AccountTx, code: &str) -> Result<FactorOutcome> {
    let person = tx.account();
    let Some(row) = totp::find(tx).await?.filter(|row| row.confirmed_at.is_some()) else {
        return Ok(FactorOutcome::Rejected);
    };
    let typed: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    if typed.len() == 6 && typed.bytes().all(|byte| byte.is_ascii_digit()) {
        let seed = house.sealer.open(&place(person), &row.seed_sealed)?;
        return Ok(match matching_step(&seed, &typed, cx.now)? {
            Some(step) if totp::take_step(tx, step).await? => FactorOutcome::Totp,
            _ => FactorOutcome::Rejected,
        });
    }
    if backup_code::take(tx, &digest(&typed), cx.now).await? {
        return Ok(FactorOutcome::BackupCode { left: backup_code::left(tx).await? });
    }
    Ok(FactorOutcome::Rejected)
}

/// Which of the three time steps around now this code belongs to.
fn matching_step(seed: &[u8], code: &str, now: OffsetDateTime) -> Result<Option<i64>> {
    let typed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let time = u64::try_from(now.unix_timestamp()).unwrap_or_default();
    let step = generator(seed, "x")?.check(&typed, time);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

/// Turns the second factor off, for somebody who knows the password and holds the factor.
///
/// # Errors
/// `Invalid` for what is wrong; `Forbidden` where the company demands a second factor.
pub async fn disable(house: &House, cx: &Context, person: AccountId, password: Secret, code: &str) -> Result<()> {
    let mut tx = house.db.account(person).await?;
    let companies = crate::storage::company::of_account(&mut tx).await?;
    tx.commit_unremarkable().await?;
    if companies.iter().any(|joined| joined.company.require_mfa) {
        return Err(Error::Forbidden("your company requires two-step verification"));
    }
    if !sign_in::confirm_password(house, cx, person, password).await? {
        return Err(Error::invalid("password", "is not your password"));
    }
    if check(house, cx, person, code).await? == FactorOutcome::Rejected {
        return Err(Error::invalid("code", "is wrong or was used before"));
    }
    let mut tx = house.db.account(person).await?;
    if !totp::delete(&mut tx).await? {
        return Err(Error::Conflict("two-step verification is off already"));
    }
    backup_code::delete(&mut tx).await?;
    tell(house, cx, &mut tx, &Message::SecondFactorDisabled).await?;
    tx.commit(cx, Event::TotpDisabled).await
}

/// Ten new backup codes; the old are void.
///
/// # Errors
/// `Conflict` where the second factor is off.
pub async fn renew_codes(house: &House, cx: &Context, person: AccountId) -> Result<Vec<String>> {
    let mut tx = house.db.account(person).await?;
    if totp::find(&mut tx).await?.is_none_or(|row| row.confirmed_at.is_none()) {
        return Err(Error::Conflict("two-step verification is off"));
    }
    let codes = fresh_codes(&mut tx, cx.now).await?;
    tell(house, cx, &mut tx, &Message::BackupCodesRenewed).await?;
    tx.commit(cx, Event::BackupCodesRenewed).await?;
    Ok(codes)
}

/// How many backup codes are left.
pub async fn codes_left(house: &House, person: AccountId) -> Result<i64> {
    let mut tx = house.db.account(person).await?;
    let left = backup_code::left(&mut tx).await?;
    tx.commit_unremarkable().await?;
    Ok(left)
}

async fn tell(house: &House, cx: &Context, tx: &mut AccountTx, message: &Message) -> Result<()> {
    let account = account::find(tx).await?.ok_or(Error::NotFound("account"))?;
    let email: Email = account.email.parse().map_err(Error::fault)?;
    letters::post(house, cx, tx, To { email: &email, name: &account.name }, message).await
}

fn digest(code: &str) -> Digest {
    Digest::of(format!("backup code {}", code.to_lowercase()).as_bytes())
}

async fn fresh_codes(tx: &mut AccountTx, now: OffsetDateTime) -> Result<Vec<String>> {
    let codes: Vec<String> = (0..CODES).map(|_| fresh_code()).collect();
    let digests: Vec<Digest> = codes.iter().map(|code| digest(&code.replace('-', ""))).collect();
    backup_code::replace(tx, &digests, now).await?;
    Ok(codes)
}

/// Fifty random bits in two groups of five: `k7m2p-x4qrt`.
fn fresh_code() -> String {
    let letters: Vec<char> = random::<10>()
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)))
        .map(|letter| char::from(*letter))
        .collect();
    let (first, second) = letters.split_at(letters.len() / 2);
    first.iter().chain(['-'].iter()).chain(second).collect()
}
