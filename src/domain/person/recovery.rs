//! Passwords and addresses: forgotten, changed, confirmed. Who does not hold the mailbox learns nothing.

use time::Duration;

use crate::domain::house::House;
use crate::domain::letters::{self, Message, To};
use crate::domain::person::password_rules::{self, About};
use crate::domain::person::{sign_in, sign_up};
use crate::domain::throttle;
use crate::model::context::Context;
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::{AccountId, LoginId};
use crate::model::secret::Secret;
use crate::storage::mail_token::{self, Named, Purpose};
use crate::storage::scope::AccountTx;
use crate::storage::{account, company, login, password};

/// How long a link to a new password is good.
const RESET_WITHIN: Duration = Duration::hours(1);
/// How long an invitation is good.
pub const ACCEPT_WITHIN: Duration = Duration::days(7);

const STALE: &str = "this link was used already or is too old; ask for a new one";

/// Sends a link to choose a new password, where the address is known. The answer is the same where it is not.
///
/// # Errors
/// `TooMany` for more letters to one address than anybody needs.
pub async fn forgot_password(house: &House, cx: &Context, email: &Email) -> Result<()> {
    throttle::evenly(send_reset(house, cx, email)).await
}

async fn send_reset(house: &House, cx: &Context, email: &Email) -> Result<()> {
    throttle::letter(house, cx, email.as_str()).await?;
    let Some(known) = account::find_credentials(&house.db, email).await? else {
        house.db.platform().await?.commit(cx, Event::PasswordResetAsked).await?;
        return Ok(());
    };
    if known.disabled {
        return Ok(());
    }
    let mut tx = house.db.account(known.account).await?;
    let secret = Secret::generate();
    let times = (cx.now, cx.now + RESET_WITHIN);
    mail_token::insert(&mut tx, &secret.digest(), Purpose::ResetPassword, email, times).await?;
    let link = format!("{}/reset-password?token={}", house.settings.issuer, secret.reveal());
    let name = account::find(&mut tx).await?.map(|account| account.name).unwrap_or_default();
    letters::post(house, cx, &mut tx, To { email, name: &name }, &Message::ResetPassword { link }).await?;
    tx.commit(cx, Event::PasswordResetAsked).await
}

/// What a link to a new password is for: `None` where it is not good any more. An invitation is such a link too.
pub async fn peek_reset(house: &House, cx: &Context, token: &Secret) -> Result<Option<(Purpose, Named)>> {
    for purpose in [Purpose::ResetPassword, Purpose::Invitation] {
        if let Some(named) = mail_token::peek(&house.db, &token.digest(), purpose, cx.now).await? {
            return Ok(Some((purpose, named)));
        }
    }
    Ok(None)
}

/// Chooses a new password by a mailed link. Whoever holds the mailbox has thereby confirmed the address. Ends every login.
///
/// # Errors
/// `Invalid` where the link or the password is not good.
pub async fn reset_password(house: &House, cx: &Context, token: &Secret, new: Secret) -> Result<()> {
    let (purpose, named) = peek_reset(house, cx, token).await?.ok_or_else(|| Error::invalid("token", STALE))?;
    check_new(house, named.account, "password", &new).await?;
    let hash = house.hashing.hash(new).await?;
    let mut tx = house.db.account(named.account).await?;
    if !mail_token::take(&mut tx, &token.digest(), purpose, cx.now).await? {
        return Err(Error::invalid("token", STALE));
    }
    password::set(&mut tx, &hash, cx.now).await?;
    // Who held the account for a while may have asked for links of their own.
    mail_token::void_keys(&mut tx, cx.now).await?;
    let account = account::find(&mut tx).await?.ok_or(Error::NotFound("account"))?;
    if account.email_verified_at.is_none() && account.email == named.email.as_str() {
        account::set_email_verified(&mut tx, cx.now).await?;
        tx.record(cx, &Event::EmailVerified).await?;
    }
    login::end_others(&mut tx, None, cx.now).await?;
    if purpose == Purpose::ResetPassword {
        let email: Email = account.email.parse().map_err(Error::fault)?;
        letters::post(house, cx, &mut tx, To { email: &email, name: &account.name }, &Message::PasswordChanged).await?;
    }
    tx.commit(cx, Event::PasswordReset).await?;
    throttle::succeeded(house, cx, throttle::Attempt::Password, &account.email).await
}

/// Changes the password of somebody who knows the old one. Ends every other login.
///
/// # Errors
/// `Invalid` for the field that is wrong.
pub async fn change_password(
    house: &House,
    cx: &Context,
    (person, here): (AccountId, LoginId),
    old: Secret,
    new: Secret,
) -> Result<()> {
    if !sign_in::confirm_password(house, cx, person, old).await? {
        return Err(Error::invalid("current_password", "is not your password"));
    }
    check_new(house, person, "new_password", &new).await?;
    let hash = house.hashing.hash(new).await?;
    let mut tx = house.db.account(person).await?;
    password::set(&mut tx, &hash, cx.now).await?;
    mail_token::void_keys(&mut tx, cx.now).await?;
    login::end_others(&mut tx, Some(here), cx.now).await?;
    let account = account::find(&mut tx).await?.ok_or(Error::NotFound("account"))?;
    let email: Email = account.email.parse().map_err(Error::fault)?;
    letters::post(house, cx, &mut tx, To { email: &email, name: &account.name }, &Message::PasswordChanged).await?;
    tx.commit(cx, Event::PasswordChanged).await
}

