//! `countersign dev`: everything on one machine with one command, for development. It must never be used for anything else.

use std::sync::Arc;

use super::{demo, log, migrate, reach, serve, settings};
use crate::domain::house::House;
use crate::http::server;
use crate::job;
use crate::model::error::Result;
use crate::model::settings::Mode;
use crate::storage::scope::Db;

/// Runs until it is told to stop.
pub async fn run() -> Result<()> {
    let settings = settings(Mode::Dev)?;
    let log = log::start(&settings)?;
    println!("Starting the database…");
    let reached = reach::database(&settings).await?;
    if let Ok(owner_url) = reached.owner_url() {
        migrate::run(&owner_url, &reached.app_url).await?;
    }
    let db = Db::open(&reached.app_url, settings.database_connections)?;
    let house = Arc::new(House::build(settings, db)?);
    serve::prepare(&house).await?;
    println!("Loading the demo companies…");
    demo::load(&house).await?;
    job::start(&house);
    let served = server::run(&house, |_| welcome(&house.settings.issuer)).await;
    house.db.close().await;
    log.end().await;
    served
}

fn welcome(issuer: &str) {
    println!(
        "
  Countersign is running, for development only.

  Pages      {issuer}/login
  Issuer     {issuer}     (discovery: {issuer}/.well-known/openid-configuration)
  API        {issuer}/docs
  Mail       {issuer}/dev/mail

  People, all with the password {password}
    TechCorp      admin@techcorp.com   manager@techcorp.com   user@techcorp.com
    StartupXYZ    admin@startupxyz.com
    both          agency@example.com

  Clients, all with the redirect URI {redirect}
    cli_demo_web       confidential, secret {web}
    cli_demo_app       public
    cli_demo_partner   confidential, of TechCorp, asks for consent, secret {partner}

  An app to try it with:  make example
  Stop with Ctrl-C.
",
        password = demo::PASSWORD,
        redirect = demo::REDIRECT_URI,
        web = demo::WEB_SECRET,
        partner = demo::PARTNER_SECRET,
    );
}
