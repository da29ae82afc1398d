//! The command line: what an operator types. Rules are asked of `domain`; nothing is decided here.

pub mod capacity;
pub mod client;
pub mod company;
pub mod demo;
pub mod dev;
pub mod doctor;
pub mod embedded;
pub mod keys;
pub mod log;
pub mod migrate;
pub mod reach;
pub mod serve;
pub mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::model::error::{Error, Result};
use crate::model::settings::{Mode, Settings};

/// OpenID Connect for voice-agent platforms with many companies.
///
/// Configuration comes from the environment and a .env file; README.md lists the settings.
#[derive(Debug, Parser)]
#[command(name = "countersign", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything for development: a private PostgreSQL, migrations, demo companies, the server.
    Dev,
    /// Run the server. Refuses weak secrets, an http issuer and a database role that row-level security does not hold.
    Serve,
    /// Bring the database up to date (MIGRATE_DATABASE_URL is its owner, DATABASE_URL the server's role).
    Migrate,
    /// Load the demo companies into a development database.
    Seed,
    /// Companies: list, create, change their policy.
    #[command(subcommand)]
    Company(company::Action),
    /// People: add, change their role, end and begin memberships, help with a lost password.
    #[command(subcommand)]
    User(user::Action),
    /// Clients (OpenID Connect relying parties): list, create, change.
    #[command(subcommand)]
    Client(client::Action),
    /// Signing keys: list, rotate; and seal everything anew after a change of SECRET_KEY.
    #[command(subcommand)]
    Keys(keys::Action),
    /// Check configuration, database, mail, clock and issuer, and say what to do about each problem.
    Doctor,
    /// Compute how many nodes and how much of a database so many accounts need, from what was measured.
    Capacity(capacity::Question),
}

/// Runs what the command line says.
pub fn run() -> ExitCode {
    drop(dotenvy::dotenv());
    let line = Line::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("countersign: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(obey(line.command)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("countersign: {}", plain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn obey(command: Command) -> Result<ExitCode> {
    match command {
        Command::Dev => dev::run().await?,
        Command::Serve => serve::run().await?,
        Command::Migrate => {
            let reached = reach::database(&settings(Mode::Command)?).await?;
            migrate::run(&reached.owner_url()?, &reached.app_url).await?;
            println!("The database is up to date.");
        }
        Command::Seed => demo::seed().await?,
        Command::Company(action) => company::run(action).await?,
        Command::User(action) => user::run(action).await?,
        Command::Client(action) => client::run(action).await?,
        Command::Keys(action) => keys::run(action).await?,
        Command::Doctor => return doctor::run().await,
        Command::Capacity(question) => capacity::run(&question),
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the settings from the environment.
pub(crate) fn settings(mode: Mode) -> Result<Settings> {
    Settings::read(&std::env::vars().collect(), mode).map_err(Error::fault)
}

/// What a person at a terminal reads of an error.
pub(crate) fn plain(error: &Error) -> String {
    match error {
        Error::Fault(source) => {
            let mut text = source.to_string();
            let mut cause = source.source();
            while let Some(error) = cause {
                text.push_str(": ");
                text.push_str(&error.to_string());
                cause = error.source();
            }
            text
        }
        Error::Invalid(flaws) => {
            let flaws: Vec<String> = flaws.iter().map(|flaw| format!("{} {}", flaw.field, flaw.message)).collect();
            flaws.join("; ")
        }
        other => other.to_string(),
    }
}

/// An instant as RFC 3339 writes it, to the second.
pub(crate) fn stamp(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| at.to_string())
}
