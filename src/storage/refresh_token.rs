//! Refresh tokens: digests, in a line of descent where they rotate.

use time::OffsetDateTime;

use super::code::Whose;
use super::scope::{CompanyTx, Db};
use crate::model::error::Result;
use crate::model::id::{AccountId, CompanyId, GrantId};
use crate::model::secret::Digest;

/// What became of a refresh token.
#[derive(Debug)]
pub struct Row {
    /// When it was first used.
    pub used_at: Option<OffsetDateTime>,
    /// When it stops being good.
    pub expires_at: OffsetDateTime,
    /// When another took its place before it was used.
    pub revoked_at: Option<OffsetDateTime>,
    /// Whether a token that followed it was used itself.
    pub successor_used: bool,
}

/// Whose refresh token this is, in no scope.
pub async fn whose(db: &Db, digest: &Digest) -> Result<Option<Whose>> {
    let row = sqlx::query!(
        r#"select company_id as "company_id!", account_id as "account_id!", grant_id as "grant_id!", client_id as "client_id!"
           from find_refresh_token($1)"#,
        digest.as_bytes()
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(row.map(|row| Whose {
        company: CompanyId(row.company_id),
        account: AccountId(row.account_id),
        grant: GrantId(row.grant_id),
        client_id: row.client_id,
    }))
}

/// Keeps a new refresh token, and which one it follows.
pub async fn insert(
    tx: &mut CompanyTx,
    digest: &Digest,
    grant: GrantId,
    parent: Option<&Digest>,
    (now, expires_at): (OffsetDateTime, OffsetDateTime),
) -> Result<()> {
    sqlx::query!(
        "insert into refresh_token (digest, company_id, grant_id, parent_digest, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6)",
        digest.as_bytes(),
        tx.company().0,
        grant.0,
        parent.map(Digest::as_bytes),
        expires_at,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A refresh token of the company of the scope.
pub async fn find(tx: &mut CompanyTx, digest: &Digest) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"select t.used_at, t.expires_at, t.revoked_at,
                  exists (select from refresh_token s where s.company_id = t.company_id and s.grant_id = t.grant_id
                          and s.parent_digest = t.digest and s.used_at is not null) as "successor_used!"
           from refresh_token t where t.company_id = $1 and t.digest = $2"#,
        tx.company().0,
        digest.as_bytes()
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Says that a token was used, the first time.
pub async fn use_first(tx: &mut CompanyTx, digest: &Digest, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update refresh_token set used_at = $3 where company_id = $1 and digest = $2 and used_at is null",
        tx.company().0,
        digest.as_bytes(),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes the unused tokens that followed this one out of use: one more takes their place.
pub async fn revoke_successors(tx: &mut CompanyTx, grant: GrantId, parent: &Digest, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update refresh_token set revoked_at = $4
         where company_id = $1 and grant_id = $2 and parent_digest = $3 and revoked_at is null",
        tx.company().0,
        grant.0,
        parent.as_bytes(),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
