//! Clients: the platform's own and those of companies.

use std::sync::Arc;

use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{CompanyTx, Db, OwnerTx, PlatformTx};
use crate::model::client::{AuthMethod, Client, ConsentRule, Origin, Profile};
use crate::model::error::{Error, Result};
use crate::model::id::CompanyId;
use crate::model::scope::Scopes;
use crate::model::secret::Digest;

/// A row as it is.
struct Row {
    id: String,
    company_id: Option<Uuid>,
    name: String,
    token_endpoint_auth_method: String,
    secret_digest: Option<Vec<u8>>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    grant_types: Vec<String>,
    scopes: Vec<String>,
    skip_consent: bool,
    client_uri: Option<String>,
    logo_uri: Option<String>,
    policy_uri: Option<String>,
    tos_uri: Option<String>,
    metadata: serde_json::Value,
    origin: String,
    profile: String,
    secret_sealed: Option<Vec<u8>>,
    disabled_at: Option<OffsetDateTime>,
}

impl TryFrom<Row> for Client {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
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
            origin: Origin::read(&row.origin).ok_or_else(|| Error::fault("a client's origin is unknown"))?,
            profile: Profile::read(&row.profile).ok_or_else(|| Error::fault("a client's profile is unknown"))?,
            metadata: serde_json::from_value(row.metadata)?,
            secret_sealed: row.secret_sealed,
            disabled_at: row.disabled_at,
        })
    }
}

/// A client by its id, whoever owns it, as it is or was at most two seconds ago: for whatever does not write it back. Switched-off
/// clients are found too: the caller decides what to say.
pub async fn find(db: &Db, id: &str, now: OffsetDateTime) -> Result<Option<Arc<Client>>> {
    if let Some(known) = db.clients().get(id, now) {
        return Ok(Some(known));
    }
    let found = read(db, id).await?.map(Arc::new);
    if let Some(client) = &found {
        db.clients().keep(client, now);
    }
    Ok(found)
}

/// As [`find`], as it is.
pub async fn read(db: &Db, id: &str) -> Result<Option<Client>> {
    let row = sqlx::query_as!(
        Row,
        r#"select id as "id!", company_id, name as "name!", token_endpoint_auth_method as "token_endpoint_auth_method!",
                  secret_digest, redirect_uris as "redirect_uris!",
                  post_logout_redirect_uris as "post_logout_redirect_uris!", grant_types as "grant_types!",
                  scopes as "scopes!", skip_consent as "skip_consent!", client_uri, logo_uri, policy_uri, tos_uri,
                  metadata as "metadata!", origin as "origin!", profile as "profile!", secret_sealed, disabled_at
           from find_client($1)"#,
        id
    )
    .fetch_optional(db.pool())
    .await?;
    row.map(Client::try_from).transpose()
}

