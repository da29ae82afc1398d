//! Mail on its way, written in the transaction that it reports. Messages are sealed: the links in them are secrets.

use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{AccountTx, CompanyTx, Db};
use crate::model::error::Result;

/// A message that is to go out.
#[derive(Debug)]
pub struct Parcel {
    /// UUIDv7; the seal names it.
    pub id: Uuid,
    /// The message, sealed.
    pub message_sealed: Vec<u8>,
}

/// Hands a message over in a person's transaction.
pub async fn post(tx: &mut AccountTx, parcel: &Parcel, now: OffsetDateTime) -> Result<()> {
    insert(tx.conn(), parcel, now).await
}

/// Hands a message over in a company's transaction.
pub async fn post_from_company(tx: &mut CompanyTx, parcel: &Parcel, now: OffsetDateTime) -> Result<()> {
    insert(tx.conn(), parcel, now).await
}

async fn insert(conn: &mut sqlx::PgConnection, parcel: &Parcel, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "insert into outbox (id, message_sealed, next_attempt_at, created_at) values ($1, $2, $3, $3)",
        parcel.id,
        parcel.message_sealed,
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A message that is due.
#[derive(Debug)]
pub struct Due {
    /// Which; the seal names it.
    pub id: Uuid,
    /// The message, sealed.
    pub message_sealed: Vec<u8>,
    /// How often it was tried, this time included.
    pub attempts: i32,
}

/// Takes a few messages that are due. Until `lease_until` no other node takes them, and then somebody tries again.
pub async fn take_due(db: &Db, now: OffsetDateTime, lease_until: OffsetDateTime) -> Result<Vec<Due>> {
    Ok(sqlx::query_as!(
        Due,
        "update outbox set attempts = attempts + 1, next_attempt_at = $2
         where id in (select id from outbox where sent_at is null and next_attempt_at <= $1
                      order by next_attempt_at limit 10 for update skip locked)
         returning id, message_sealed, attempts",
        now,
        lease_until
    )
    .fetch_all(db.pool())
    .await?)
}

/// It was handed to the mail server.
pub async fn sent(db: &Db, id: Uuid, now: OffsetDateTime) -> Result<()> {
    sqlx::query!("update outbox set sent_at = $2, last_error = null where id = $1", id, now).execute(db.pool()).await?;
    Ok(())
}

/// It was not; the next try.
pub async fn failed(db: &Db, id: Uuid, why: &str, next: OffsetDateTime) -> Result<()> {
    sqlx::query!("update outbox set last_error = $2, next_attempt_at = $3 where id = $1", id, why, next)
        .execute(db.pool())
        .await?;
    Ok(())
}

/// The latest messages, sent or not, for the mail page of development.
pub async fn latest(db: &Db) -> Result<Vec<(Uuid, Vec<u8>, OffsetDateTime)>> {
    let rows =
        sqlx::query!("select id, message_sealed, created_at from outbox order by created_at desc, id desc limit 100")
            .fetch_all(db.pool())
            .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.message_sealed, row.created_at)).collect())
}
