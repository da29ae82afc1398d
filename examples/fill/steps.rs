//! Fills a migrated database: the steps of `fill.sql` with the secondary indexes away meanwhile, so that they are built once and
//! from sorted rows. A database that it did not finish is good for nothing; fill an empty one again.

use std::time::Instant;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

/// What a person reads of whatever went wrong.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How much of it.
#[derive(Debug, Clone)]
pub struct Size {
    /// People; there are a hundredth of that in companies, twice that in logins, five times that in refresh tokens.
    pub accounts: u64,
    /// Lines of the trail, over the last year.
    pub events: u64,
    /// The moment that it is filled for, as PostgreSQL reads one.
    pub at: String,
}

/// How many connections work side by side.
const BESIDE: usize = 2;

async fn connect(url: &str, size: &Size) -> Result<PgConnection> {
    let mut conn = PgConnection::connect(url).await?;
    let settings = format!(
        "set fill.accounts = '{}'; set fill.events = '{}'; set fill.at = '{}'; set synchronous_commit = off; set work_mem = '256MB';
         set maintenance_work_mem = '512MB'; set client_min_messages = warning; set timezone = 'UTC';
         set session_replication_role = replica",
        size.accounts, size.events, size.at
    );
    conn.execute(AssertSqlSafe(settings)).await?;
    Ok(conn)
}

/// Each statement once, several side by side.
async fn beside(url: &str, size: &Size, statements: Vec<String>) -> Result<()> {
    let waiting = std::sync::Arc::new(std::sync::Mutex::new(statements));
    let workers: Vec<_> = (0..BESIDE)
        .map(|_| {
            let (url, size, waiting) = (url.to_owned(), size.clone(), std::sync::Arc::clone(&waiting));
            tokio::spawn(async move {
                let mut conn = connect(&url, &size).await?;
                while let Some(statement) = take(&waiting) {
                    conn.execute(AssertSqlSafe(statement)).await?;
                }
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
            })
        })
        .collect();
    for worker in workers {
        worker.await??;
    }
    Ok(())
}

fn take(waiting: &std::sync::Mutex<Vec<String>>) -> Option<String> {
    waiting.lock().ok()?.pop()
}

/// Fills the database of the URL, as a superuser: row-level security holds everybody else.
///
/// # Errors
/// It is not a superuser's, was filled before, or a step fails.
pub async fn fill(url: &str, size: &Size) -> Result<()> {
    let mut conn = connect(url, size).await.map_err(|error| format!("fill needs a superuser: {error}"))?;
    let filled = "select exists (select from company where slug = 'fill-0')";
    if sqlx::query_scalar::<_, bool>(filled).fetch_one(&mut conn).await? {
        return Err("it was filled before".into());
    }
    let indexes = put_indexes_away(&mut conn).await?;
    let text = include_str!("fill.sql");
    for (name, step) in text.split("-- step: ").skip(1).filter_map(|step| step.split_once('\n')) {
        let began = Instant::now();
        if name.ends_with("each month") {
            let month = |month| format!("set fill.month = {month}; {step}");
            beside(url, size, (0..12).map(month).collect()).await?;
        } else {
            conn.execute(AssertSqlSafe(step)).await.map_err(|error| format!("{name}: {error}"))?;
        }
        println!("{:7.1} s  {name}", began.elapsed().as_secs_f64());
    }
    let began = Instant::now();
    beside(url, size, indexes).await?;
    println!("{:7.1} s  indexes", began.elapsed().as_secs_f64());
    let began = Instant::now();
    conn.execute("vacuum (analyze, freeze)").await?;
    conn.execute("analyze event").await?;
    println!("{:7.1} s  vacuum and analyze", began.elapsed().as_secs_f64());
    Ok(())
}

/// Drops each index that is no constraint's, but for those of small tables; answers how to make them again.
async fn put_indexes_away(conn: &mut PgConnection) -> Result<Vec<String>> {
    let query = "select i.indexrelid::regclass::text, replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ')
        from pg_index i join pg_class c on c.oid = i.indexrelid
        where c.relnamespace = 'public'::regnamespace and not c.relispartition
          and not exists (select from pg_constraint k where k.conindid = i.indexrelid) and not i.indisunique";
    let found: Vec<(String, String)> = sqlx::query_as(query).fetch_all(&mut *conn).await?;
    for (name, _) in &found {
        conn.execute(AssertSqlSafe(format!("drop index {name}"))).await?;
    }
    Ok(found.into_iter().map(|(_, made)| made).collect())
}

/// A table and what it takes.
#[derive(Debug)]
pub struct Measured {
    /// Its name.
    pub table: String,
    /// How many rows.
    pub rows: i64,
    /// On disk, with indexes.
    pub bytes: i64,
    /// Of these in indexes.
    pub indexes: i64,
}

/// What each table takes, the largest first.
///
/// # Errors
/// The database does not answer.
pub async fn measure(url: &str) -> Result<Vec<Measured>> {
    let mut conn = PgConnection::connect(url).await?;
    let query = "select coalesce(i.inhparent, c.oid)::regclass::text, sum(c.reltuples)::bigint, sum(pg_total_relation_size(c.oid))::bigint,
            sum(pg_indexes_size(c.oid))::bigint
        from pg_class c left join pg_inherits i on i.inhrelid = c.oid
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
        group by 1 order by 3 desc";
    let found: Vec<(String, i64, i64, i64)> = sqlx::query_as(query).fetch_all(&mut conn).await?;
    Ok(found.into_iter().map(|(table, rows, bytes, indexes)| Measured { table, rows, bytes, indexes }).collect())
}
