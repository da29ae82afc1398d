//! `countersign client`: registers relying parties. A secret is shown once, when it is made.

mod new;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use self::new::New;
use super::{company, reach};
use crate::domain::house::House;
use crate::domain::oidc::registration::{SecretWish, accept, provide_secret, token};
use crate::model::client::{Client, ConsentRule, Profile, registration};
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::storage::client;
use crate::storage::initial_access_token::Terms;

/// What can be done with them.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show every client.
    List,
    /// Register a client; prints its id, and its secret where it has one.
    Create(Box<New>),
    /// Replace the redirect URIs of a client.
    RedirectUris {
        /// The client's id.
        id: String,
        /// Each exactly as the client will send it.
        #[arg(required = true)]
        uris: Vec<String>,
    },
    /// Make a new secret; the old one is void within two seconds.
    RotateSecret {
        /// The client's id.
        id: String,
    },
    /// Switch a client off.
    Disable {
        /// The client's id.
        id: String,
    },
    /// Switch it on again.
    Enable {
        /// The client's id.
        id: String,
    },
    /// Show what is registered of a client.
    Show {
        /// The client's id.
        id: String,
    },
    /// Change members of a client's metadata.
    Change {
        /// The client's id.
        id: String,
        /// A file with the members that change (RFC 7591, section 2); null takes one away.
        #[arg(long)]
        metadata: PathBuf,
    },
    /// Delete a client, with its grants and tokens.
    Delete {
        /// The client's id.
        id: String,
    },
    /// Make a token that lets its bearer register clients at /oauth2/register.
    RegistrationToken(Sesame),
}

/// A token to make.
#[derive(Debug, Args)]
pub struct Sesame {
    /// The slug of the company that will own the clients; without one they serve every company.
    #[arg(long)]
    company: Option<String>,
    /// How many clients it registers at most; without a number, any.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
    uses: Option<i32>,
    /// How many days it is good.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365))]
    days: u16,
    /// What is demanded of the clients: standard, high or legacy.
    #[arg(long, default_value = "standard", value_parser = ["standard", "high", "legacy"])]
    profile: String,
}

/// Does it.
pub async fn run(action: Action) -> Result<()> {
    let (house, _reached) = reach::house().await?;
    match action {
        Action::List => {
            for one in client::list(&house.db).await? {
                let owner = one.owner.as_deref().unwrap_or("(platform)");
                let off = if one.disabled { "switched off" } else { "" };
                println!("{:40} {owner:20} {:20} {} {off}", one.id, one.method, one.name);
            }
            Ok(())
        }
        Action::Create(new) => new::create(&house, *new).await,
        Action::RedirectUris { id, uris } => {
            change(&house, &id, "redirect_uris", Map::from_iter([("redirect_uris".to_owned(), json!(uris))])).await
        }
        Action::RotateSecret { id } => {
            let mut client = find(&house, &id).await?;
            let secret = provide_secret(&house, &mut client, SecretWish::Renew)?;
            let secret =
                secret.ok_or_else(|| Error::invalid("client", "has no secret: it proves who it is otherwise"))?;
            save(&house, &client, Event::ClientChanged { client: client.id.clone(), what: "secret" }).await?;
            println!("{}", secret.reveal());
            Ok(())
        }
        Action::Show { id } => {
            let client = find(&house, &id).await?;
            let shown = json!({
                "client_id": client.id,
                "company": client.company,
                "origin": client.origin.as_str(),
                "profile": client.profile.as_str(),
                "skip_consent": client.consent == ConsentRule::Skip,
                "enabled": client.disabled_at.is_none(),
                "metadata": registration::write(&client),
            });
            println!("{}", serde_json::to_string_pretty(&shown)?);
            Ok(())
        }
        Action::Change { id, metadata } => change(&house, &id, "metadata", new::members(&metadata)?).await,
        Action::Delete { id } => {
            let client = find(&house, &id).await?;
            let mut tx = house.db.owner(client.company, None).await?;
            client::delete(&mut tx, &client.id).await?;
            tx.commit(&house.job("command line"), Event::ClientDeleted { client: client.id }).await
        }
        Action::RegistrationToken(made) => registration_token(&house, made).await,
        Action::Disable { id } => switch(&house, &id, "disabled", Some(house.clock.now())).await,
        Action::Enable { id } => switch(&house, &id, "enabled", None).await,
    }
}

/// Reads changed members over what is registered.
async fn change(house: &House, id: &str, what: &'static str, more: Map<String, Value>) -> Result<()> {
    let known = find(house, id).await?;
    let mut sent = registration::write(&known);
    sent.extend(more);
    let mut client = accept(house, &sent, known).await?;
    let secret = provide_secret(house, &mut client, SecretWish::Keep)?;
    save(house, &client, Event::ClientChanged { client: client.id.clone(), what }).await?;
    if let Some(secret) = secret {
        println!("client secret  {}   (shown this once)", secret.reveal());
    }
    Ok(())
}

async fn switch(house: &House, id: &str, what: &'static str, at: Option<OffsetDateTime>) -> Result<()> {
    let mut client = find(house, id).await?;
    client.disabled_at = at;
    save(house, &client, Event::ClientChanged { client: client.id.clone(), what }).await
}

async fn find(house: &House, id: &str) -> Result<Client> {
    client::read(&house.db, id).await?.ok_or(Error::NotFound("client"))
}

async fn save(house: &House, client: &Client, event: Event) -> Result<()> {
    let cx = house.job("command line");
    let mut tx = house.db.owner(client.company, None).await?;
    client::save_owned(&mut tx, client, cx.now).await?;
    tx.commit(&cx, event).await
}

async fn registration_token(house: &House, made: Sesame) -> Result<()> {
    let company = match &made.company {
        Some(slug) => Some(company::find(house, slug).await?),
        None => None,
    };
    let profile = Profile::read(&made.profile).ok_or_else(|| Error::invalid("profile", "is unknown"))?;
    let lasts = Duration::days(made.days.into());
    let secret = token::create(house, &house.job("command line"), Terms { company, profile }, made.uses, lasts).await?;
    println!("initial access token  {}   (shown this once)", secret.reveal());
    Ok(())
}
