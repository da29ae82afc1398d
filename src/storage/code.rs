//! Authorization codes: digests, good once.

use time::OffsetDateTime;

use super::scope::{CompanyTx, Db};
use crate::model::error::Result;
use crate::model::id::{AccountId, CompanyId, GrantId};
use crate::model::secret::Digest;

/// Whose secret this is: a code's, or a refresh token's.
#[derive(Debug)]
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

/// What a new code is given for.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Where it is sent.
    pub redirect_uri: &'a str,
    /// RFC 7636, S256.
    pub code_challenge: Option<&'a str>,
    /// RFC 9449, section 10: the thumbprint of the key that must redeem it.
    pub dpop_jkt: Option<&'a str>,
}

/// What a code was given for.
#[derive(Debug)]
pub struct Row {
    /// Where it was sent.
    pub redirect_uri: String,
    /// RFC 7636, S256.
    pub code_challenge: Option<String>,
    /// RFC 9449, section 10: the thumbprint of the key that must redeem it.
    pub dpop_jkt: Option<String>,
    /// When it stops being good.
    pub expires_at: OffsetDateTime,
    /// When it was used.
    pub used_at: Option<OffsetDateTime>,
}

/// Whose code this is, in no scope.
pub async fn whose(db: &Db, digest: &Digest) -> Result<Option<Whose>> {
    let row = sqlx::query!(
        r#"select company_id as "company_id!", account_id as "account_id!", grant_id as "grant_id!", client_id as "client_id!"
           from find_code($1)"#,
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

/// Keeps a new code.
pub async fn insert(
    tx: &mut CompanyTx,
    digest: &Digest,
    grant: GrantId,
    place: Place<'_>,
    (now, expires_at): (OffsetDateTime, OffsetDateTime),
) -> Result<()> {
    sqlx::query!(
        "insert into authorization_code (digest, company_id, grant_id, redirect_uri, code_challenge, dpop_jkt, expires_at,
                                         created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        digest.as_bytes(),
        tx.company().0,
        grant.0,
        place.redirect_uri,
        place.code_challenge,
        place.dpop_jkt,
        expires_at,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A code of the company of the scope.
pub async fn find(tx: &mut CompanyTx, digest: &Digest) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "select redirect_uri, code_challenge, dpop_jkt, expires_at, used_at from authorization_code
         where company_id = $1 and digest = $2",
        tx.company().0,
        digest.as_bytes()
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Uses a code up. `false` where somebody was faster, or it has expired.
pub async fn take(tx: &mut CompanyTx, digest: &Digest, now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "update authorization_code set used_at = $3
         where company_id = $1 and digest = $2 and used_at is null and expires_at > $3",
        tx.company().0,
        digest.as_bytes(),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}
