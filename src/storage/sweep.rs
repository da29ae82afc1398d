//! Deletes what has expired, in small batches. Nothing that lives is touched.

use time::{Duration, OffsetDateTime};

use super::scope::Db;
use crate::model::error::Result;

/// How many rows of a table go at once.
const BATCH: i32 = 1000;
/// How long a pushed request may still be used up after it expired: by a flow that it began.
const IN_FLIGHT: Duration = Duration::hours(2);
/// How long a letter that was sent is kept.
const SENT: Duration = Duration::days(1);

/// How long a logout notice is kept that was never given up: there are more for its client than are tried in a day.
const UNHEARD: Duration = Duration::days(2);
/// How long a client's document is kept that nobody uses.
const UNUSED: Duration = Duration::days(30);

/// One batch of every table. Answers how many rows of each went.
pub async fn batch(db: &Db, now: OffsetDateTime) -> Result<Vec<(&'static str, u64)>> {
    let mut done = Vec::new();
    let hanging = sqlx::query_scalar!(r#"select sweep($1, $2) as "done!""#, now, BATCH).fetch_one(db.pool()).await?;
    done.push(("authorization_grant", u64::try_from(hanging).unwrap_or_default()));
    let registrations =
        sqlx::query_scalar!(r#"select sweep_registrations($1, $2, $3) as "done!""#, now, now - UNUSED, BATCH)
            .fetch_one(db.pool())
            .await?;
    done.push(("client", u64::try_from(registrations).unwrap_or_default()));
    let batch = i64::from(BATCH);
    let rows = sqlx::query!(
        "delete from browser_session where digest in
            (select digest from browser_session where expires_at < $1 limit $2 for update skip locked)",
        now,
        batch
    )
    .execute(db.pool())
    .await?
    .rows_affected();
    done.push(("browser_session", rows));
    let rows = sqlx::query!(
        "delete from flow where digest in (select digest from flow where expires_at < $1 limit $2 for update skip locked)",
        now,
        batch
    )
    .execute(db.pool())
    .await?
    .rows_affected();
    done.push(("flow", rows));
    let rows = sqlx::query!(
        "delete from throttle where key in (select key from throttle where expires_at < $1 limit $2 for update skip locked)",
        now,
        batch
    )
    .execute(db.pool())
    .await?
    .rows_affected();
    done.push(("throttle", rows));
    let rows = sqlx::query!(
        "delete from replay where digest in
            (select digest from replay where expires_at < $1 limit $2 for update skip locked)",
        now,
        batch
    )
    .execute(db.pool())
    .await?
    .rows_affected();
    done.push(("replay", rows));
    let rows = sqlx::query!(
        "delete from pushed_request where digest in
            (select digest from pushed_request where expires_at < $1 limit $2 for update skip locked)",
        now - IN_FLIGHT,
        batch
    )
    .execute(db.pool())
    .await?
    .rows_affected();
    done.push(("pushed_request", rows));
    let rows = sqlx::query!(
        "delete from logout_notice where id in
            (select id from logout_notice where created_at < $1 limit $2 for update skip locked)",
        now - UNHEARD,
        batch
    )
    .execute(db.pool())
    .await?
    .rows_affected();
    done.push(("logout_notice", rows));
    let rows = sqlx::query!(
        "delete from outbox where id in (select id from outbox where sent_at < $1 limit $2 for update skip locked)",
        now - SENT,
        batch
    )
    .execute(db.pool())
    .await?
    .rows_affected();
    done.push(("outbox", rows));
    Ok(done)
}

/// Sees to it that the trail has its months from this one to three ahead, and drops those before `keep_from`.
pub async fn months(db: &Db, now: OffsetDateTime, keep_from: OffsetDateTime) -> Result<()> {
    let mut tx = db.platform().await?;
    // One node after the other: of two that make the same table at one moment, PostgreSQL refuses one.
    sqlx::query!("select pg_advisory_xact_lock(hashtext('countersign.event_months'))").execute(tx.conn()).await?;
    sqlx::query!("select event_make_months($1, $2)", now, now + Duration::days(93)).fetch_one(tx.conn()).await?;
    sqlx::query!("select event_drop_months($1)", keep_from).fetch_one(tx.conn()).await?;
    tx.commit_unremarkable().await
}
