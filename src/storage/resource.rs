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
