//! Placeholder until the real settings land.
#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::indexing_slicing)]
use crate::model::secret::Secret;
use std::path::PathBuf;
#[derive(Debug)]
pub struct Net;
impl Net {
    pub fn contains(&self, _: std::net::IpAddr) -> bool {
        false
    }
}
#[derive(Debug)]
pub struct Settings {
    pub issuer: String,
    pub secret_key: Secret,
    pub secret_keys_previous: Vec<Secret>,
    pub access_token_lifetime: time::Duration,
    pub refresh_token_lifetime: time::Duration,
    pub session_lifetime: time::Duration,
    pub require_verified_email: bool,
    pub cors_origins: Vec<String>,
    pub trusted_proxies: Vec<Net>,
    pub password_hash_threads: usize,
    pub password_hash_queue: usize,
    pub signing_key_days: u32,
    pub data: PathBuf,
}
#[derive(Debug, Clone, Copy)]
pub enum Mode {
    Dev,
    Serve,
    Command,
}
impl Settings {
    pub fn read(vars: &std::collections::HashMap<String, String>, _: Mode) -> Result<Self, String> {
        Ok(Self {
            issuer: vars["ISSUER"].clone(),
            secret_key: Secret::received("a secret for development that is long enough"),
            secret_keys_previous: vec![],
            access_token_lifetime: time::Duration::minutes(30),
            refresh_token_lifetime: time::Duration::days(7),
            session_lifetime: time::Duration::hours(12),
            require_verified_email: vars
                .get("REQUIRE_VERIFIED_EMAIL")
                .is_some_and(|v| v == "true"),
            cors_origins: vec![],
            trusted_proxies: vec![],
            password_hash_threads: 1,
            password_hash_queue: 64,
            signing_key_days: 90,
            data: PathBuf::from(".data"),
        })
    }
    pub fn issuer_is_https(&self) -> bool {
        self.issuer.starts_with("https://")
    }
    pub fn is_dev(&self) -> bool {
        true
    }
}
