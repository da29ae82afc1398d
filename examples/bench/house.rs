//! Countersign as in production: a private PostgreSQL that writes durably, the role that row-level security holds, `countersign serve`
//! with everything on. Made anew for each run: a company, its people, and two clients.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use countersign::command::embedded::{Embedded, Purpose};
use countersign::command::migrate;
use countersign::domain::house::House;
use countersign::model::client::{AuthMethod, Client, ConsentRule, Origin};
use countersign::model::id::{AccountId, CompanyId};
use countersign::model::role::Role;
use countersign::model::scope::{KNOWN, Scopes};
use countersign::model::secret::Secret;
use countersign::model::settings::{Mode, Settings};
use countersign::storage::consent::{self, Given};
use countersign::storage::scope::Db;
use countersign::storage::{account, client, company, membership, password};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::Result;
use crate::driver::Target;
use crate::running::{Running, port};

/// Enough that no account signs in twice at once, and for one storm.
const PEOPLE: usize = 500;
const PASSWORD: &str = "a long ride on the night train";
const DATABASE: &str = "countersign_bench";
/// As at the peer.
pub const CLIENT: &str = "cli_load";
pub const PUBLIC_CLIENT: &str = "cli_load_public";
pub const CLIENT_SECRET: &str = "load-secret-for-localhost-only";
pub const REDIRECT_URI: &str = "http://localhost:9090/callback";

/// The database and the settings; servers start on them.
pub struct Ground {
    embedded: Arc<Embedded>,
    database: &'static str,
    settings: HashMap<String, String>,
    program: PathBuf,
    folder: PathBuf,
    pub issuer: String,
    pub company: CompanyId,
    pub database_pid: Option<u32>,
}

impl Ground {
    /// Makes the database and fills it.
    pub async fn lay(program: &Path, folder: &Path) -> Result<Self> {
        Self::lay_in(&Self::postgres(folder, Purpose::Work).await?, DATABASE, (program, folder)).await
    }

    /// PostgreSQL, for one ground or several.
    pub async fn postgres(folder: &Path, purpose: Purpose) -> Result<Arc<Embedded>> {
        Ok(Arc::new(Embedded::start(folder, purpose).await?))
    }

