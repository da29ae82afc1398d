//! Three real nodes on one database behind a balancer: one is killed under load, the others are replaced one after the other.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;

use crate::harness::balancer::Balancer;
use crate::harness::load::{Actors, Load};
use crate::harness::{Person, Provider, Visitor, database, port};

use super::serve::{Running, open};
use super::{SECRET, program};

struct Nodes {
    database: database::Fresh,
    issuer: String,
    ports: Vec<u16>,
    running: Vec<Option<Running>>,
}

impl Nodes {
    fn settings(&self) -> [(&str, &str); 7] {
        [
            ("DATABASE_URL", &self.database.app_url),
            ("ISSUER", &self.issuer),
            ("SECRET_KEY", SECRET),
            ("REQUIRE_VERIFIED_EMAIL", "false"),
            ("PASSWORD_HASH_THREADS", "1"),
            ("DATABASE_CONNECTIONS", "5"),
            ("STOP_DELAY_SECONDS", "1"),
        ]
    }

    async fn start(&mut self, place: usize) {
        let listen = format!("127.0.0.1:{}", self.ports[place]);
        let mut settings = self.settings().to_vec();
        settings.push(("LISTEN", &listen));
        let child = program(&["serve"], &settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.running[place] = Some(Running(child));
        open(self.ports[place]).await;
        // The balancer looks ten times a second.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }

    fn kill(&mut self, place: usize) {
        let mut node = self.running[place].take().unwrap();
        node.0.kill().unwrap();
        node.0.wait().unwrap();
    }

    /// SIGTERM, and it ends by itself.
    async fn stop(&mut self, place: usize) {
        let mut node = self.running[place].take().unwrap();
        let told = std::process::Command::new("kill").args(["-TERM", &node.0.id().to_string()]).status().unwrap();
        assert!(told.success());
        let status = tokio::task::spawn_blocking(move || node.0.wait().unwrap()).await.unwrap();
        assert!(status.success(), "{status}");
    }
}

/// Registers by the API: the nodes hash with a key of their own.
async fn actors(provider: &Provider, issuer: &str) -> Actors {
    let password = "correct horse battery";
    let sent = json!({ "company_name": "TechCorp", "email": "ada@techcorp.com", "password": password, "name": "Ada" });
    let answer = provider.api().post("/api/auth/register", sent).await.expect(201);
    let id = answer.body["user"]["id"].as_str().unwrap().parse().unwrap();
    let admin = Person { id, email: "ada@techcorp.com".to_owned(), password: password.to_owned() };
    let browser = Visitor::new(issuer);
    assert_eq!(browser.sign_in(&admin).await.path(), "/dashboard");
    let mut app = provider.public_app().await;
    issuer.clone_into(&mut app.base);
    Actors { admin, app, browser: Arc::new(browser), base: issuer.to_owned() }
}

#[tokio::test]
async fn nodes_die_and_are_replaced_and_nobody_loses_what_was_acknowledged() {
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://localhost:{}", front.local_addr().unwrap().port());
    let database = database::Fresh::copy().await;
    let settings = [("ISSUER", issuer.as_str()), ("SECRET_KEY", SECRET), ("REQUIRE_VERIFIED_EMAIL", "false")];
    let provider = Provider::start_on(database.clone(), &settings).await;
    let ports: Vec<u16> = (0..3).map(|_| port::free()).collect();
    let _balancer = Balancer::watching(front, &ports);
    let mut nodes = Nodes { database, issuer: issuer.clone(), ports, running: vec![None, None, None] };
    for place in 0..3 {
        nodes.start(place).await;
    }
    let load = Load::start(&provider, &actors(&provider, &issuer).await).await;
    load.goes_on().await;
    nodes.kill(0);
    load.goes_on().await;
    nodes.start(0).await;
    load.goes_on().await;
    // What the dead node held in its hands broke, and was asked for again; from here on nothing breaks.
    let broken = load.broken();
    for place in [1, 2] {
        nodes.stop(place).await;
        load.goes_on().await;
        nodes.start(place).await;
        load.goes_on().await;
    }
    assert_eq!(load.broken(), broken, "requests failed while a node drained");
    let outcome = load.end(&nodes.database).await;
    assert!(outcome.broken <= 10 && outcome.busy == 0, "{outcome:?}");
}
