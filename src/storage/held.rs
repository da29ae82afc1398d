//! What somebody holds, and what it stands for at this moment: an access token, a code or a refresh token, with the grant that it
//! hangs from and the person behind that. One statement, whichever it is.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::account;
use super::connections::Shelf;
use super::grant::Living;
use super::lane::{self, Lane, Question};
use super::scope::{CompanyTx, Db};
use crate::model::error::Result;
use crate::model::id::{AccountId, CompanyId, GrantId, LoginId};
use crate::model::scope::Scopes;
use crate::model::secret::Digest;

/// What is held.
#[derive(Debug, Clone, Copy)]
pub enum Asked {
    /// An access token, which names its grant.
    AccessToken(CompanyId, GrantId),
    /// An authorization code.
    Code(Digest),
    /// A refresh token.
    RefreshToken(Digest),
}

/// Whose it is.
#[derive(Debug, Clone)]
pub struct Whose {
    /// The company.
    pub company: CompanyId,
    /// The person.
    pub account: AccountId,
    /// The grant that it hangs from.
    pub grant: GrantId,
    /// The client that it was given to.
    pub client_id: String,
}

/// What it stands for.
#[derive(Debug, Clone)]
pub struct Held {
    /// Whose it is, whatever became of it.
    pub whose: Whose,
    /// Of a code: where it was sent.
    pub redirect_uri: Option<String>,
    /// Of a code: RFC 7636, S256.
    pub code_challenge: Option<String>,
    /// Of a code: RFC 9449, section 10, the thumbprint of the key that must redeem it.
    pub dpop_jkt: Option<String>,
    /// When it was first used.
    pub used_at: Option<OffsetDateTime>,
    /// When it stops being good.
    pub expires_at: Option<OffsetDateTime>,
    /// Of a refresh token: when another took its place before it was used.
    pub revoked_at: Option<OffsetDateTime>,
    /// Of a refresh token: whether one that followed it was used itself.
    pub successor_used: bool,
    /// The grant, where it lives: neither ended nor expired, its client and its account on, its membership not ended.
    pub living: Option<Box<(Living, account::Row)>>,
}

/// Finds it; `None` for what nobody was given.
pub async fn find(db: &Db, asked: Asked, now: OffsetDateTime) -> Result<Option<Held>> {
    lane::ask(db, (asked, now)).await
}

/// A row as it comes. What it says of the grant counts only where that lives.
struct Row {
    n: i64,
    company: Uuid,
    account: Uuid,
    grant_id: Uuid,
    client: String,
    redirect_uri: Option<String>,
    code_challenge: Option<String>,
    dpop_jkt: Option<String>,
    used_at: Option<OffsetDateTime>,
    expires_at: Option<OffsetDateTime>,
    revoked_at: Option<OffsetDateTime>,
    successor_used: bool,
    living: bool,
    login_id: Option<Uuid>,
    scopes: Option<Vec<String>>,
    audience: Option<String>,
    nonce: Option<String>,
    claims: Option<Value>,
    auth_time: Option<OffsetDateTime>,
    amr: Option<Vec<String>>,
    acr: Option<String>,
    subject: Option<String>,
    confirmation: Option<Value>,
    authorization_details: Option<Value>,
    resources: Option<Vec<String>>,
    company_slug: Option<String>,
    company_name: Option<String>,
    require_mfa: Option<bool>,
    role: Option<String>,
    email: Option<String>,
    email_verified_at: Option<OffsetDateTime>,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
    middle_name: Option<String>,
    nickname: Option<String>,
    preferred_username: Option<String>,
    profile: Option<String>,
    picture: Option<String>,
    website: Option<String>,
    gender: Option<String>,
    birthdate: Option<String>,
    zoneinfo: Option<String>,
    locale: Option<String>,
    phone_number: Option<String>,
    phone_number_verified: Option<bool>,
    address: Option<Value>,
    updated_at: Option<OffsetDateTime>,
}

impl Question for (Asked, OffsetDateTime) {
    type Answer = Option<Held>;
    // Whoever shows a token does not stand in line behind a storm of sign-ins.
    const SHELF: Shelf = Shelf::Apart;
    const READS: bool = true;

    fn lane(db: &Db) -> &Lane<Self> {
        &db.lanes().held
    }

    async fn ask(questions: &[Self], conn: &mut PgConnection) -> Result<Vec<Self::Answer>, sqlx::Error> {
        let rows = rows(questions, conn).await?;
        Ok(lane::by_number(questions, rows.into_iter().map(|row| (row.n, Held::from(row)))))
    }
}