    /// Makes a database of this name in it and fills it.
    pub async fn lay_in(
        embedded: &Arc<Embedded>,
        database: &'static str,
        (program, folder): (&Path, &Path),
    ) -> Result<Self> {
        let mut conn = PgConnection::connect(&embedded.superuser_url("postgres")).await?;
        for statement in ["drop database if exists", "create database"] {
            let force = if statement.starts_with("drop") { " with (force)" } else { "" };
            sqlx::raw_sql(AssertSqlSafe(format!("{statement} {database}{force}"))).execute(&mut conn).await?;
        }
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut conn).await?;
        let database_pid = parent(backend);
        conn.close().await?;
        migrate::run(&embedded.superuser_url(database), &embedded.app_url(database)).await?;
        let port = port()?;
        let issuer = format!("http://localhost:{port}");
        let settings = HashMap::from(
            [
                ("DATABASE_URL", embedded.app_url(database)),
                ("ISSUER", issuer.clone()),
                ("LISTEN", format!("127.0.0.1:{port}")),
                ("SECRET_KEY", Secret::generate().reveal().to_owned()),
                ("REQUIRE_VERIFIED_EMAIL", "false".to_owned()),
                // A load tool is one address, and addresses are slowed: each sign-in says another one.
                ("TRUSTED_PROXIES", "127.0.0.1".to_owned()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let company = fill(&settings, &embedded.app_url(database)).await?;
        let (program, folder) = (program.to_path_buf(), folder.to_path_buf());
        let embedded = Arc::clone(embedded);
        Ok(Self { embedded, database, settings, program, folder, issuer, company, database_pid })
    }

    /// Starts a server and waits until it is ready; tells how long that took, in milliseconds.
    pub async fn serve(&self) -> Result<(Running, f64)> {
        let mut command = Command::new(&self.program);
        command.arg("serve").env_clear().envs(&self.settings).current_dir(&self.folder);
        let since = std::time::Instant::now();
        let mut running = Running::start(&mut command, &self.folder.join("countersign.log"))?;
        running.ready(&format!("{}/readyz", self.issuer)).await?;
        Ok((running, since.elapsed().as_secs_f64() * 1000.0))
    }

    /// Takes statistics, as autovacuum does within the first minute of a database that is in use.
    pub async fn analyze(&self) -> Result<()> {
        let mut conn = PgConnection::connect(&self.superuser_url()).await?;
        sqlx::raw_sql(AssertSqlSafe("analyze".to_owned())).execute(&mut conn).await?;
        Ok(conn.close().await?)
    }

    pub fn app_url(&self) -> String {
        self.embedded.app_url(self.database)
    }

    pub fn superuser_url(&self) -> String {
        self.embedded.superuser_url(self.database)
    }

    /// How the load tool reaches it.
    pub fn target(&self, server: &Running) -> Target {
        Target {
            issuer: self.issuer.clone(),
            server_pid: server.pid(),
            database_pid: self.database_pid,
            people: vec![
                format!("--accounts={PEOPLE}"),
                format!("--password={PASSWORD}"),
                "--spread-addresses".to_owned(),
            ],
        }
    }
}

/// PostgreSQL's first process is the parent of every backend.
fn parent(backend: i32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{backend}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

async fn fill(settings: &HashMap<String, String>, url: &str) -> Result<CompanyId> {
    let settings = Settings::read(settings, Mode::Serve).map_err(|error| error.to_string())?;
    let house = House::build(settings, Db::open(url, 2)?)?;
    let now = house.clock.now();
    let id = CompanyId::new(now);
    let mut tx = house.db.company(id, None).await?;
    company::insert(&mut tx, "load", "Load", now).await?;
    tx.commit_unremarkable().await?;
    let hash = house.hashing.hash(Secret::received(PASSWORD)).await?;
    clients(&house).await?;
    for number in 0..PEOPLE {
        person(&house, id, number, &hash).await?;
    }
    house.db.close().await;
    Ok(id)
}

async fn person(house: &House, home: CompanyId, number: usize, hash: &str) -> Result<()> {
    let now = house.clock.now();
    let id = AccountId::new(now);
    let mut tx = house.db.account(id).await?;
    let email = format!("person{number}@load.example").parse().map_err(|_| "an address that is none")?;
    account::insert(&mut tx, &email, &format!("Person {number}"), Some(now), now).await?;
    account::set_home(&mut tx, home).await?;
    password::set(&mut tx, hash, now).await?;
    tx.commit_unremarkable().await?;
    let mut tx = house.db.company(home, None).await?;
    membership::insert(&mut tx, id, Role::User, now).await?;
    let given = Given { scopes: Scopes::of(KNOWN), resources: BTreeSet::new() };
    for client in [CLIENT, PUBLIC_CLIENT] {
        consent::save(&mut tx, id, client, &given, now).await?;
    }
    Ok(tx.commit_unremarkable().await?)
}

/// Both ask for consent, which everybody has given before.
async fn clients(house: &House) -> Result<()> {
    let grants = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let blank = |id: &str| Client {
        redirect_uris: vec![REDIRECT_URI.to_owned()],
        grant_types: grants(&["authorization_code", "refresh_token"]),
        scopes: Scopes::of(KNOWN),
        consent: ConsentRule::Ask,
        ..Client::blank(id.to_owned(), None, Origin::Own)
    };
    let confidential = Client {
        auth_method: AuthMethod::SecretBasic,
        secret_digest: Some(Secret::received(CLIENT_SECRET).digest()),
        grant_types: grants(&["authorization_code", "refresh_token", "client_credentials"]),
        ..blank(CLIENT)
    };
    let mut tx = house.db.platform().await?;
    client::save_platform(&mut tx, &confidential, house.clock.now()).await?;
    client::save_platform(&mut tx, &blank(PUBLIC_CLIENT), house.clock.now()).await?;
    Ok(tx.commit_unremarkable().await?)
}
