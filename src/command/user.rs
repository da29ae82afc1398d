//! `countersign user`: what an operator does for people when no admin can.

use clap::Subcommand;

use super::{company, reach};
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::storage::account;

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show the account of an address.
    Show {
        /// The address.
        email: String,
    },
}

/// Does it.
pub async fn run(action: Action) -> Result<()> {
    let (house, _reached) = reach::house().await?;
    match action {
        Action::Show { email } => {
            let email: Email = email.parse().map_err(|_| Error::invalid("email", "is not an e-mail address"))?;
            let found = account::find_credentials(&house.db, &email).await?.ok_or(Error::NotFound("account"))?;
            let state = |on, text| if on { text } else { "" };
            println!(
                "{} {} {} {}",
                found.account,
                state(found.email_verified, "verified"),
                state(found.has_totp, "second factor"),
                state(found.disabled, "switched off")
            );
        }
    }
    let _ = company::find;
    Ok(())
}
