//! Tokens that let their bearer register clients (RFC 7591, section 1.2). Only their digest is kept.

use time::OffsetDateTime;

use super::scope::{Db, OwnerTx};
use crate::model::client::Profile;
use crate::model::error::{Error, Result};
use crate::model::id::CompanyId;
use crate::model::secret::Digest;

/// What a token allows.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Who owns what is registered with it; `None` is the platform.
    pub company: Option<CompanyId>,
    /// What is demanded of those clients.
    pub profile: Profile,
}

/// How long and how often it is good.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// `None` for any number of times.
    pub uses: Option<i32>,
    /// Until when.
    pub expires_at: OffsetDateTime,
}

/// Keeps a token of the owner of the scope.
pub async fn insert(
    tx: &mut OwnerTx,
    token: &Digest,
    profile: Profile,
    bounds: Bounds,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "insert into initial_access_token (digest, company_id, profile, uses_left, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6)",
        token.as_bytes(),
        tx.company().map(|company| company.0),
        profile.as_str(),
        bounds.uses,
        bounds.expires_at,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What a token allows that is still good. Uses nothing up.
pub async fn peek(db: &Db, token: &Digest, now: OffsetDateTime) -> Result<Option<Terms>> {
    let row = sqlx::query!(
        r#"select company_id, profile as "profile!" from peek_initial_access_token($1, $2)"#,
        token.as_bytes(),
        now
    )
    .fetch_optional(db.pool())
    .await?;
    row.map(|row| {
        let profile = Profile::read(&row.profile).ok_or_else(|| Error::fault("a token's profile is unknown"))?;
        Ok(Terms { company: row.company_id.map(CompanyId), profile })
    })
    .transpose()
}

/// Uses a token once, in the transaction of what it is used for. False where it is not good any more.
pub async fn take(tx: &mut OwnerTx, token: &Digest, now: OffsetDateTime) -> Result<bool> {
    let taken = sqlx::query_scalar!(r#"select take_initial_access_token($1, $2) as "taken!""#, token.as_bytes(), now);
    Ok(taken.fetch_one(tx.conn()).await?)
}
