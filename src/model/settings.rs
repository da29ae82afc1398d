//! Placeholder until the real settings land.
#![allow(missing_docs)]
use std::path::PathBuf;
use crate::model::secret::Secret;
#[derive(Debug)]
pub struct Net;
impl Net { pub fn contains(&self, _: std::net::IpAddr) -> bool { false } }
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
impl Settings {
    pub fn issuer_is_https(&self) -> bool { self.issuer.starts_with("https://") }
    pub fn is_dev(&self) -> bool { true }
}
