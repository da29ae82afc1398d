//! A whole provider per test: a real server on a loopback port, on a fresh copy of a migrated database, as the role that
//! cannot bypass the wall. Actors are types: people, companies, apps, browsers.
#![allow(dead_code, reason = "not every test needs every actor")]

pub mod api;
pub mod app;
pub mod authenticator;
pub mod balancer;
pub mod browser;
pub mod certificates;
pub mod changes;
pub mod cluster;
pub mod database;
pub mod load;
pub mod mailbox;
pub mod metrics;
pub mod mtls;
pub mod people;
pub mod pooler;
pub mod port;
pub mod prover;
pub mod publisher;
pub mod receiver;
pub mod secrets;
pub mod signer;
pub mod visitor;
pub mod wire;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::ServiceExt;
use axum::extract::Request;
use countersign::domain::house::House;
use countersign::domain::keys;
use countersign::http::published::Front;
use countersign::http::{Shared, routes, server};
use countersign::model::settings::{DEV_SECRET, Mode, Settings};
use countersign::storage::scope::Db;
use countersign::storage::signing_key;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;

pub use app::App;
use balancer::Balancer;
pub use people::{Company, PASSWORD, Person};
pub use visitor::{Page, Visitor};
pub use wire::Wire;

/// A running provider. Its server stops when it is dropped.
pub struct Provider {
    pub house: Shared,
    pub base: String,
    /// Where this node listens, on loopback.
    pub port: u16,
    pub database: database::Fresh,
    servers: Vec<tokio::task::JoinHandle<()>>,
    _balancer: Option<Balancer>,
    /// The port that asks for certificates, where the settings say so.
    asking: Option<tokio::task::JoinHandle<countersign::model::error::Result<()>>>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
        if let Some(asking) = &self.asking {
            asking.abort();
        }
    }
}

/// The keys of the first provider serve all that share its secret: finding primes is slow.
async fn give_keys(house: &House) {
    static MADE: OnceCell<Vec<signing_key::Row>> = OnceCell::const_new();
    if house.settings.secret_key.reveal() == DEV_SECRET && signing_key::all(&house.db).await.unwrap().is_empty() {
        let made = MADE.get_or_init(|| async {
            keys::ensure(house, &house.job("start")).await.unwrap();
            signing_key::all(&house.db).await.unwrap()
        });
        let made = made.await;
        let mut tx = house.db.platform().await.unwrap();
        if signing_key::all_locked(&mut tx).await.unwrap().is_empty() {
            for row in made {
                signing_key::insert(&mut tx, row).await.unwrap();
            }
        }
        tx.commit_unremarkable().await.unwrap();
    }
    keys::ensure(house, &house.job("start")).await.unwrap();
}

/// The parts of a node that listens at this address.
fn build(database: &database::Fresh, base: &str, settings: &[(&str, &str)]) -> House {
    let mut vars: HashMap<String, String> = HashMap::from([
        ("ISSUER".to_owned(), base.to_owned()),
        ("DATABASE_URL".to_owned(), database.app_url.clone()),
        ("PASSWORD_HASH_THREADS".to_owned(), "1".to_owned()),
    ]);
    vars.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    secrets::begin();
    secrets::of_settings(vars.iter());
    secrets::note(DEV_SECRET);
    let settings = Settings::read(&vars, Mode::Dev).unwrap();
    let connections = if vars.contains_key("DATABASE_CONNECTIONS") { settings.database_connections } else { 5 };
    let db = Db::open(&database.app_url, connections).unwrap();
    House::build(settings, db).unwrap()
}

async fn close(mut answer: axum::response::Response) -> axum::response::Response {
    // Whoever still sends what is too large would hear of the closing first.
    if answer.status() == 413 {
        return answer;
    }
    answer.headers_mut().insert(axum::http::header::CONNECTION, axum::http::HeaderValue::from_static("close"));
    answer
}

fn serve(listener: TcpListener, house: &Shared, router: axum::Router) -> tokio::task::JoinHandle<()> {
    let front = Front::before(house, router.layer(axum::middleware::from_fn(secrets::observe)));
    let app = ServiceExt::<Request>::into_make_service_with_connect_info::<SocketAddr>(front);
    tokio::spawn(async move {
        axum::serve(listener, app).await.unwrap();
    })
}

impl Provider {
    /// With the settings of `dev`.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With these settings besides.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let database = database::Fresh::copy().await;
        Self::start_on(database, settings).await
    }

    /// On a database that exists already. With `TEST_NODES` as so many nodes behind a balancer.
    pub async fn start_on(database: database::Fresh, settings: &[(&str, &str)]) -> Self {
        let nodes = std::env::var("TEST_NODES").map_or(1, |number| number.parse().unwrap());
        Self::start_nodes(database, settings, nodes).await
    }

    /// One node, whatever `TEST_NODES` says, for what is a node's own.
    pub async fn alone(settings: &[(&str, &str)]) -> Self {
        Self::start_nodes(database::Fresh::copy().await, settings, 1).await
    }

    async fn start_nodes(database: database::Fresh, settings: &[(&str, &str)], nodes: usize) -> Self {
        let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = front.local_addr().unwrap().port();
        let base = format!("http://localhost:{port}");
        let house = Arc::new(build(&database, &base, settings));
        give_keys(&house).await;
        let mut servers = Vec::new();
        let mut balancer = None;
        if nodes == 1 {
            servers.push(serve(front, &house, routes::router(&house)));
        } else {
            let mut ports = Vec::new();
            for number in 0..nodes {
                let mut other = build(&database, &base, settings);
                // Time passes for all of them.
                other.clock = house.clock.clone();
                let node = if number == 0 { house.clone() } else { Arc::new(other) };
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                ports.push(listener.local_addr().unwrap().port());
                // Each request takes a connection of its own, so each goes to the next node.
                let closing = axum::middleware::map_response(close);
                servers.push(serve(listener, &node, routes::router(&node).layer(closing)));
            }
            balancer = Some(Balancer::over(front, &ports));
        }
        let asking = match (&house.settings.tls, house.settings.mtls.listen) {
            (Some(files), Some(address)) => {
                let router = Front::before(&house, routes::router(&house));
                Some(server::asking(router, files, address, axum_server::Handle::new()).unwrap())
            }
            _ => None,
        };
        Self { house, base, port, database, servers, _balancer: balancer, asking }
    }

    /// One more node of the same provider.
    pub async fn another_node(&self) -> Self {
        Self::start_nodes(self.database.clone(), &[("ISSUER", &self.base)], 1).await
    }

    /// A path of this provider as a URL.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// An HTTP client without cookies, who follows no redirect.
    pub fn stranger(&self) -> reqwest::Client {
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
    }

    /// A browser without JavaScript.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(&self.base)
    }

    /// Time passes.
    pub fn wait(&self, by: time::Duration) {
        self.house.clock.advance(by);
    }
}
