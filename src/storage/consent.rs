//! Consents: what a person allowed a client in a company, remembered.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{AccountTx, CompanyTx};
use crate::model::error::Result;
use crate::model::id::AccountId;
use crate::model::scope::Scopes;

/// What a person allowed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// By scope.
    pub scopes: Scopes,
    /// At which APIs (RFC 8707): the identifier of each, and with a space and a scope behind it for what may be done there.
    pub resources: BTreeSet<String>,
}

impl Given {
    /// Whether all of this was allowed.
    pub fn covers(&self, asked: &Self) -> bool {
        asked.scopes.within(&self.scopes) && asked.resources.is_subset(&self.resources)
    }

    /// This and the other.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self { scopes: self.scopes.or(&other.scopes), resources: &self.resources | &other.resources }
    }
}

/// What the person allowed the client in the company of the scope.
pub async fn find(tx: &mut CompanyTx, account: AccountId, client_id: &str) -> Result<Option<Given>> {
    let row = sqlx::query!(
        "select scopes, resources from consent where company_id = $1 and account_id = $2 and client_id = $3",
        tx.company().0,
        account.0,
        client_id
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| Given { scopes: Scopes::from(row.scopes), resources: row.resources.into_iter().collect() }))
}

/// Remembers a consent.
pub async fn save(
    tx: &mut CompanyTx,
    account: AccountId,
    client_id: &str,
    given: &Given,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "insert into consent (company_id, account_id, client_id, scopes, granted_at, resources) values ($1, $2, $3, $4, $5, $6)
         on conflict (company_id, account_id, client_id)
             do update set scopes = excluded.scopes, granted_at = $5, resources = excluded.resources",
        tx.company().0,
        account.0,
        client_id,
        &given.scopes.to_vec(),
        now,
        &given.resources.iter().cloned().collect::<Vec<_>>()
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An app that holds a living grant or a consent of the person.
#[derive(Debug, Clone)]
pub struct Allowed {
    /// The company.
    pub company_id: Uuid,
    /// The company's name.
    pub company_name: String,
    /// The client.
    pub client_id: String,
    /// The client's scopes.
    pub scopes: Vec<String>,
    /// Since when.
    pub granted_at: OffsetDateTime,
}

/// Every app that the person of the scope allowed, by grant or by consent, the latest first.
pub async fn of_account(tx: &mut AccountTx, now: OffsetDateTime) -> Result<Vec<Allowed>> {
    let account = tx.account().0;
    Ok(sqlx::query_as!(
        Allowed,
        r#"with allowed as (
               select company_id, client_id, scopes, granted_at from consent where account_id = $1
               union all
               select company_id, client_id, scopes, created_at from authorization_grant
               where account_id = $1 and ended_at is null and expires_at > $2)
           select distinct on (a.company_id, a.client_id) a.company_id as "company_id!", c.name as company_name,
                  a.client_id as "client_id!", a.scopes as "scopes!", a.granted_at as "granted_at!"
           from allowed a join company c on c.id = a.company_id
           order by a.company_id, a.client_id, a.granted_at desc limit 100"#,
        account,
        now
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Forgets a consent of the person of the scope.
pub async fn delete(tx: &mut AccountTx, company: Uuid, client_id: &str) -> Result<()> {
    sqlx::query!(
        "delete from consent where company_id = $1 and account_id = $2 and client_id = $3",
        company,
        tx.account().0,
        client_id
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