/// The client of this id, if it is the company's of the scope.
pub async fn find_own(tx: &mut CompanyTx, id: &str) -> Result<Option<Client>> {
    let row = sqlx::query_as!(
        Row,
        "select id, company_id, name, token_endpoint_auth_method, secret_digest, redirect_uris, post_logout_redirect_uris,
                grant_types, scopes, skip_consent, client_uri, logo_uri, policy_uri, tos_uri, metadata, origin, profile,
                secret_sealed, disabled_at
         from client where company_id = $1 and id = $2 for update",
        tx.company().0,
        id
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(Client::try_from).transpose()
}

/// The company's own clients by name, those after the given name and id where there is one.
pub async fn list_own(tx: &mut CompanyTx, after: Option<(&str, &str)>, limit: i64) -> Result<Vec<Client>> {
    let (name, id) = after.unzip();
    let rows = sqlx::query_as!(
        Row,
        "select id, company_id, name, token_endpoint_auth_method, secret_digest, redirect_uris, post_logout_redirect_uris,
                grant_types, scopes, skip_consent, client_uri, logo_uri, policy_uri, tos_uri, metadata, origin, profile,
                secret_sealed, disabled_at
         from client where company_id = $1 and ($2::text is null or (name, id) > ($2, $3::text))
         order by name, id limit $4",
        tx.company().0,
        name,
        id,
        limit
    )
    .fetch_all(tx.conn())
    .await?;
    rows.into_iter().map(Client::try_from).collect()
}

/// How many clients the company of the scope has.
pub async fn count_own(tx: &mut CompanyTx) -> Result<i64> {
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from client where company_id = $1"#, tx.company().0);
    Ok(count.fetch_one(tx.conn()).await?)
}

/// Clients that serve the company and say where a sign-in begins (OpenID Connect Core, section 4), by name.
pub async fn list_startable(tx: &mut CompanyTx) -> Result<Vec<Startable>> {
    let rows = sqlx::query_as!(
        Startable,
        r#"select name, logo_uri, metadata->>'initiate_login_uri' as "initiate_login_uri!"
           from client
           where (company_id = $1 or (company_id is null and origin = 'own')) and disabled_at is null
             and metadata ? 'initiate_login_uri'
           order by name, id limit 50"#,
        tx.company().0
    );
    Ok(rows.fetch_all(tx.conn()).await?)
}

/// An app that people can open from here.
#[derive(Debug)]
pub struct Startable {
    /// Its name.
    pub name: String,
    /// Its picture.
    pub logo_uri: Option<String>,
    /// Where its sign-in begins.
    pub initiate_login_uri: String,
}

/// Deletes a client of the owner of the scope. Its grants, tokens and consents go with it.
pub async fn delete(tx: &mut OwnerTx, id: &str) -> Result<bool> {
    tx.clients().changes(id);
    let company = tx.company().map(|company| company.0);
    let done = sqlx::query!("delete from client where company_id is not distinct from $1 and id = $2", company, id);
    Ok(done.execute(tx.conn()).await?.rows_affected() > 0)
}

/// Keeps the digest of the token that manages a client's registration (RFC 7592).
pub async fn set_registration_token(tx: &mut OwnerTx, id: &str, token: &Digest) -> Result<()> {
    let set = sqlx::query!("update client set registration_digest = $2 where id = $1", id, token.as_bytes());
    set.execute(tx.conn()).await?;
    Ok(())
}

/// Whether the client is there and on; nobody changes it until the transaction ends.
pub async fn lock(tx: &mut OwnerTx, id: &str) -> Result<bool> {
    let on = sqlx::query_scalar!(
        r#"select disabled_at is null as "on!" from client where company_id is not distinct from $1 and id = $2 for update"#,
        tx.company().map(|company| company.0),
        id
    );
    Ok(on.fetch_optional(tx.conn()).await?.unwrap_or(false))
}

/// The digest of the token that manages a client's registration, where it has one.
pub async fn registration_token(db: &Db, id: &str) -> Result<Option<Digest>> {
    let kept = sqlx::query_scalar!("select registration_digest from find_client($1)", id).fetch_optional(db.pool());
    Ok(kept.await?.flatten().as_deref().and_then(Digest::kept))
}

/// When a client's document was last read, and when that was last tried.
#[derive(Debug, Clone, Copy)]
pub struct DocumentTimes {
    /// With success.
    pub fetched_at: OffsetDateTime,
    /// With success or without.
    pub tried_at: OffsetDateTime,
}

/// Reads them.
pub async fn document_times(db: &Db, id: &str) -> Result<Option<DocumentTimes>> {
    let row = sqlx::query!("select document_fetched_at, document_tried_at from find_client($1)", id);
    let row = row.fetch_optional(db.pool()).await?;
    Ok(row
        .and_then(|row| Some(DocumentTimes { fetched_at: row.document_fetched_at?, tried_at: row.document_tried_at? })))
}

/// Keeps when a document was read.
pub async fn document_fetched(tx: &mut OwnerTx, id: &str, now: OffsetDateTime) -> Result<()> {
    let set = sqlx::query!("update client set document_fetched_at = $2, document_tried_at = $2 where id = $1", id, now);
    set.execute(tx.conn()).await?;
    Ok(())
}

/// Keeps when a document could not be read.
pub async fn document_missed(db: &Db, id: &str, now: OffsetDateTime) -> Result<()> {
    sqlx::query!("update client set document_tried_at = $2 where id = $1", id, now).execute(db.pool()).await?;
    Ok(())
}

/// Keeps a client of the platform, or what changed of it.
pub async fn save_platform(tx: &mut PlatformTx, client: &Client, now: OffsetDateTime) -> Result<()> {
    tx.clients().changes(&client.id);
    save(tx.conn(), client, now).await
}

/// Keeps a client of the company of the scope, or what changed of it.
pub async fn save_company(tx: &mut CompanyTx, client: &Client, now: OffsetDateTime) -> Result<()> {
    tx.clients().changes(&client.id);
    save(tx.conn(), client, now).await
}

/// Keeps a client of the owner of the scope, or what changed of it.
pub async fn save_owned(tx: &mut OwnerTx, client: &Client, now: OffsetDateTime) -> Result<()> {
    tx.clients().changes(&client.id);
    save(tx.conn(), client, now).await
}

async fn save(conn: &mut sqlx::PgConnection, client: &Client, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "insert into client (id, company_id, name, token_endpoint_auth_method, secret_digest, redirect_uris,
                             post_logout_redirect_uris, grant_types, scopes, skip_consent, client_uri, logo_uri,
                             policy_uri, tos_uri, disabled_at, created_at, updated_at, metadata, profile, secret_sealed,
                             origin)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18, $19, $20)
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
        client.secret_sealed,
        client.origin.as_str()
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
