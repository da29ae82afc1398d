//! Registered resources (RFC 8707): APIs that tokens can be for.

use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{CompanyTx, Db, PlatformTx};
use crate::model::error::{Error, Result};
use crate::model::id::CompanyId;
use crate::model::scope::Scopes;

/// A resource as it is registered.
#[derive(Debug, Clone)]
pub struct Resource {
    /// UUIDv7.
    pub id: Uuid,
    /// The owner; `None` is the platform, whose resources are for every company.
    pub company: Option<CompanyId>,
    /// The `resource` parameter and the tokens' `aud`.
    pub identifier: String,
    /// What people read on the consent page.
    pub name: String,
    /// What can be asked for there.
    pub scopes: Scopes,
    /// How long tokens for it live, in seconds; `None` leaves it to the platform.
    pub token_lifetime: Option<i32>,
    /// When it was switched off.
    pub disabled_at: Option<OffsetDateTime>,
}

/// A resource that is on, whoever owns it.
pub async fn find(db: &Db, identifier: &str) -> Result<Option<Resource>> {
    let row = sqlx::query!(
        r#"select id as "id!", company_id, identifier as "identifier!", name as "name!", scopes as "scopes!",
                  token_lifetime_seconds, disabled_at
           from find_resource($1) where disabled_at is null"#,
        identifier
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(row.map(|row| Resource {
        id: row.id,
        company: row.company_id.map(CompanyId),
        identifier: row.identifier,
        name: row.name,
        scopes: Scopes::from(row.scopes),
        token_lifetime: row.token_lifetime_seconds,
        disabled_at: row.disabled_at,
    }))
}

/// The resource of this id, if it is the company's of the scope.
pub async fn find_own(tx: &mut CompanyTx, id: Uuid) -> Result<Option<Resource>> {
    let row = sqlx::query!(
        "select id, company_id, identifier, name, scopes, token_lifetime_seconds, disabled_at
         from resource where company_id = $1 and id = $2 for update",
        tx.company().0,
        id
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row.map(|row| Resource {
        id: row.id,
        company: row.company_id.map(CompanyId),
        identifier: row.identifier,
        name: row.name,
        scopes: Scopes::from(row.scopes),
        token_lifetime: row.token_lifetime_seconds,
        disabled_at: row.disabled_at,
    }))
}

/// The company's own resources by name, those after the given name and id where there is one.
pub async fn list_own(tx: &mut CompanyTx, after: Option<(&str, Uuid)>, limit: i64) -> Result<Vec<Resource>> {
    let (name, id) = after.unzip();
    let rows = sqlx::query!(
        "select id, company_id, identifier, name, scopes, token_lifetime_seconds, disabled_at
         from resource where company_id = $1 and ($2::text is null or (name, id) > ($2, $3::uuid))
         order by name, id limit $4",
        tx.company().0,
        name,
        id,
        limit
    )
    .fetch_all(tx.conn())
    .await?;
    let read = rows.into_iter().map(|row| Resource {
        id: row.id,
        company: row.company_id.map(CompanyId),
        identifier: row.identifier,
        name: row.name,
        scopes: Scopes::from(row.scopes),
        token_lifetime: row.token_lifetime_seconds,
        disabled_at: row.disabled_at,
    });
    Ok(read.collect())
}

/// How many resources the company of the scope has.
pub async fn count_own(tx: &mut CompanyTx) -> Result<i64> {
    let count =
        sqlx::query_scalar!(r#"select count(*) as "count!" from resource where company_id = $1"#, tx.company().0);
    Ok(count.fetch_one(tx.conn()).await?)
}

/// Deletes a resource of the company of the scope.
pub async fn delete_company(tx: &mut CompanyTx, id: Uuid) -> Result<bool> {
    let company = tx.company().0;
    let done = sqlx::query!("delete from resource where company_id = $1 and id = $2", company, id);
    Ok(done.execute(tx.conn()).await?.rows_affected() > 0)
}

/// Keeps a resource of the platform, or what changed of it.
///
/// # Errors
/// `Conflict` where another has the identifier.
pub async fn save_platform(tx: &mut PlatformTx, resource: &Resource, now: OffsetDateTime) -> Result<()> {
    save(tx.conn(), resource, now).await
}

/// Keeps a resource of the company of the scope, or what changed of it.
///
/// # Errors
/// `Conflict` where another has the identifier.
pub async fn save_company(tx: &mut CompanyTx, resource: &Resource, now: OffsetDateTime) -> Result<()> {
    save(tx.conn(), resource, now).await
}

async fn save(conn: &mut sqlx::PgConnection, resource: &Resource, now: OffsetDateTime) -> Result<()> {
    let done = sqlx::query!(
        "insert into resource (id, company_id, identifier, name, scopes, token_lifetime_seconds, disabled_at, created_at,
                               updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         on conflict (id) do update set identifier = excluded.identifier, name = excluded.name, scopes = excluded.scopes,
             token_lifetime_seconds = excluded.token_lifetime_seconds, disabled_at = excluded.disabled_at,
             updated_at = excluded.updated_at",
        resource.id,
        resource.company.map(|company| company.0),
        resource.identifier,
        resource.name,
        &resource.scopes.to_vec(),
        resource.token_lifetime,
        resource.disabled_at,
        now
    )
    .execute(conn)
    .await;
    match done {
        Ok(_) => Ok(()),
        Err(error) if super::violates(&error, "resource_identifier_key") => {
            Err(Error::Conflict("another resource has this identifier"))
        }
        Err(error) => Err(error.into()),
    }
}
