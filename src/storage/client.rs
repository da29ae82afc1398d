//! Clients: the platform's own and those of companies.

use time::OffsetDateTime;

use super::scope::{CompanyTx, Db, PlatformTx};
use crate::model::client::{AuthMethod, Client, ConsentRule, Profile};
use crate::model::error::{Error, Result};
use crate::model::id::CompanyId;
use crate::model::scope::Scopes;
use crate::model::secret::Digest;

/// Finds a client by its id, whoever owns it. Switched-off clients are found too: the caller decides what to say.
pub async fn find(db: &Db, id: &str) -> Result<Option<Client>> {
    let row = sqlx::query!(
        r#"select id as "id!", company_id, name as "name!", token_endpoint_auth_method as "token_endpoint_auth_method!",
                  secret_digest, redirect_uris as "redirect_uris!",
                  post_logout_redirect_uris as "post_logout_redirect_uris!", grant_types as "grant_types!",
                  scopes as "scopes!", skip_consent as "skip_consent!", client_uri, logo_uri, policy_uri, tos_uri,
                  metadata as "metadata!", profile as "profile!", secret_sealed, disabled_at
           from find_client($1)"#,
        id
    )
    .fetch_optional(db.pool())
    .await?;
    row.map(|row| {
        Ok(Client {
            id: row.id,
            company: row.company_id.map(CompanyId),
            name: row.name,
            auth_method: AuthMethod::read(&row.token_endpoint_auth_method)
                .ok_or_else(|| Error::fault("a client's authentication method is unknown"))?,
            secret_digest: row.secret_digest.as_deref().and_then(Digest::kept),
            redirect_uris: row.redirect_uris,
            post_logout_redirect_uris: row.post_logout_redirect_uris,
            grant_types: row.grant_types,
            scopes: Scopes::from(row.scopes),
            consent: if row.skip_consent { ConsentRule::Skip } else { ConsentRule::Ask },
            client_uri: row.client_uri,
            logo_uri: row.logo_uri,
            policy_uri: row.policy_uri,
            tos_uri: row.tos_uri,
            profile: Profile::read(&row.profile).ok_or_else(|| Error::fault("a client's profile is unknown"))?,
            metadata: serde_json::from_value(row.metadata)?,
            secret_sealed: row.secret_sealed,
            disabled_at: row.disabled_at,
        })
    })
    .transpose()
}

/// Keeps a client of the platform, or what changed of it.
pub async fn save_platform(tx: &mut PlatformTx, client: &Client, now: OffsetDateTime) -> Result<()> {
    save(tx.conn(), client, now).await
}

/// Keeps a client of the company of the scope, or what changed of it.
pub async fn save_company(tx: &mut CompanyTx, client: &Client, now: OffsetDateTime) -> Result<()> {
    save(tx.conn(), client, now).await
}

async fn save(conn: &mut sqlx::PgConnection, client: &Client, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "insert into client (id, company_id, name, token_endpoint_auth_method, secret_digest, redirect_uris,
                             post_logout_redirect_uris, grant_types, scopes, skip_consent, client_uri, logo_uri,
                             policy_uri, tos_uri, disabled_at, created_at, updated_at, metadata, profile, secret_sealed)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18, $19)
         on conflict (id) do update set name = excluded.name,
             token_endpoint_auth_method = excluded.token_endpoint_auth_method, secret_digest = excluded.secret_digest,
             redirect_uris = excluded.redirect_uris, post_logout_redirect_uris = excluded.post_logout_redirect_uris,
             grant_types = excluded.grant_types, scopes = excluded.scopes, skip_consent = excluded.skip_consent,
             client_uri = excluded.client_uri, logo_uri = excluded.logo_uri, policy_uri = excluded.policy_uri,
             tos_uri = excluded.tos_uri, disabled_at = excluded.disabled_at, updated_at = excluded.updated_at,
             metadata = excluded.metadata, profile = excluded.profile, secret_sealed = excluded.secret_sealed",
        client.id,
        client.company.map(|company| company.0),
        client.name,
        client.auth_method.as_str(),
        client.secret_digest.as_ref().map(Digest::as_bytes),
        &client.redirect_uris,
        &client.post_logout_redirect_uris,
        &client.grant_types,
        &client.scopes.to_vec(),
        client.consent == ConsentRule::Skip,
        client.client_uri,
        client.logo_uri,
        client.policy_uri,
        client.tos_uri,
        client.disabled_at,
        now,
        serde_json::to_value(&client.metadata)?,
        client.profile.as_str(),
        client.secret_sealed
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A line of the operator's list.
#[derive(Debug)]
pub struct Listed {
    /// `cli_…`
    pub id: String,
    /// The owner's slug; the platform has none.
    pub owner: Option<String>,
    /// Its name.
    pub name: String,
    /// How it authenticates.
    pub method: String,
    /// Whether it is switched off.
    pub disabled: bool,
}

/// Every client, for the operator.
pub async fn list(db: &Db) -> Result<Vec<Listed>> {
    Ok(sqlx::query_as!(
        Listed,
        r#"select id as "id!", owner, name as "name!", method as "method!", disabled as "disabled!" from list_clients()"#
    )
    .fetch_all(db.pool())
    .await?)
}
