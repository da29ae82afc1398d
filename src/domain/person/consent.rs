//! The apps that a person let in, and how they are shown the door again.

use time::OffsetDateTime;

use crate::domain::house::House;
use crate::domain::manage::API_CLIENT;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::event::Event;
use crate::model::id::{AccountId, CompanyId};
use crate::model::scope::Scopes;
use crate::storage::{client, consent, grant};

/// An app that was let in.
#[derive(Debug)]
pub struct App {
    /// The client.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// For which company.
    pub company: CompanyId,
    /// The company's name.
    pub company_name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Since when.
    pub granted_at: OffsetDateTime,
}

/// Every app that a person let in.
pub async fn list(house: &House, cx: &Context, person: AccountId) -> Result<Vec<App>> {
    let mut tx = house.db.account(person).await?;
    let allowed = consent::of_account(&mut tx, cx.now).await?;
    tx.commit_unremarkable().await?;
    let mut apps = Vec::new();
    for one in allowed.into_iter().filter(|one| one.client_id != API_CLIENT) {
        let Some(client) = client::find(&house.db, &one.client_id, cx.now).await? else { continue };
        apps.push(App {
            client_id: client.id.clone(),
            name: client.name.clone(),
            company: CompanyId(one.company_id),
            company_name: one.company_name,
            scopes: Scopes::from(one.scopes),
            granted_at: one.granted_at,
        });
    }
    Ok(apps)
}

/// Takes everything back that a person gave an app in a company: consent, grants and tokens.
///
/// # Errors
/// `NotFound` where there is nothing to take back.
pub async fn withdraw(
    house: &House,
    cx: &Context,
    person: AccountId,
    (company, client_id): (CompanyId, &str),
) -> Result<()> {
    let mut tx = house.db.account(person).await?;
    let allowed = consent::of_account(&mut tx, cx.now).await?;
    if client_id == API_CLIENT || !allowed.iter().any(|one| one.client_id == client_id && one.company_id == company.0) {
        return Err(Error::NotFound("app"));
    }
    consent::delete(&mut tx, company.0, client_id).await?;
    grant::end_of_client(&mut tx, company.0, client_id, cx.now).await?;
    tx.commit(cx, Event::ConsentWithdrawn { client: client_id.to_owned() }).await
}