async fn check_new(house: &House, person: AccountId, field: &'static str, new: &Secret) -> Result<()> {
    let mut tx = house.db.account(person).await?;
    let account = account::find(&mut tx).await?.ok_or(Error::NotFound("account"))?;
    let companies = company::of_account(&mut tx).await?;
    tx.commit_unremarkable().await?;
    let least = companies.iter().map(|joined| joined.company.password_min_length).max().unwrap_or(8);
    let company = companies.first().map(|joined| joined.company.name.clone()).unwrap_or_default();
    let email: Email = account.email.parse().map_err(Error::fault)?;
    let least = usize::try_from(least).unwrap_or(8);
    password_rules::check(
        field,
        new.reveal(),
        About { email: Some(&email), name: &account.name, company: &company, least },
    )
}

/// Sends the link that confirms an address once more, to somebody who knows the password.
///
/// # Errors
/// `TooMany` for more letters than anybody needs.
pub async fn confirm_again(house: &House, cx: &Context, person: AccountId) -> Result<()> {
    let account = super::profile::find(house, person).await?;
    if account.email_verified_at.is_some() {
        return Ok(());
    }
    let email: Email = account.email.parse().map_err(Error::fault)?;
    throttle::letter(house, cx, email.as_str()).await?;
    let mut tx = house.db.account(person).await?;
    sign_up::send_confirmation(house, cx, &mut tx, To { email: &email, name: &account.name }).await?;
    tx.commit_unremarkable().await
}

/// Confirms an address by a mailed link: that of a new account, or a new one of an old account.
///
/// # Errors
/// `Invalid` where the link is not good any more; `Conflict` where the address was taken meanwhile.
pub async fn verify_email(house: &House, cx: &Context, token: &Secret) -> Result<()> {
    for purpose in [Purpose::VerifyEmail, Purpose::ChangeEmail] {
        let Some(named) = mail_token::peek(&house.db, &token.digest(), purpose, cx.now).await? else { continue };
        let mut tx = house.db.account(named.account).await?;
        if !mail_token::take(&mut tx, &token.digest(), purpose, cx.now).await? {
            break;
        }
        return if purpose == Purpose::VerifyEmail {
            account::set_email_verified(&mut tx, cx.now).await?;
            tx.commit(cx, Event::EmailVerified).await
        } else {
            account::set_email(&mut tx, &named.email, cx.now).await?;
            mail_token::void_all(&mut tx, cx.now).await?;
            tx.commit(cx, Event::EmailChanged).await
        };
    }
    Err(Error::invalid("token", STALE))
}

/// Whether a link that confirms an address would be good.
pub async fn can_verify(house: &House, cx: &Context, token: &Secret) -> Result<bool> {
    let fresh = mail_token::peek(&house.db, &token.digest(), Purpose::VerifyEmail, cx.now).await?;
    let changed = mail_token::peek(&house.db, &token.digest(), Purpose::ChangeEmail, cx.now).await?;
    Ok(fresh.is_some() || changed.is_some())
}

/// Asks for a new address: it is confirmed there, and told to the old one. Whether the new one is taken is not said.
///
/// # Errors
/// `TooMany` for more letters than anybody needs.
pub async fn change_email(house: &House, cx: &Context, person: AccountId, new: &Email) -> Result<()> {
    throttle::evenly(ask_new_address(house, cx, person, new)).await
}

async fn ask_new_address(house: &House, cx: &Context, person: AccountId, new: &Email) -> Result<()> {
    throttle::letter(house, cx, new.as_str()).await?;
    let taken = account::find_credentials(&house.db, new).await?.is_some();
    let mut tx = house.db.account(person).await?;
    let account = account::find(&mut tx).await?.ok_or(Error::NotFound("account"))?;
    if account.email == new.as_str() {
        return Ok(());
    }
    let old: Email = account.email.parse().map_err(Error::fault)?;
    let to = To { email: new, name: &account.name };
    if taken {
        let link = format!("{}/login", house.settings.issuer);
        letters::post(house, cx, &mut tx, to, &Message::AccountExists { link }).await?;
    } else {
        confirm_new_address(house, cx, &mut tx, to).await?;
    }
    let notice = Message::EmailChangeNotice { to: new.masked() };
    letters::post(house, cx, &mut tx, To { email: &old, name: &account.name }, &notice).await?;
    tx.commit(cx, Event::EmailChangeAsked).await
}

async fn confirm_new_address(house: &House, cx: &Context, tx: &mut AccountTx, to: To<'_>) -> Result<()> {
    let secret = Secret::generate();
    let times = (cx.now, cx.now + sign_up::CONFIRM_WITHIN);
    mail_token::insert(tx, &secret.digest(), Purpose::ChangeEmail, to.email, times).await?;
    let link = format!("{}/verify-email?token={}", house.settings.issuer, secret.reveal());
    letters::post(house, cx, tx, to, &Message::EmailChangeConfirm { link }).await
}
