//! Browser sessions as tower-sessions keeps them, found by the digest of the cookie's value.

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::lane::{self, Lane, Question};
use super::scope::Db;
use crate::model::error::Result;
use crate::model::secret::Digest;

/// Keeps a new session; `false` where the id is taken.
pub async fn insert(db: &Db, digest: &Digest, data: &Value, expires_at: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "insert into browser_session (digest, data, expires_at) values ($1, $2, $3) on conflict do nothing",
        digest.as_bytes(),
        data,
        expires_at
    )
    .execute(db.pool())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps what a session holds now.
pub async fn save(db: &Db, digest: &Digest, data: &Value, expires_at: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "insert into browser_session (digest, data, expires_at) values ($1, $2, $3)
         on conflict (digest) do update set data = excluded.data, expires_at = excluded.expires_at",
        digest.as_bytes(),
        data,
        expires_at
    )
    .execute(db.pool())
    .await?;
    Ok(())
}

/// A session that is looked for, and at which instant.
#[derive(Debug)]
pub struct Sought(Digest, OffsetDateTime);

/// What a living session holds, and until when.
pub async fn find(db: &Db, digest: Digest, now: OffsetDateTime) -> Result<Option<(Value, OffsetDateTime)>> {
    lane::ask(db, Sought(digest, now)).await
}

impl Question for Sought {
    type Answer = Option<(Value, OffsetDateTime)>;
    const READS: bool = true;

    fn lane(db: &Db) -> &Lane<Self> {
        &db.lanes().session
    }

    async fn ask(questions: &[Self], conn: &mut PgConnection) -> Result<Vec<Self::Answer>, sqlx::Error> {
        let digests: Vec<&[u8]> = questions.iter().map(|sought| sought.0.as_bytes()).collect();
        let ats: Vec<OffsetDateTime> = questions.iter().map(|sought| sought.1).collect();
        let rows = sqlx::query!(
            r#"select n as "n!", data as "data!", expires_at as "expires_at!" from sessions($1, $2)"#,
            &digests as &[&[u8]],
            &ats
        )
        .fetch_all(conn)
        .await?;
        Ok(lane::by_number(questions, rows.into_iter().map(|row| (row.n, (row.data, row.expires_at)))))
    }
}

/// Lets a session live until then.
pub async fn prolong(db: &Db, digest: &Digest, expires_at: OffsetDateTime) -> Result<()> {
    sqlx::query!("update browser_session set expires_at = $2 where digest = $1", digest.as_bytes(), expires_at)
        .execute(db.pool())
        .await?;
    Ok(())
}

/// Forgets a session.
pub async fn delete(db: &Db, digest: &Digest) -> Result<()> {
    sqlx::query!("delete from browser_session where digest = $1", digest.as_bytes()).execute(db.pool()).await?;
    Ok(())
}
