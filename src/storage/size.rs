//! How large the tables are, and whether what is over was swept. For the operator's command; nothing of any row is told but its age.

use time::OffsetDateTime;

use super::scope::Db;
use crate::model::error::Result;

/// A table, with its indexes and its partitions.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// As PostgreSQL last estimated.
    pub rows: i64,
    /// On disk.
    pub bytes: i64,
    /// How many partitions it has; 1 where it is not partitioned.
    pub parts: i64,
}

/// Every table, the largest first.
pub async fn tables(db: &Db) -> Result<Vec<Table>> {
    Ok(sqlx::query_as!(
        Table,
        r#"select coalesce(p.relname, c.relname)::text as "name!", sum(greatest(c.reltuples, 0))::bigint as "rows!",
                  sum(pg_total_relation_size(c.oid))::bigint as "bytes!", count(*) as "parts!"
           from pg_class c join pg_namespace n on n.oid = c.relnamespace
                left join pg_inherits i on i.inhrelid = c.oid left join pg_class p on p.oid = i.inhparent
           where n.nspname = 'public' and c.relkind = 'r' group by 1 order by 3 desc, 1"#
    )
    .fetch_all(db.pool())
    .await?)
}

/// Since when the oldest row of each table is over that the sweeper deletes from, where there is one at all: also those that it has
/// not to delete yet.
pub async fn oldest(db: &Db) -> Result<Vec<(String, OffsetDateTime)>> {
    let rows = sqlx::query!(
        r#"select name as "name!", since as "since!" from (
               select name, since from oldest_expired()
               union all select 'browser_session', min(expires_at) from browser_session
               union all select 'flow', min(expires_at) from flow
               union all select 'throttle', min(expires_at) from throttle
               union all select 'replay', min(expires_at) from replay
               union all select 'pushed_request', min(expires_at) from pushed_request
               union all select 'logout_notice', min(created_at) from logout_notice
               union all select 'outbox', min(sent_at) from outbox) as known
           where since is not null order by name"#
    )
    .fetch_all(db.pool())
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.since)).collect())
}
