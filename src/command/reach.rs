//! How commands reach the database: the operator's, or the private one, started for as long as the command runs.

use crate::domain::house::House;
use crate::model::error::{Error, Result};
use crate::model::settings::{DatabaseChoice, Mode, Settings};
use crate::storage::scope::Db;

use super::embedded::{Embedded, Purpose};

/// The database's name in the private PostgreSQL.
const NAME: &str = "countersign";

/// A database that answers, for as long as this lives.
#[derive(Debug)]
pub struct Reached {
    /// As the server's role.
    pub app_url: String,
    owner_url: Option<String>,
    _embedded: Option<Embedded>,
}

impl Reached {
    /// As the owner of the schema.
    ///
    /// # Errors
    /// `MIGRATE_DATABASE_URL` is not set.
    pub fn owner_url(&self) -> Result<String> {
        let missing = "MIGRATE_DATABASE_URL is not set: set it to the URL of the schema's owner, who runs migrations";
        self.owner_url.clone().ok_or_else(|| Error::fault(missing))
    }
}

/// Reaches the database of the settings.
pub async fn database(settings: &Settings) -> Result<Reached> {
    match &settings.database {
        DatabaseChoice::Url(url) => {
            Ok(Reached { app_url: url.clone(), owner_url: settings.migrate_database_url.clone(), _embedded: None })
        }
        DatabaseChoice::Embedded(directory) => {
            let embedded = Embedded::open(directory, Purpose::Work).await?;
            crate::storage::migration::ensure_database(&embedded.superuser_url("postgres"), NAME).await?;
            let (app_url, owner_url) = (embedded.app_url(NAME), embedded.superuser_url(NAME));
            Ok(Reached { app_url, owner_url: Some(owner_url), _embedded: Some(embedded) })
        }
    }
}

/// A house for a command: the rules, with no server around them. The second part keeps the database up.
pub async fn house() -> Result<(House, Reached)> {
    let settings = super::settings(Mode::Command)?;
    let reached = database(&settings).await?;
    let db = Db::open(&reached.app_url, 2)?;
    Ok((House::build(settings, db)?, reached))
}
