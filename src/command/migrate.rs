//! `countersign migrate`: brings a database up to date, as its owner, and sees to the role that the server uses.

use sqlx::{Connection as _, PgConnection};

use crate::model::error::{Error, Result};
use crate::storage;

/// Migrates the database of `owner_url` and gives the role of `app_url` its password.
///
/// # Errors
/// A URL cannot be read, the database cannot be reached, or a migration fails.
pub async fn run(owner_url: &str, app_url: &str) -> Result<()> {
    let app = url::Url::parse(app_url).map_err(Error::fault)?;
    if app.username() != "countersign_app" {
        return Err(Error::fault("DATABASE_URL must name the role countersign_app, which the migrations make"));
    }
    let password = percent_decoded(app.password().unwrap_or_default());
    let mut conn = PgConnection::connect(owner_url).await?;
    storage::migration::run(&mut conn).await?;
    storage::migration::set_app_password(&mut conn, &password).await?;
    conn.close().await?;
    Ok(())
}

fn percent_decoded(text: &str) -> String {
    // Form decoding would turn a plus into a space.
    let pairs = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pairs.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}
