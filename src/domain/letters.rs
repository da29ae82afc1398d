//! The letters that people get. Each is written into the outbox in the transaction that it reports, so that none is sent for
//! what did not happen, and none is lost for what did.

use askama::Template;

use super::delivery;
use super::house::House;
use crate::model::context::Context;
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::id::fresh;
use crate::model::letter::Letter;
use crate::storage::outbox::{self, Parcel};
use crate::storage::scope::{AccountTx, CompanyTx};

/// What a letter says.
#[derive(Debug, Clone)]
pub enum Message {
    /// Please confirm your address.
    VerifyEmail {
        /// Good for a day.
        link: String,
    },
    /// Here you can choose a new password.
    ResetPassword {
        /// Good for an hour.
        link: String,
    },
    /// A company invites you.
    Invitation {
        /// Good for a week.
        link: String,
        /// Who invites.
        company: String,
    },
    /// One more company invites you.
    Join {
        /// Good for a week.
        link: String,
        /// Who invites.
        company: String,
    },
    /// Please confirm that this new address is yours.
    EmailChangeConfirm {
        /// Good for a day.
        link: String,
    },
    /// To the old address: somebody wants to change it.
    EmailChangeNotice {
        /// To what, masked.
        to: String,
    },
    /// Your password was changed.
    PasswordChanged,
    /// Your second factor is on.
    SecondFactorEnabled,
    /// Your second factor is off.
    SecondFactorDisabled,
    /// You have new backup codes.
    BackupCodesRenewed,
    /// Somebody registered with your address; you have an account.
    AccountExists {
        /// Where to sign in.
        link: String,
    },
}

#[derive(Template)]
#[template(path = "letter/letter.html")]
struct HtmlLetter<'a> {
    subject: &'a str,
    name: &'a str,
    paragraphs: &'a [String],
    link: Option<(&'a str, &'a str)>,
    issuer: &'a str,
}

#[derive(Template)]
#[template(path = "letter/letter.txt")]
struct TextLetter<'a> {
    name: &'a str,
    paragraphs: &'a [String],
    link: Option<(&'a str, &'a str)>,
    issuer: &'a str,
}

/// Whom a letter is for.
#[derive(Debug, Clone, Copy)]
pub struct To<'a> {
    /// The address.
    pub email: &'a Email,
    /// The name, for the first line.
    pub name: &'a str,
}

/// Writes a letter in a person's transaction.
pub async fn post(house: &House, cx: &Context, tx: &mut AccountTx, to: To<'_>, message: &Message) -> Result<()> {
    outbox::post(tx, &parcel(house, cx, to, message)?, cx.now).await
}

/// Writes a letter in a company's transaction.
pub async fn post_from_company(
    house: &House,
    cx: &Context,
    tx: &mut CompanyTx,
    to: To<'_>,
    message: &Message,
) -> Result<()> {
    outbox::post_from_company(tx, &parcel(house, cx, to, message)?, cx.now).await
}

fn parcel(house: &House, cx: &Context, to: To<'_>, message: &Message) -> Result<Parcel> {
    let (subject, paragraphs, link) = words(cx, message);
    let link = link.as_ref().map(|(label, url)| (label.as_str(), url.as_str()));
    let (issuer, name, paragraphs) = (house.settings.issuer.as_str(), to.name, paragraphs.as_slice());
    let html = HtmlLetter { subject: &subject, name, paragraphs, link, issuer }.render().map_err(Error::fault)?;
    let text = TextLetter { name, paragraphs, link, issuer }.render().map_err(Error::fault)?;
    let letter = Letter { to: to.email.as_str().to_owned(), subject, text, html };
    let id = fresh(cx.now);
    Ok(Parcel { id, message_sealed: delivery::seal(house, id, &letter)? })
}

type Words = (String, Vec<String>, Option<(String, String)>);

fn words(cx: &Context, message: &Message) -> Words {
    let say = |subject: &str, paragraphs: &[&str], link: Option<(&str, &String)>| {
        let link = link.map(|(label, url)| (label.to_owned(), url.clone()));
        (subject.to_owned(), paragraphs.iter().map(|text| (*text).to_owned()).collect(), link)
    };
    let from = match (cx.ip, &cx.user_agent) {
        (Some(ip), Some(agent)) => format!("It was done on {} UTC from {ip} ({agent}).", when(cx)),
        _ => format!("It was done on {} UTC.", when(cx)),
    };
    let not_you = "If this was not you, choose a new password at once and tell your company's admin.";
    match message {
        Message::VerifyEmail { link } => say(
            "Please confirm your e-mail address",
            &[
                "Please confirm that this address is yours. The link is good for 24 hours.",
                "If you did not register, ignore this letter.",
            ],
            Some(("Confirm my address", link)),
        ),
        Message::ResetPassword { link } => say(
            "Choose a new password",
            &[
                "Somebody, probably you, asked for a new password. The link is good for one hour, once.",
                "If it was not you, ignore this letter: your password stays as it is.",
            ],
            Some(("Choose a new password", link)),
        ),
        Message::Invitation { link, company } => say(
            &format!("{company} invites you"),
            &[&format!(
                "{company} has made an account for you. Choose a password, and you can sign in. The link is good for seven days."
            )],
            Some(("Accept the invitation", link)),
        ),
        Message::Join { company, link } => say(
            &format!("{company} invites you"),
            &[&format!(
                "{company} invites you to join with the account that you have. Nothing changes until you accept. The link is good for seven days."
            )],
            Some(("See the invitation", link)),
        ),
        Message::EmailChangeConfirm { link } => say(
            "Please confirm your new e-mail address",
            &[
                "Please confirm that this address is yours. From then on you sign in with it. The link is good for 24 hours.",
            ],
            Some(("Confirm my new address", link)),
        ),
        Message::EmailChangeNotice { to } => say(
            "Your e-mail address is about to change",
            &[
                &format!(
                    "Somebody, probably you, asked to change the address of your account to {to}. It changes when the new address is confirmed."
                ),
                &from,
                not_you,
            ],
            None,
        ),
        Message::PasswordChanged => say(
            "Your password was changed",
            &["Your password was changed, and you were signed out everywhere else.", &from, not_you],
            None,
        ),
        Message::SecondFactorEnabled => say(
            "Two-step verification is on",
            &[
                "From now on you need a code from your authenticator app to sign in. Keep your backup codes in a safe place.",
                &from,
                not_you,
            ],
            None,
        ),
        Message::SecondFactorDisabled => say(
            "Two-step verification is off",
            &["From now on your password alone is enough to sign in.", &from, not_you],
            None,
        ),
        Message::BackupCodesRenewed => say(
            "You have new backup codes",
            &["Ten new backup codes were made for your account. The old ones no longer work.", &from, not_you],
            None,
        ),
        Message::AccountExists { link } => say(
            "You already have an account",
            &[
                "Somebody, probably you, tried to register with this address. You have an account already: sign in, or choose a new password if you have forgotten yours.",
            ],
            Some(("Sign in", link)),
        ),
    }
}

fn when(cx: &Context) -> String {
    let format = time::macros::format_description!("[day] [month repr:long] [year], [hour]:[minute]");
    cx.now.format(format).unwrap_or_default()
}
