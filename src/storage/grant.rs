//! Authorization grants: who let which client do what, for which company.

use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{AccountTx, CompanyTx, Db};
use super::{code, login_client};
use crate::model::client::Client;
use crate::model::error::Result;
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

/// Keeps a new grant.
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
    Ok(())
}

/// Keeps a new grant of a person who is signed in, with its code where it has one, in one statement. Where the client has a logout
/// URI, it will hear of the login's end. `false` where the login has ended: whoever ends it meanwhile waits, and then finds the grant.
pub async fn issue(
    db: &Db,
    (company, client): (CompanyId, &Client),
    grant: &Fresh,
    code: Option<&code::Fresh>,
    now: OffsetDateTime,
) -> Result<bool> {
    let hears = client.metadata.backchannel_logout_uri.is_some() || client.metadata.frontchannel_logout_uri.is_some();
    let done = sqlx::query_scalar!(
        r#"select issue_grant($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                              $22, $23) as "done!""#,
        company.0,
        grant.account.0,
        grant.id.0,
        grant.client_id,
        grant.login.0,
        now,
        &grant.scopes.to_vec(),
        grant.audience,
        grant.nonce as _,
        grant.claims as _,
        grant.auth_time,
        &grant.amr,
        grant.acr,
        grant.subject as _,
        grant.authorization_details as _,
        &grant.resources,
        grant.expires_at,
        hears,
        code.map(|code| code.digest.as_bytes()) as _,
        code.map(|code| code.redirect_uri.as_str()) as _,
        code.and_then(|code| code.code_challenge.as_deref()) as _,
        code.and_then(|code| code.dpop_jkt.as_deref()) as _,
        code.map(|code| code.expires_at) as _
    );
    Ok(done.fetch_one(db.pool()).await?)
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
