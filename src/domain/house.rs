//! What every rule works with: the settings, the database, the keys and the hash pool. One for the whole process.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::domain::hashing::Hashing;
use crate::domain::keys::Keyring;
use crate::domain::metrics::Metrics;
use crate::domain::oidc::client_auth::certificate::Authorities;
use crate::domain::oidc::client_keys::ClientKeys;
use crate::domain::oidc::dpop::nonce::Nonces;
use crate::domain::oidc::session_state::StateKey;
use crate::domain::sealing::Sealer;
use crate::model::clock::Clock;
use crate::model::context::Context;
use crate::model::error::Result;
use crate::model::settings::Settings;
use crate::outbound::http::Guarded;
use crate::outbound::smtp::Postman;
use crate::storage::scope::Db;

/// The process's one set of parts.
#[derive(Debug)]
pub struct House {
    /// What the operator decided.
    pub settings: Settings,
    /// The database, as the unprivileged role.
    pub db: Db,
    /// Password hashing, on threads of its own.
    pub hashing: Hashing,
    /// Signing keys.
    pub keyring: Keyring,
    /// What clients publish of theirs.
    pub client_keys: ClientKeys,
    /// What makes DPoP proofs new.
    pub dpop_nonces: Nonces,
    /// What browser states are made with.
    pub state_key: StateKey,
    /// Who may vouch for clients.
    pub authorities: Authorities,
    /// Encryption at rest.
    pub sealer: Sealer,
    /// The way to the mail server, where there is one.
    pub postman: Option<Postman>,
    /// For calls to others.
    pub guarded: Guarded,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    stopping: AtomicBool,
}

impl House {
    /// Puts the parts together. Nothing is asked of the database yet.
    ///
    /// # Errors
    /// OpenSSL refuses to derive a key, or a thread cannot be started.
    pub fn build(settings: Settings, db: Db) -> Result<Self> {
        let (sealer, dpop_nonces) = (Sealer::new(&settings)?, Nonces::new(&settings)?);
        let metrics = Metrics::new(&db);
        let hashing = Hashing::start(&settings, metrics.hash_queue.clone())?;
        let (postman, guarded) = (Postman::new(&settings)?, Guarded::new(&settings)?);
        let (authorities, state_key) = (Authorities::new(&settings)?, StateKey::new(&settings)?);
        let (keyring, client_keys, clock) = (Keyring::default(), ClientKeys::default(), Clock::default());
        Ok(Self {
            settings,
            db,
            hashing,
            keyring,
            client_keys,
            dpop_nonces,
            state_key,
            authorities,
            sealer,
            postman,
            guarded,
            clock,
            metrics,
            stopping: AtomicBool::new(false),
        })
    }

    /// The context of something that runs without a request.
    pub fn job(&self, name: &str) -> Context {
        Context::of_job(self.clock.now(), name)
    }

    /// From now on this node wants no new callers.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether this node was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// The audience of tokens for the management API.
    pub fn api_audience(&self) -> String {
        format!("{}/api", self.settings.issuer)
    }
}
