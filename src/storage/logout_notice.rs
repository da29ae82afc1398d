//! Notices of logouts on their way to clients, written in the transaction that ends the login (`login_client`), read by the job.

use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::Db;
use crate::model::error::Result;
use crate::model::id::{AccountId, LoginId};

/// A notice that is due.
#[derive(Debug)]
pub struct Due {
    /// Which.
    pub id: Uuid,
    /// To whom.
    pub client_id: String,
    login_id: Uuid,
    account_id: Uuid,
    subject: Option<String>,
    /// How often it was tried, this time included.
    pub attempts: i32,
    /// When the login ended.
    pub created_at: OffsetDateTime,
}

impl Due {
    /// The login that ended.
    pub fn login(&self) -> LoginId {
        LoginId(self.login_id)
    }

    /// The `sub` of the client's tokens.
    pub fn sub(&self) -> String {
        self.subject.clone().unwrap_or_else(|| AccountId(self.account_id).to_string())
    }
}

/// Takes notices that are due, at most `most`, and few of any one client, so that one that does not answer leaves room for the
/// others. Until `lease_until` no other node takes them, and then somebody tries again.
pub async fn take_due(
    db: &Db,
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
    (most, of_one_client): (i64, i64),
) -> Result<Vec<Due>> {
    Ok(sqlx::query_as!(
        Due,
        "update logout_notice set attempts = attempts + 1, next_attempt_at = $2
         where id in (select id from logout_notice
                      where next_attempt_at <= $1 and id in (
                          select id from (select id, attempts, row_number() over (partition by client_id order by attempts, created_at) as place
                                          from logout_notice where next_attempt_at <= $1) as due
                          where place <= $4 order by attempts, place limit $3)
                      for update skip locked)
         returning id, client_id, login_id, account_id, subject, attempts, created_at",
        now,
        lease_until,
        most,
        of_one_client
    )
    .fetch_all(db.pool())
    .await?)
}

/// It was delivered, or there is nobody to deliver it to any more.
pub async fn done(db: &Db, id: Uuid) -> Result<()> {
    sqlx::query!("delete from logout_notice where id = $1", id).execute(db.pool()).await?;
    Ok(())
}

/// It was not delivered; the next try.
pub async fn failed(db: &Db, id: Uuid, why: &str, next: OffsetDateTime) -> Result<()> {
    sqlx::query!("update logout_notice set last_error = $2, next_attempt_at = $3 where id = $1", id, why, next)
        .execute(db.pool())
        .await?;
    Ok(())
}
