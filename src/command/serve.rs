//! `countersign serve`: the server, for real use. It refuses to start where it could not keep its promises.

use std::sync::Arc;

use super::{log, settings};
use crate::domain::house::House;
use crate::domain::keys;
use crate::http::server;
use crate::job;
use crate::model::error::{Error, Result};
use crate::model::settings::{DatabaseChoice, Mode};
use crate::storage::migration;
use crate::storage::scope::Db;

/// Runs until it is told to stop.
pub async fn run() -> Result<()> {
    let settings = settings(Mode::Serve)?;
    let log = log::start(&settings)?;
    let DatabaseChoice::Url(url) = &settings.database else {
        return Err(Error::fault("DATABASE_URL is not set"));
    };
    let db = Db::open(url, settings.database_connections)?;
    let house = Arc::new(House::build(settings, db)?);
    let faults = migration::faults_of_the_wall(&house.db).await?;
    if !faults.is_empty() {
        let faults = faults.join("\n  ");
        return Err(Error::fault(format!(
            "the database does not keep companies apart, so the server does not start:\n  {faults}\nUse the role countersign_app, which `countersign migrate` makes."
        )));
    }
    prepare(&house).await?;
    job::start(&house);
    let served = server::run(&house, |address| {
        tracing::info!(%address, issuer = %house.settings.issuer, "serving");
    });
    let served = served.await;
    house.db.close().await;
    log.end().await;
    served
}

/// What must be there before the first request.
pub async fn prepare(house: &Arc<House>) -> Result<()> {
    if !migration::is_current(&house.db).await? {
        return Err(Error::fault("the database is not up to date: run `countersign migrate`"));
    }
    keys::ensure(house, &house.job("start")).await?;
    job::months(Arc::clone(house)).await
}
