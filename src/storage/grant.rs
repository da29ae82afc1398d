//! Authorization grants: who let which client do what, for which company.

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::login_client;
use super::scope::{AccountTx, CompanyTx};
use crate::model::error::{Error, Result};
use crate::model::id::{AccountId, CompanyId, GrantId, LoginId};
use crate::model::role::Role;
use crate::model::scope::Scopes;

/// A grant as it is made.
#[derive(Debug)]
pub struct Fresh {
    /// Its id.
    pub id: GrantId,
    /// Who lets.
    pub account: AccountId,
    /// Which client.
    pub client_id: String,
    /// In which login.
    pub login: LoginId,
    /// Do what.
    pub scopes: Scopes,
    /// Whom its access tokens are for.
    pub audience: String,
    /// OpenID Connect Core, section 3.1.2.1.
    pub nonce: Option<String>,
    /// OpenID Connect Core, section 5.5.
    pub claims: Option<Value>,
    /// When the person proved who they are.
    pub auth_time: OffsetDateTime,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// How strongly.
    pub acr: String,
    /// What the client knows the person by, where that is not the account's id (OpenID Connect Core, section 8.1).
    pub subject: Option<String>,
    /// RFC 9396, as it was granted.
    pub authorization_details: Option<Value>,
    /// RFC 8707: the resources that tokens may be asked for; none means the audience above.
    pub resources: Vec<String>,
    /// When nothing of it can live any more.
    pub expires_at: OffsetDateTime,
}

/// A living grant, with what the company says of the person at this moment.
#[derive(Debug, Clone)]
pub struct Living {
    /// Its id.
    pub id: GrantId,
    /// Who.
    pub account: AccountId,
    /// Which client.
    pub client_id: String,
    /// In which login.
    pub login: LoginId,
    /// What was granted.
    pub scopes: Scopes,
    /// Whom its access tokens are for.
    pub audience: String,
    /// OpenID Connect Core, section 3.1.2.1.
    pub nonce: Option<String>,
    /// OpenID Connect Core, section 5.5.
    pub claims: Option<Value>,
    /// When the person proved who they are.
    pub auth_time: OffsetDateTime,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// How strongly.
    pub acr: String,
    /// What the client knows the person by, where that is not the account's id.
    pub subject: Option<String>,
    /// RFC 7800 `cnf`: what its tokens are bound to.
    pub confirmation: Option<Value>,
    /// RFC 9396, as it was granted.
    pub authorization_details: Option<Value>,
    /// RFC 8707: the resources that tokens may be asked for.
    pub resources: Vec<String>,
    /// For which company.
    pub company: CompanyId,
    /// The company's slug.
    pub company_slug: String,
    /// The company's name.
    pub company_name: String,
    /// Whether the company demands a second factor, now.
    pub require_mfa: bool,
    /// As what, now.
    pub role: Role,
}

impl Living {
    /// The `sub` of its tokens.
    pub fn sub(&self) -> String {
        self.subject.clone().unwrap_or_else(|| self.account.to_string())
    }

    /// Whether the company demands a second factor that was not proved when this grant was given.
    pub fn lacks_second_factor(&self) -> bool {
        self.require_mfa && !self.amr.iter().any(|method| method == "mfa")
    }
}

/// Keeps a new grant. Its client will hear of the login's end, if it wants to.
pub async fn insert(tx: &mut CompanyTx, grant: &Fresh, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "insert into authorization_grant (company_id, id, account_id, client_id, login_id, scopes, audience, nonce, claims,
                                          auth_time, amr, acr, subject, authorization_details, resources, created_at,
                                          expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        tx.company().0,
        grant.id.0,
        grant.account.0,
        grant.client_id,
        grant.login.0,
        &grant.scopes.to_vec(),
        grant.audience,
        grant.nonce,
        grant.claims,
        grant.auth_time,
        &grant.amr,
        grant.acr,
        grant.subject,
        grant.authorization_details,
        &grant.resources,
        now,
        grant.expires_at
    )
    .execute(tx.conn())
    .await?;
    login_client::note(tx, grant, now).await
}

/// A grant of the company of the scope that lives: neither ended nor expired, its client and its account on, its
/// membership not ended.
pub async fn living(tx: &mut CompanyTx, id: GrantId, now: OffsetDateTime) -> Result<Option<Living>> {
    let row = sqlx::query!(
        "select g.id, g.account_id, g.client_id, g.login_id, g.scopes, g.audience, g.nonce, g.claims, g.auth_time, g.amr,
                g.acr, g.subject, g.confirmation, g.authorization_details, g.resources, c.slug, c.name, c.require_mfa, m.role
         from authorization_grant g
         join company c on c.id = g.company_id
         join membership m on m.company_id = g.company_id and m.account_id = g.account_id and m.ended_at is null
         join account a on a.id = g.account_id and a.disabled_at is null
         join client k on k.id = g.client_id and k.disabled_at is null
         where g.company_id = $1 and g.id = $2 and g.ended_at is null and g.expires_at > $3",
        tx.company().0,
        id.0,
        now
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|row| {
        Ok(Living {
            id: GrantId(row.id),
            account: AccountId(row.account_id),
            client_id: row.client_id,
            login: LoginId(row.login_id),
            scopes: Scopes::from(row.scopes),
            audience: row.audience,
            nonce: row.nonce,
            claims: row.claims,
            auth_time: row.auth_time,
            amr: row.amr,
            acr: row.acr,
            subject: row.subject,
            confirmation: row.confirmation,
            authorization_details: row.authorization_details,
            resources: row.resources,
            company: tx.company(),
            company_slug: row.slug,
            company_name: row.name,
            require_mfa: row.require_mfa,
            role: row.role.parse().map_err(Error::fault)?,
        })
    })
    .transpose()
}

/// Holds a grant until the transaction ends, so that what hangs from it changes in one transaction at a time.
pub async fn lock(tx: &mut CompanyTx, id: GrantId) -> Result<()> {
    sqlx::query!(
        "select id from authorization_grant where company_id = $1 and id = $2 for update",
        tx.company().0,
        id.0
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(())
}

/// Binds the tokens of a grant to a key or a certificate (RFC 7800).
pub async fn bind(tx: &mut CompanyTx, id: GrantId, confirmation: &Value) -> Result<()> {
    sqlx::query!(
        "update authorization_grant set confirmation = $3 where company_id = $1 and id = $2",
        tx.company().0,
        id.0,
        confirmation
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends a grant, and with it every token of it. `false` where it had ended already.
pub async fn end(tx: &mut CompanyTx, id: GrantId, now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "update authorization_grant set ended_at = $3 where company_id = $1 and id = $2 and ended_at is null",
        tx.company().0,
        id.0,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends every grant of a member, and tells its clients.
pub async fn end_of_member(tx: &mut CompanyTx, account: AccountId, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update authorization_grant set ended_at = $3 where company_id = $1 and account_id = $2 and ended_at is null",
        tx.company().0,
        account.0,
        now
    )
    .execute(tx.conn())
    .await?;
    login_client::tell_of_member(tx, account, now).await
}

/// Ends every grant of the person of the scope to one client in one company, and tells the client.
pub async fn end_of_client(tx: &mut AccountTx, company: Uuid, client_id: &str, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update authorization_grant set ended_at = $4
         where company_id = $1 and account_id = $2 and client_id = $3 and ended_at is null",
        company,
        tx.account().0,
        client_id,
        now
    )
    .execute(tx.conn())
    .await?;
    login_client::tell_client(tx, (company, client_id), now).await
}
