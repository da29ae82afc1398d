//! Registration: a new company with its first admin.

use time::Duration;

use crate::domain::house::House;
use crate::domain::letters::{self, Message, To};
use crate::domain::person::password_rules::{self, About};
use crate::domain::throttle;
use crate::model::context::Context;
use crate::model::email::Email;
use crate::model::error::{Error, Flaw, Result};
use crate::model::event::Event;
use crate::model::id::{AccountId, CompanyId};
use crate::model::role::Role;
use crate::model::secret::Secret;
use crate::storage::mail_token::{self, Purpose};
use crate::storage::scope::AccountTx;
use crate::storage::{account, company, membership, password};

/// How long a link that confirms an address is good.
pub const CONFIRM_WITHIN: Duration = Duration::hours(24);

/// What somebody typed.
#[derive(Debug)]
pub struct Registration {
    /// The company's name.
    pub company_name: String,
    /// The person's address.
    pub email: String,
    /// The password.
    pub password: Secret,
    /// The person's name.
    pub name: String,
}

/// What became of it.
#[derive(Debug)]
pub enum Registered {
    /// The company and its first admin are there.
    Done {
        /// The admin.
        account: AccountId,
        /// The company.
        company: CompanyId,
    },
    /// A letter was sent, whether the address was known or not.
    LetterSent,
}

/// Makes a company and its first admin.
///
/// # Errors
/// `Invalid` with every flaw at once; `Conflict` where the address is known and this server may say so.
pub async fn register(house: &House, cx: &Context, typed: Registration) -> Result<Registered> {
    throttle::evenly(found(house, cx, typed)).await
}

async fn found(house: &House, cx: &Context, typed: Registration) -> Result<Registered> {
    throttle::registration(house, cx).await?;
    let (email, name, company_name) = check(&typed)?;
    // The same work for a known address, so that the time tells nothing.
    let hash = house.hashing.hash(typed.password).await?;
    let quiet = house.settings.require_verified_email;
    if quiet {
        throttle::letter(house, cx, email.as_str()).await?;
    }
    if let Some(known) = account::find_credentials(&house.db, &email).await? {
        if !quiet {
            return Err(Error::Conflict("this address has an account already"));
        }
        let mut tx = house.db.account(known.account).await?;
        let link = format!("{}/login", house.settings.issuer);
        // The owner's own name: what a stranger typed is not mailed to people.
        let name = account::find(&mut tx).await?.map(|account| account.name).unwrap_or_default();
        letters::post(house, cx, &mut tx, To { email: &email, name: &name }, &Message::AccountExists { link }).await?;
        tx.commit_unremarkable().await?;
        return Ok(Registered::LetterSent);
    }
    let mut slug = slug(&company_name);
    if company::find_by_slug(&house.db, &slug).await?.is_some() {
        slug = format!("{}-{}", slug.chars().take(50).collect::<String>(), suffix());
    }
    let (person, company) = (AccountId::new(cx.now), CompanyId::new(cx.now));
    let mut tx = house.db.account(person).await?;
    match account::insert(&mut tx, &email, &name, None, cx.now).await {
        // Somebody registered the same address a moment ago.
        Err(Error::Conflict(_)) if quiet => return Ok(Registered::LetterSent),
        other => other?,
    }
    password::set(&mut tx, &hash, cx.now).await?;
    let mut tx = tx.enter(company).await?;
    company::insert(&mut tx, &slug, &company_name, cx.now).await?;
    membership::insert(&mut tx, person, Role::Admin, cx.now).await?;
    tx.record(cx, &Event::CompanyRegistered).await?;
    let mut tx = tx.leave(person).await?;
    account::set_home(&mut tx, company).await?;
    send_confirmation(house, cx, &mut tx, To { email: &email, name: &name }).await?;
    tx.commit_unremarkable().await?;
    Ok(if quiet { Registered::LetterSent } else { Registered::Done { account: person, company } })
}

/// Writes the letter with the link that confirms an address.
pub async fn send_confirmation(house: &House, cx: &Context, tx: &mut AccountTx, to: To<'_>) -> Result<()> {
    let secret = Secret::generate();
    let times = (cx.now, cx.now + CONFIRM_WITHIN);
    mail_token::insert(tx, &secret.digest(), Purpose::VerifyEmail, to.email, times).await?;
    let link = format!("{}/verify-email?token={}", house.settings.issuer, secret.reveal());
    letters::post(house, cx, tx, to, &Message::VerifyEmail { link }).await
}

/// A name that people read: trimmed, of at most so many characters, without control characters.
pub fn check_name(field: &'static str, text: &str, most: usize) -> Result<String, Flaw> {
    let text = text.trim();
    let wrong = |message: String| Err(Flaw { field, message: message.into() });
    if text.is_empty() {
        return wrong("must not be empty".to_owned());
    }
    if text.chars().count() > most {
        return wrong(format!("must have at most {most} characters"));
    }
    if text.chars().any(char::is_control) {
        return wrong("must not contain control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// An address that somebody typed.
pub fn check_email(field: &'static str, text: &str) -> Result<Email, Flaw> {
    text.parse().map_err(|_| Flaw { field, message: "is not an e-mail address".into() })
}

fn check(typed: &Registration) -> Result<(Email, String, String)> {
    let email = check_email("email", &typed.email);
    let name = check_name("name", &typed.name, 200);
    let company = check_name("company_name", &typed.company_name, 120);
    let mut flaws: Vec<Flaw> =
        [email.as_ref().err(), name.as_ref().err(), company.as_ref().err()].into_iter().flatten().cloned().collect();
    let about = About {
        email: email.as_ref().ok(),
        name: name.as_deref().unwrap_or_default(),
        company: company.as_deref().unwrap_or_default(),
        least: 8,
    };
    if let Err(Error::Invalid(more)) = password_rules::check("password", typed.password.reveal(), about) {
        flaws.extend(more);
    }
    match (email, name, company) {
        (Ok(email), Ok(name), Ok(company)) if flaws.is_empty() => Ok((email, name, company)),
        _ => Err(Error::Invalid(flaws)),
    }
}

/// A company's short name: its letters and digits in lower case, hyphens between.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug: String = slug.chars().take(60).collect();
    let slug = slug.trim_matches('-');
    if slug.is_empty() { format!("company-{}", suffix()) } else { slug.to_owned() }
}

/// Whether this can be a company's short name.
pub fn is_slug(text: &str) -> bool {
    slug(text) == text
}

fn suffix() -> String {
    crate::model::secret::random::<3>().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_slug, slug};

    #[test]
    fn a_slug_is_made_of_the_name() {
        assert_eq!(slug("TechCorp"), "techcorp");
        assert_eq!(slug(" Müller & Söhne GmbH "), "m-ller-s-hne-gmbh");
        assert!(slug("日本").starts_with("company-"));
    }

    #[test]
    fn a_short_name_is_what_would_be_made_of_it() {
        assert!(is_slug("acme") && is_slug("acme-2"));
        for odd in ["", "Acme", "-acme", "acme-", "a b", "acme_2", &"a".repeat(64)] {
            assert!(!is_slug(odd), "{odd}");
        }
    }
}
