//! What a person is called in a sector, so that clients of different sectors cannot compare (OpenID Connect Core, section 8.1).

use super::scope::Db;
use crate::model::error::Result;
use crate::model::id::AccountId;

/// The person's name in this sector; `fresh` is kept as such where there is none yet.
pub async fn of(db: &Db, person: AccountId, sector: &str, fresh: &str) -> Result<String> {
    let known = sqlx::query_scalar!(r#"select pairwise_subject_of($1, $2, $3) as "subject!""#, person.0, sector, fresh)
        .fetch_one(db.pool())
        .await?;
    Ok(known)
}

/// Whom a name of a sector stands for.
pub async fn find(db: &Db, subject: &str, sector: &str) -> Result<Option<AccountId>> {
    let found =
        sqlx::query_scalar!("select find_pairwise_subject($1, $2)", subject, sector).fetch_one(db.pool()).await?;
    Ok(found.map(AccountId))
}
