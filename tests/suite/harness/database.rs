//! A database of its own for each test: a copy of a template that is migrated once per run.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::sync::{Mutex, OnceCell};
use url::Url;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static COPYING: Mutex<()> = Mutex::const_new(());
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// PostgreSQL for the whole run.
struct Cluster {
    superuser: Url,
    app: Url,
    template: String,
}

impl Cluster {
    async fn start() -> Self {
        let superuser: Url = std::env::var("TEST_POSTGRES").unwrap().parse().unwrap();
        let mut app = superuser.clone();
        app.set_username("countersign_app").unwrap();
        let template = format!("template_{}", std::process::id());
        let cluster = Self { superuser, app, template };
        let mut conn = cluster.connect("postgres").await;
        conn.execute(AssertSqlSafe(format!("create database {}", cluster.template))).await.unwrap();
        let mut conn = cluster.connect(&cluster.template).await;
        countersign::storage::MIGRATIONS.run(&mut conn).await.unwrap();
        cluster
    }

    async fn connect(&self, name: &str) -> PgConnection {
        PgConnection::connect(at(&self.superuser, name).as_str()).await.unwrap()
    }
}

/// The URL of another database of the same cluster.
fn at(url: &Url, name: &str) -> Url {
    let mut url = url.clone();
    url.set_path(name);
    url
}

/// A fresh database.
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
        let mut conn = cluster.connect("postgres").await;
        {
            // A template cannot be copied twice at one moment.
            let _one = COPYING.lock().await;
            conn.execute(AssertSqlSafe(format!("create database {name} template {}", cluster.template))).await.unwrap();
        }
        let (app_url, superuser_url) = (at(&cluster.app, &name).into(), at(&cluster.superuser, &name).into());
        Self { name, app_url, superuser_url }
    }

    /// A connection that no policy holds back.
    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&self.superuser_url).await.unwrap()
    }
}
