//! Authorization grants: who let which client do what, for which company.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::lane::{self, Lane, Question};
use super::scope::{AccountTx, CompanyTx, Db};
use super::{code, login_client};
use crate::model::error::Result;
use crate::model::id::{AccountId, CompanyId, GrantId, LoginId};
use crate::model::role::Role;
use crate::model::scope::Scopes;
use crate::model::secret::Digest;

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

/// A grant that a person who is signed in gives, with its code where it has one.
#[derive(Debug)]
pub struct Given {
    /// The flow that it answers, where one was kept: it gives no other answer.
    pub flow: Option<Digest>,
    /// In which company.
    pub company: CompanyId,
    /// The grant.
    pub grant: Fresh,
    /// Its code.
    pub code: Option<code::Fresh>,
    /// Whether the client has a logout URI, and so will hear of the login's end.
    pub hears_logout: bool,
    /// When.
    pub at: OffsetDateTime,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issued {
    /// It is kept.
    Kept,
    /// The login has ended. Whoever ends it meanwhile waits, and then finds the grant.
    LoginOver,
    /// The flow has given its answer already.
    FlowOver,
}

/// Keeps it, and ends its flow.
pub async fn issue(db: &Db, given: Given) -> Result<Issued> {
    lane::ask(db, given).await
}

impl Question for Given {
    type Answer = Issued;

    fn lane(db: &Db) -> &Lane<Self> {
        &db.lanes().grant
    }

    async fn ask(questions: &[Self], conn: &mut PgConnection) -> Result<Vec<Issued>, sqlx::Error> {
        let order = lane::ordered(questions, |given| given.company.0);
        let given = Columns::of(&order);
        let done: Vec<i32> = sqlx::query_scalar!(
            r#"select answer_flows($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                                   $22, $23, $24) as "done!""#,
            &given.flow as &[Option<&[u8]>],
            &given.company,
            &given.person,
            &given.id,
            &given.client as &[&str],
            &given.login,
            &given.at,
            &given.scopes,
            &given.audience as &[&str],
            &given.nonce as &[Option<&str>],
            &given.claims as &[Option<&Value>],
            &given.auth_time,
            &given.amr,
            &given.acr as &[&str],
            &given.subject as &[Option<&str>],
            &given.details as &[Option<&Value>],
            &given.resources,
            &given.until,
            &given.hears_logout,
            &given.code as &[Option<&[u8]>],
            &given.redirect_uri as &[Option<&str>],
            &given.code_challenge as &[Option<&str>],
            &given.dpop_jkt as &[Option<&str>],
            &given.code_until as &[Option<OffsetDateTime>]
        )
        .fetch_one(conn)
        .await?;
        let done = done.into_iter().map(|done| match done {
            0 => Issued::LoginOver,
            1 => Issued::Kept,
            _ => Issued::FlowOver,
        });
        Ok(lane::in_first_order(&order, done))
    }
}

/// Grants, column by column. Lists are one text each, separated by spaces: none of their words has one.
#[derive(Default)]
struct Columns<'a> {
    flow: Vec<Option<&'a [u8]>>,
    company: Vec<Uuid>,
    person: Vec<Uuid>,
    id: Vec<Uuid>,
    client: Vec<&'a str>,
    login: Vec<Uuid>,
    at: Vec<OffsetDateTime>,
    scopes: Vec<String>,
    audience: Vec<&'a str>,
    nonce: Vec<Option<&'a str>>,
    claims: Vec<Option<&'a Value>>,
    auth_time: Vec<OffsetDateTime>,
    amr: Vec<String>,
    acr: Vec<&'a str>,
    subject: Vec<Option<&'a str>>,
    details: Vec<Option<&'a Value>>,
    resources: Vec<String>,
    until: Vec<OffsetDateTime>,
    hears_logout: Vec<bool>,
    code: Vec<Option<&'a [u8]>>,
    redirect_uri: Vec<Option<&'a str>>,
    code_challenge: Vec<Option<&'a str>>,
    dpop_jkt: Vec<Option<&'a str>>,
    code_until: Vec<Option<OffsetDateTime>>,
}

impl<'a> Columns<'a> {
    fn of(order: &[(usize, &'a Given)]) -> Self {
        let mut columns = Self::default();
        for (_, given) in order {
            columns.add(given);
        }
        columns
    }

    fn add(&mut self, given: &'a Given) {
        let Fresh { id, account, client_id, login, scopes, audience, .. } = &given.grant;
        self.flow.push(given.flow.as_ref().map(Digest::as_bytes));
        self.company.push(given.company.0);
        self.person.push(account.0);
        self.id.push(id.0);
        self.client.push(client_id);
        self.login.push(login.0);
        self.at.push(given.at);
        self.scopes.push(scopes.to_string());
        self.audience.push(audience);
        self.nonce.push(given.grant.nonce.as_deref());
        self.claims.push(given.grant.claims.as_ref());
        self.auth_time.push(given.grant.auth_time);
        self.amr.push(given.grant.amr.join(" "));
        self.acr.push(&given.grant.acr);
        self.subject.push(given.grant.subject.as_deref());
        self.details.push(given.grant.authorization_details.as_ref());
        self.resources.push(given.grant.resources.join(" "));
        self.until.push(given.grant.expires_at);
        self.hears_logout.push(given.hears_logout);
        let code = given.code.as_ref();
        self.code.push(code.map(|code| code.digest.as_bytes()));
        self.redirect_uri.push(code.map(|code| code.redirect_uri.as_str()));
        self.code_challenge.push(code.and_then(|code| code.code_challenge.as_deref()));
        self.dpop_jkt.push(code.and_then(|code| code.dpop_jkt.as_deref()));
        self.code_until.push(code.map(|code| code.expires_at));
    }
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
