//! What a node knows of clients without asking again.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use time::{Duration, OffsetDateTime};

use crate::model::client::Client;

/// What this node knows of clients: as they were at most two seconds ago.
#[derive(Debug, Default)]
pub struct Cache {
    known: RwLock<HashMap<String, Known>>,
}

#[derive(Debug)]
enum Known {
    /// As it was read, and when.
    Read(OffsetDateTime, Arc<Client>),
    /// A transaction of this node changes it, and may take a moment to commit; asked for since.
    Changing(Option<OffsetDateTime>),
}

/// How long a node may work with what it last read.
const FRESH_FOR: Duration = Duration::seconds(2);
/// How many clients are known at once.
const MOST: usize = 10_000;

impl Cache {
    pub(super) fn get(&self, id: &str, now: OffsetDateTime) -> Option<Arc<Client>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        match known.get(id) {
            Some(Known::Read(at, client)) if (now - *at).abs() < FRESH_FOR => Some(Arc::clone(client)),
            _ => None,
        }
    }

    pub(super) fn keep(&self, client: &Arc<Client>, now: OffsetDateTime) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        if let Some(Known::Changing(since)) = known.get_mut(&client.id)
            && (now - *since.get_or_insert(now)).abs() < FRESH_FOR
        {
            return;
        }
        known.insert(client.id.clone(), Known::Read(now, Arc::clone(client)));
    }

    pub(super) fn changes(&self, id: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), Known::Changing(None));
    }
}
