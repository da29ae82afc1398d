//! What all connections share: the provider, the client, the people, and requests that are always the same.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::arguments::Arguments;
use crate::provider::Provider;

/// RFC 7636, appendix B. The server's work is the same for any verifier.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The plan.
#[derive(Debug)]
pub struct Plan {
    pub arguments: Arguments,
    pub provider: Provider,
    /// Authorization requests, as the browser is sent there.
    pub authorize: String,
    scope: String,
    token_head: String,
    /// Counts sign-ins, over all connections.
    signed_in: AtomicUsize,
}

/// Who signs in, and from where.
#[derive(Debug)]
pub struct Person {
    pub email: String,
    pub address: Option<String>,
}

impl Plan {
    pub fn new(arguments: Arguments, provider: Provider) -> Self {
        let scope = arguments.scope.clone().unwrap_or_else(|| arguments.scenario.scope().to_owned());
        let mut plan = Self {
            token_head: token_head(&arguments, &provider),
            authorize: String::new(),
            scope,
            signed_in: AtomicUsize::new(0),
            arguments,
            provider,
        };
        plan.authorize = plan.authorization_request();
        plan
    }

    fn authorization_request(&self) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(openssl::sha::sha256(VERIFIER.as_bytes()));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.arguments.client_id),
            ("redirect_uri", &self.arguments.redirect_uri),
            ("scope", &self.scope),
            ("state", "load"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        query.extend_pairs(pairs(&self.arguments.authorize_parameters));
        format!("{}?{}", self.provider.authorization, query.finish())
    }

    /// A token request with these parameters, and those that every one has.
    pub fn token_request(&self, parameters: &[(&str, &str)]) -> String {
        let mut body = url::form_urlencoded::Serializer::new(String::with_capacity(512));
        body.extend_pairs(parameters);
        body.extend_pairs(pairs(&self.arguments.token_parameters));
        if self.arguments.client_secret.is_none() {
            body.append_pair("client_id", &self.arguments.client_id);
        }
        let body = body.finish();
        format!("{}{}\r\n\r\n{body}", self.token_head, body.len())
    }

    pub fn code_request(&self, code: &str) -> String {
        self.token_request(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.arguments.redirect_uri),
            ("code_verifier", VERIFIER),
        ])
    }

    pub fn client_credentials_request(&self) -> String {
        match &self.arguments.scope {
            Some(scope) => self.token_request(&[("grant_type", "client_credentials"), ("scope", scope)]),
            None => self.token_request(&[("grant_type", "client_credentials")]),
        }
    }

    pub fn userinfo_request(&self, access_token: &str) -> String {
        let (path, host) = (&self.provider.userinfo, &self.provider.host);
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {access_token}\r\n\r\n")
    }

    pub fn introspection_request(&self, access_token: &str) -> String {
        let body = format!("token={access_token}");
        let (path, host) = (&self.provider.introspection, &self.provider.host);
        let credentials = credentials(&self.arguments);
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\n{credentials}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    pub fn get(&self, path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.provider.host)
    }

    /// Whose turn it is.
    pub fn next_person(&self) -> Person {
        let turn = self.signed_in.fetch_add(1, Ordering::Relaxed);
        let email = self.arguments.email.replace("{n}", &(turn % self.arguments.accounts.max(1)).to_string());
        let address = self.arguments.spread_addresses.then(|| {
            // Somewhere else in 10.0.0.0/8 in each run: throttles remember.
            let here = turn + std::process::id() as usize * 4096;
            format!("10.{}.{}.{}", here >> 16 & 255, here >> 8 & 255, here & 255)
        });
        Person { email, address }
    }
}

fn pairs(texts: &[String]) -> impl Iterator<Item = (&str, &str)> {
    texts.iter().filter_map(|text| text.split_once('='))
}

fn credentials(arguments: &Arguments) -> String {
    let Some(secret) = &arguments.client_secret else { return String::new() };
    // RFC 6749, section 2.3.1: both are form-encoded first.
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = format!("{}:{}", encoded(&arguments.client_id), encoded(secret));
    format!("Authorization: Basic {}\r\n", STANDARD.encode(both))
}

fn token_head(arguments: &Arguments, provider: &Provider) -> String {
    format!(
        "POST {} HTTP/1.1\r\nHost: {}\r\n{}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ",
        provider.token,
        provider.host,
        credentials(arguments)
    )
}
