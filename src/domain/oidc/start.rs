//! Sign-ins that begin here (OpenID Connect Core, section 4): apps that serve a person's company and say where theirs begins.

use url::Url;

use crate::domain::house::House;
use crate::model::error::Result;
use crate::model::id::CompanyId;
use crate::storage::client;

/// An app that can be opened.
#[derive(Debug)]
pub struct Start {
    /// Its name.
    pub name: String,
    /// Its picture.
    pub logo_uri: Option<String>,
    /// Where its sign-in begins, with `iss`.
    pub link: String,
}

/// The apps that the company's people can open, by name. Nothing that registered itself for every company is among them.
pub async fn apps(house: &House, company: CompanyId) -> Result<Vec<Start>> {
    let mut tx = house.db.company(company, None).await?;
    let rows = client::list_startable(&mut tx).await?;
    tx.commit_unremarkable().await?;
    let start = |row: client::Startable| {
        let mut link = Url::parse(&row.initiate_login_uri).ok()?;
        link.query_pairs_mut().append_pair("iss", &house.settings.issuer);
        Some(Start { name: row.name, logo_uri: row.logo_uri, link: link.into() })
    };
    Ok(rows.into_iter().filter_map(start).collect())
}
