//! One connection's part of the work: prepared before anything is measured, then done over and over.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;

use crate::browser::Browser;
use crate::connection::{Connection, Failure, Result};
use crate::plan::Plan;
use crate::scenario::Scenario;

/// One connection and what it carries on.
#[derive(Debug)]
pub struct Worker {
    plan: Arc<Plan>,
    browser: Browser,
    /// Requests that are always the same, built once.
    requests: Requests,
    refresh_token: String,
    steps: usize,
}

#[derive(Debug, Default)]
struct Requests {
    client_credentials: String,
    userinfo: String,
    introspection: String,
    discovery: String,
    jwks: String,
}

#[derive(Deserialize)]
struct Tokens<'a> {
    #[serde(borrow)]
    access_token: Cow<'a, str>,
    #[serde(borrow, default)]
    refresh_token: Option<Cow<'a, str>>,
}

impl<'a> Tokens<'a> {
    fn read(body: &'a [u8]) -> Result<Self> {
        serde_json::from_slice(body).map_err(|_| Failure::from("a token answer that cannot be read"))
    }
}

impl Worker {
    /// Signs somebody in where the scenario needs it, and builds what is sent.
    pub async fn prepare(plan: Arc<Plan>, number: usize) -> Result<Self> {
        let browser = Browser::new(Connection::new(plan.provider.address), plan.next_person());
        let mut requests = Requests {
            client_credentials: plan.client_credentials_request(),
            discovery: plan.get(&plan.provider.discovery),
            jwks: plan.get(&plan.provider.jwks),
            ..Requests::default()
        };
        let mut worker =
            Self { plan, browser, requests: Requests::default(), refresh_token: String::new(), steps: number * 7 };
        let scenario = worker.plan.arguments.scenario;
        if scenario.needs_tokens() {
            let code = worker.browser.authorize(&worker.plan).await?;
            let request = worker.plan.code_request(&code);
            let answer = worker.browser.connection.ask(request.as_bytes()).await?.expect_status(200, "token")?;
            let tokens = Tokens::read(answer.body)?;
            requests.userinfo = worker.plan.userinfo_request(&tokens.access_token);
            requests.introspection = worker.plan.introspection_request(&tokens.access_token);
            worker.refresh_token = tokens.refresh_token.unwrap_or_default().into_owned();
        }
        if matches!(scenario, Scenario::Refresh | Scenario::Mixed) && worker.refresh_token.is_empty() {
            return Err("no refresh token was given".into());
        }
        worker.requests = requests;
        Ok(worker)
    }

    /// How often it shall work, where that is said.
    pub fn times(&self) -> Option<u64> {
        self.plan.arguments.times
    }

    /// A connection that was not idle meanwhile.
    pub async fn renew(&mut self) -> Result<()> {
        self.browser.connection.renew().await
    }

    /// One operation of the scenario, from the first request to the last answer.
    pub async fn work(&mut self) -> Result<()> {
        self.steps = self.steps.wrapping_add(1);
        let connection = &mut self.browser.connection;
        match self.plan.arguments.scenario.at(self.steps) {
            Scenario::ClientCredentials => {
                same(connection, &self.requests.client_credentials, ("client credentials", b"access_token")).await
            }
            Scenario::Userinfo => same(connection, &self.requests.userinfo, ("userinfo", b"\"sub\"")).await,
            Scenario::Introspection => {
                same(connection, &self.requests.introspection, ("introspection", b"\"active\":true")).await
            }
            Scenario::Discovery => same(connection, &self.requests.discovery, ("discovery", b"{")).await,
            Scenario::Jwks => same(connection, &self.requests.jwks, ("JWKS", b"{")).await,
            Scenario::Refresh => self.refresh().await,
            Scenario::Code => self.code().await.map(drop),
            Scenario::SignIn | Scenario::Mixed | Scenario::Storm => self.sign_in().await,
        }
    }

    async fn refresh(&mut self) -> Result<()> {
        let request = [("grant_type", "refresh_token"), ("refresh_token", self.refresh_token.as_str())];
        let request = self.plan.token_request(&request);
        let answer = self.browser.connection.ask(request.as_bytes()).await?.expect_status(200, "refresh")?;
        // Where it does not rotate there may be none.
        if let Some(next) = Tokens::read(answer.body)?.refresh_token {
            next.as_ref().clone_into(&mut self.refresh_token);
        }
        Ok(())
    }

    /// Answers the userinfo request for the token that was given.
    async fn code(&mut self) -> Result<String> {
        let code = self.browser.authorize(&self.plan).await?;
        let request = self.plan.code_request(&code);
        let answer = self.browser.connection.ask(request.as_bytes()).await?.expect_status(200, "token")?;
        Ok(self.plan.userinfo_request(&Tokens::read(answer.body)?.access_token))
    }

    async fn sign_in(&mut self) -> Result<()> {
        self.browser.hand_to(self.plan.next_person());
        let request = self.code().await?;
        same(&mut self.browser.connection, &request, ("userinfo", b"\"sub\"")).await
    }
}

/// Sends what is ready, and wants 200 with this in it.
async fn same(connection: &mut Connection, request: &str, (whom, within): (&'static str, &[u8])) -> Result<()> {
    let answer = connection.ask(request.as_bytes()).await?.expect_status(200, whom)?;
    if answer.body.windows(within.len()).any(|part| part == within) {
        Ok(())
    } else {
        Err(Failure::from(format!("an answer at {whom} that says nothing")))
    }
}
