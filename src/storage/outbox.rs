//! Mail on its way, written in the transaction that it reports. Messages are sealed: the links in them are secrets.

use time::OffsetDateTime;
use uuid::Uuid;

use super::scope::{AccountTx, CompanyTx};
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
