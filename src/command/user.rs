//! `countersign user`: what an operator does for people when no admin can.

use clap::Subcommand;

use super::{company, reach};
use crate::domain::house::House;
use crate::domain::manage::user::{self, Added, Admin, Changes, Invitation};
use crate::model::email::Email;
use crate::model::error::{Error, Result};
use crate::model::role::Role;
use crate::storage::account;

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show the account of an address.
    Show {
        /// The address.
        email: String,
    },
    /// Add a person to a company. A letter lets them choose a password.
    Add {
        /// Slug of the company.
        company: String,
        /// The address.
        email: String,
        /// The name.
        name: String,
        /// admin, manager or user.
        #[arg(long, default_value = "user")]
        role: Role,
    },
    /// Give a member another role.
    SetRole {
        /// Slug of the company.
        company: String,
        /// The address.
        email: String,
        /// admin, manager or user.
        role: Role,
    },
    /// End a membership, with its tokens.
    Remove {
        /// Slug of the company.
        company: String,
        /// The address.
        email: String,
    },
    /// Take a lost second factor away.
    ResetMfa {
        /// Slug of the company that made the account.
        company: String,
        /// The address.
        email: String,
    },
    /// Send a link to choose a password.
    PasswordLink {
        /// Slug of the company that made the account.
        company: String,
        /// The address.
        email: String,
    },
    /// Switch an account off everywhere, with every login.
    Disable {
        /// The address.
        email: String,
    },
    /// Switch an account on again.
    Enable {
        /// The address.
        email: String,
    },
}

/// Does it.
pub async fn run(action: Action) -> Result<()> {
    let (house, _reached) = reach::house().await?;
    let cx = house.job("command");
    match action {
        Action::Show { email } => {
            let found = find(&house, &email).await?;
            println!("{}", found.account);
            println!("address        {}", if found.email_verified { "verified" } else { "not verified" });
            println!("second factor  {}", if found.has_totp { "on" } else { "off" });
            println!("account        {}", if found.disabled { "switched off" } else { "active" });
        }
        Action::Add { company, email, name, role } => {
            let admin = operator(&house, &company).await?;
            match user::add(&house, &cx, admin, Invitation { email, name, role }).await? {
                Added::Member(id) => println!("{id}"),
                Added::Invited => println!("The owner of the address was invited by letter, and decides."),
            }
        }
        Action::SetRole { company, email, role } => {
            let changes = Changes { role: Some(role), active: None };
            let id = find(&house, &email).await?.account;
            user::change(&house, &cx, operator(&house, &company).await?, id, changes).await?;
        }
        Action::Remove { company, email } => {
            let id = find(&house, &email).await?.account;
            user::remove(&house, &cx, operator(&house, &company).await?, id).await?;
        }
        Action::ResetMfa { company, email } => {
            let id = find(&house, &email).await?.account;
            user::reset_second_factor(&house, &cx, operator(&house, &company).await?, id).await?;
        }
        Action::PasswordLink { company, email } => {
            let id = find(&house, &email).await?.account;
            user::send_password_link(&house, &cx, operator(&house, &company).await?, id).await?;
        }
        Action::Disable { email } => {
            let id = find(&house, &email).await?.account;
            user::disable(&house, &cx, id).await?;
        }
        Action::Enable { email } => {
            let id = find(&house, &email).await?.account;
            user::enable(&house, &cx, id).await?;
        }
    }
    Ok(())
}

async fn operator(house: &House, slug: &str) -> Result<Admin> {
    Ok(Admin { company: company::find(house, slug).await?, account: None })
}

async fn find(house: &House, email: &str) -> Result<account::Credentials> {
    let email: Email = email.parse().map_err(|_| Error::invalid("email", "is not an e-mail address"))?;
    account::find_credentials(&house.db, &email).await?.ok_or(Error::NotFound("account"))
}
