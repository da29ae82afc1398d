//! Migrations, and what the server checks of the role that it runs as.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::scope::Db;
use crate::model::error::{Error, Result};

/// The migrations, in the order in which they apply.
static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Applies what is missing, as the owner.
pub async fn run(conn: &mut PgConnection) -> Result<()> {
    MIGRATIONS.run(conn).await.map_err(Error::fault)
}

/// Makes a database where there is none of this name.
pub async fn ensure_database(superuser_url: &str, name: &str) -> Result<()> {
    let mut conn = PgConnection::connect(superuser_url).await?;
    let there = sqlx::query_scalar!(r#"select exists (select from pg_database where datname = $1) as "there!""#, name)
        .fetch_one(&mut conn)
        .await?;
    if !there {
        let quoted = sqlx::query_scalar!(r#"select quote_ident($1) as "quoted!""#, name).fetch_one(&mut conn).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("create database {quoted}"))).execute(&mut conn).await?;
    }
    Ok(conn.close().await?)
}

/// Lets the server's role log in with this password.
pub async fn set_app_password(conn: &mut PgConnection, password: &str) -> Result<()> {
    if password.is_empty() {
        return Ok(());
    }
    // `alter role` takes no parameters; `quote_literal` is PostgreSQL's own quoting.
    let quoted =
        sqlx::query_scalar!(r#"select quote_literal($1) as "quoted!""#, password).fetch_one(&mut *conn).await?;
    let statement = format!("alter role countersign_app login password {quoted}");
    // A role belongs to the whole cluster: somebody else's `migrate` may be changing it at this moment, and then PostgreSQL refuses.
    for _ in 0..20 {
        match sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *conn).await {
            Err(sqlx::Error::Database(error)) if error.message() == "tuple concurrently updated" => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            done => return Ok(done.map(drop)?),
        }
    }
    Err(Error::fault("somebody else keeps changing the role countersign_app"))
}

/// What is wrong with the role or the wall, each a sentence. Empty when the server may start.
pub async fn faults_of_the_wall(db: &Db) -> Result<Vec<String>> {
    let role = sqlx::query!(
        r#"select rolname as "name!", rolsuper as "superuser!", rolbypassrls as "bypasses!",
                  exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                          where n.nspname = 'public' and c.relkind in ('r', 'p')
                            and pg_has_role(current_user, c.relowner, 'member')) as "owns!"
           from pg_roles where rolname = current_user"#
    )
    .fetch_one(db.pool())
    .await?;
    let mut faults = Vec::new();
    if role.superuser {
        faults.push(format!("the role {} is a superuser, for whom row-level security does not hold", role.name));
    }
    if role.bypasses {
        faults.push(format!("the role {} bypasses row-level security", role.name));
    }
    if role.owns && !role.superuser {
        faults.push(format!("the role {} owns tables, and could switch their row-level security off", role.name));
    }
    let open = sqlx::query_scalar!(
        r#"select c.relname::text as "name!" from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relname <> '_sqlx_migrations'
             and not (c.relrowsecurity and c.relforcerowsecurity) order by 1"#
    )
    .fetch_all(db.pool())
    .await?;
    faults.extend(open.into_iter().map(|name| format!("the table {name} has no forced row-level security")));
    Ok(faults)
}

/// Whether every migration that this program knows was applied. A database that is further is no harm: migrations only add
/// what the program before does not miss.
pub async fn is_current(db: &Db) -> Result<bool> {
    let newest = MIGRATIONS.iter().map(|migration| migration.version).max();
    // Not checked while compiling: the table belongs to the library that migrates.
    let applied = sqlx::query_scalar::<_, Option<i64>>("select max(version) from _sqlx_migrations where success")
        .fetch_one(db.pool());
    match applied.await {
        Ok(applied) => Ok(applied >= newest),
        // 42P01: there is no such table yet; 42501: it may not be read yet.
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42P01" | "42501")) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// PostgreSQL's version number, 150018 for 15.18.
pub async fn version(db: &Db) -> Result<i32> {
    let version = sqlx::query_scalar!(r#"select current_setting('server_version_num')::integer as "version!""#);
    Ok(version.fetch_one(db.pool()).await?)
}

/// What the database's clock says.
pub async fn clock(db: &Db) -> Result<time::OffsetDateTime> {
    Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "clock!""#).fetch_one(db.pool()).await?)
}
