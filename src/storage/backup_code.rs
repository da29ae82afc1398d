//! Digests of backup codes; each code is good once.

use time::OffsetDateTime;

use super::scope::AccountTx;
use crate::model::error::Result;
use crate::model::secret::Digest;

/// Voids the old codes and keeps these.
pub async fn replace(tx: &mut AccountTx, digests: &[Digest], now: OffsetDateTime) -> Result<()> {
    delete(tx).await?;
    let digests: Vec<Vec<u8>> = digests.iter().map(|digest| digest.as_bytes().to_vec()).collect();
    sqlx::query!(
        "insert into backup_code (account_id, digest, created_at) select $1, unnest($2::bytea[]), $3",
        tx.account().0,
        &digests,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Uses a code up. `false` where there is no such code, or it was used.
pub async fn take(tx: &mut AccountTx, digest: &Digest, now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "update backup_code set used_at = $3 where account_id = $1 and digest = $2 and used_at is null",
        tx.account().0,
        digest.as_bytes(),
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many are left.
pub async fn left(tx: &mut AccountTx) -> Result<i64> {
    let account = tx.account().0;
    let count = sqlx::query_scalar!(
        r#"select count(*) as "left!" from backup_code where account_id = $1 and used_at is null"#,
        account
    );
    Ok(count.fetch_one(tx.conn()).await?)
}

/// Voids every code.
pub async fn delete(tx: &mut AccountTx) -> Result<()> {
    let account = tx.account().0;
    sqlx::query!("delete from backup_code where account_id = $1", account).execute(tx.conn()).await?;
    Ok(())
}
