//! A database of its own for each test: a copy of a template that is migrated once per run.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::command::embedded::{Embedded, Purpose};
use countersign::command::migrate;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::{Mutex, OnceCell};

use super::pooler::Pooler;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static COPYING: Mutex<()> = Mutex::const_new(());
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// PostgreSQL for the whole run.
struct Cluster {
    embedded: Embedded,
    /// With `TEST_PGBOUNCER` every provider goes through it.
    pooler: Option<Pooler>,
    template: String,
}

impl Cluster {
    async fn start() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let embedded = Embedded::start(folder, Purpose::Tests).await.unwrap();
        let template = "countersign_template".to_owned();
        let mut conn = PgConnection::connect(&embedded.superuser_url("postgres")).await.unwrap();
        // What an earlier run left behind.
        let left: Vec<String> =
            sqlx::query_scalar("select datname from pg_database where datname ~ '^(test_|countersign_)'")
                .fetch_all(&mut conn)
                .await
                .unwrap();
        for name in left.iter().chain([&template]) {
            conn.execute(AssertSqlSafe(format!("drop database if exists {name} with (force)"))).await.unwrap();
        }
        conn.execute(AssertSqlSafe(format!("create database {template}"))).await.unwrap();
        migrate::run(&embedded.superuser_url(&template), &embedded.app_url(&template)).await.unwrap();
        let pooler = match std::env::var("TEST_PGBOUNCER") {
            Ok(_) => Some(Pooler::start(&embedded.app_url(&template)).await),
            Err(_) => None,
        };
        Self { embedded, pooler, template }
    }
}

/// A fresh database.
#[derive(Clone)]
pub struct Fresh {
    pub name: String,
    /// As the role that owns nothing.
    pub app_url: String,
    /// As a superuser, to look behind the wall.
    pub superuser_url: String,
}

impl Fresh {
    pub async fn copy() -> Self {
        let cluster = CLUSTER.get_or_init(Cluster::start).await;
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::connect(&cluster.embedded.superuser_url("postgres")).await.unwrap();
        {
            // A template cannot be copied twice at one moment.
            let _one = COPYING.lock().await;
            conn.execute(AssertSqlSafe(format!("create database {name} template {}", cluster.template))).await.unwrap();
        }
        let (app_url, superuser_url) = (cluster.embedded.app_url(&name), cluster.embedded.superuser_url(&name));
        let app_url = cluster.pooler.as_ref().map_or_else(|| app_url.clone(), |pooler| pooler.url(&app_url));
        Self { name, app_url, superuser_url }
    }

    /// A database with nothing in it.
    pub async fn empty() -> Self {
        let cluster = CLUSTER.get_or_init(Cluster::start).await;
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::connect(&cluster.embedded.superuser_url("postgres")).await.unwrap();
        conn.execute(AssertSqlSafe(format!("create database {name}"))).await.unwrap();
        let (app_url, superuser_url) = (cluster.embedded.app_url(&name), cluster.embedded.superuser_url(&name));
        Self { name, app_url, superuser_url }
    }

    /// A connection that no policy holds back.
    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&self.superuser_url).await.unwrap()
    }
}