async fn rows(questions: &[(Asked, OffsetDateTime)], conn: &mut PgConnection) -> Result<Vec<Row>, sqlx::Error> {
    let mut asked = Columns::default();
    for (what, now) in questions {
        asked.add(what, *now);
    }
    sqlx::query_as!(
        Row,
        r#"select h.n as "n!", h.company_id as "company!", h.account_id as "account!", h.grant_id as "grant_id!",
                  h.client_id as "client!", h.redirect_uri, h.code_challenge, h.dpop_jkt, h.used_at, h.expires_at, h.revoked_at,
                  h.successor_used as "successor_used!", h.living as "living!", h.login_id, h.scopes, h.audience, h.nonce, h.claims,
                  h.auth_time, h.amr, h.acr, h.subject, h.confirmation, h.authorization_details, h.resources, h.company_slug,
                  h.company_name, h.require_mfa, h.role, h.email, h.email_verified_at, h.name, h.given_name, h.family_name,
                  h.middle_name, h.nickname, h.preferred_username, h.profile, h.picture, h.website, h.gender, h.birthdate,
                  h.zoneinfo, h.locale, h.phone_number, h.phone_number_verified, h.address, h.updated_at
           from holdings($1, $2, $3, $4, $5) h"#,
        &asked.kind as &[&str],
        &asked.secret as &[Option<&[u8]>],
        &asked.company as &[Option<Uuid>],
        &asked.grant as &[Option<Uuid>],
        &asked.at
    )
    .fetch_all(conn)
    .await
}

/// A grant of the company of the scope, where it lives, and its person.
pub async fn living(
    tx: &mut CompanyTx,
    grant: GrantId,
    now: OffsetDateTime,
) -> Result<Option<Box<(Living, account::Row)>>> {
    let asked = [(Asked::AccessToken(tx.company(), grant), now)];
    Ok(rows(&asked, tx.conn()).await?.into_iter().next().and_then(|row| Held::from(row).living))
}

impl From<Row> for Held {
    fn from(row: Row) -> Self {
        let mut row = row;
        let whose = Whose {
            company: CompanyId(row.company),
            account: AccountId(row.account),
            grant: GrantId(row.grant_id),
            client_id: std::mem::take(&mut row.client),
        };
        Self {
            redirect_uri: row.redirect_uri.take(),
            code_challenge: row.code_challenge.take(),
            dpop_jkt: row.dpop_jkt.take(),
            used_at: row.used_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            successor_used: row.successor_used,
            living: living_of(row, &whose).map(Box::new),
            whose,
        }
    }
}

/// `None` where the grant is dead.
fn living_of(row: Row, whose: &Whose) -> Option<(Living, account::Row)> {
    if !row.living {
        return None;
    }
    let living = Living {
        id: whose.grant,
        account: whose.account,
        client_id: whose.client_id.clone(),
        login: LoginId(row.login_id?),
        scopes: Scopes::from(row.scopes?),
        audience: row.audience?,
        nonce: row.nonce,
        claims: row.claims,
        auth_time: row.auth_time?,
        amr: row.amr?,
        acr: row.acr?,
        subject: row.subject,
        confirmation: row.confirmation,
        authorization_details: row.authorization_details,
        resources: row.resources?,
        company: whose.company,
        company_slug: row.company_slug?,
        company_name: row.company_name?,
        require_mfa: row.require_mfa?,
        role: row.role?.parse().ok()?,
    };
    let account = account::Row {
        id: whose.account.0,
        email: row.email?,
        email_verified_at: row.email_verified_at,
        name: row.name?,
        given_name: row.given_name,
        family_name: row.family_name,
        middle_name: row.middle_name,
        nickname: row.nickname,
        preferred_username: row.preferred_username,
        profile: row.profile,
        picture: row.picture,
        website: row.website,
        gender: row.gender,
        birthdate: row.birthdate,
        zoneinfo: row.zoneinfo,
        locale: row.locale,
        phone_number: row.phone_number,
        phone_number_verified: row.phone_number_verified?,
        address: row.address,
        updated_at: row.updated_at,
        // What stands for nothing in claims.
        ..account::Row::default()
    };
    Some((living, account))
}

/// The questions, column by column.
#[derive(Default)]
struct Columns<'a> {
    kind: Vec<&'static str>,
    secret: Vec<Option<&'a [u8]>>,
    company: Vec<Option<Uuid>>,
    grant: Vec<Option<Uuid>>,
    at: Vec<OffsetDateTime>,
}

impl<'a> Columns<'a> {
    fn add(&mut self, asked: &'a Asked, now: OffsetDateTime) {
        let (kind, secret, place) = match asked {
            Asked::AccessToken(company, grant) => ("access_token", None, Some((company.0, grant.0))),
            Asked::Code(digest) => ("code", Some(digest.as_bytes()), None),
            Asked::RefreshToken(digest) => ("refresh_token", Some(digest.as_bytes()), None),
        };
        self.kind.push(kind);
        self.secret.push(secret);
        self.company.push(place.map(|(company, _)| company));
        self.grant.push(place.map(|(_, grant)| grant));
        self.at.push(now);
    }
}
