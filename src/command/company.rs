//! `countersign company`: the operator's list of companies, and their policy.

use clap::Subcommand;

use super::reach;
use crate::domain::house::House;
use crate::domain::person::sign_up;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::CompanyId;
use crate::storage::company;

/// What can be done with them.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Show every company.
    List,
    /// Make a company without anybody in it; `countersign user add` adds its first admin.
    Create {
        /// Its name for people.
        name: String,
        /// Its short name in URLs and tokens: lower case letters, digits, hyphens.
        slug: String,
    },
    /// Demand a second factor of everybody, or no longer.
    RequireMfa {
        /// The company's slug.
        slug: String,
        /// on or off
        #[arg(value_parser = ["on", "off"])]
        state: String,
    },
}

/// Does it.
pub async fn run(action: Action) -> Result<()> {
    let (house, _reached) = reach::house().await?;
    match action {
        Action::List => {
            for one in company::list(&house.db).await? {
                let mfa = if one.require_mfa { "second factor required" } else { "" };
                println!("{}  {:20} {:30} {:6} people  {mfa}", CompanyId(one.id), one.slug, one.name, one.members);
            }
        }
        Action::Create { name, slug } => {
            let cx = house.job("command line");
            if !sign_up::is_slug(&slug) {
                return Err(Error::invalid("slug", "must be lower case letters and digits, with hyphens between"));
            }
            let name = sign_up::check_name("name", &name, 120).map_err(|flaw| Error::Invalid(vec![flaw]))?;
            let id = CompanyId::new(cx.now);
            let mut tx = house.db.company(id, None).await?;
            company::insert(&mut tx, &slug, &name, cx.now).await?;
            tx.commit(&cx, Event::CompanyRegistered).await?;
            println!("{id}");
        }
        Action::RequireMfa { slug, state } => {
            let cx = house.job("command line");
            let mut tx = house.db.company(find(&house, &slug).await?, None).await?;
            let mut row = company::find(&mut tx).await?.ok_or(Error::NotFound("company"))?;
            row.require_mfa = state == "on";
            company::update(&mut tx, &row, cx.now).await?;
            tx.commit(&cx, Event::CompanyChanged(vec!["require_mfa"])).await?;
            println!("{slug}: second factor required: {state}");
        }
    }
    Ok(())
}

/// The company of a slug.
pub(crate) async fn find(house: &House, slug: &str) -> Result<CompanyId> {
    company::find_by_slug(&house.db, slug).await?.ok_or(Error::NotFound("company"))
}
