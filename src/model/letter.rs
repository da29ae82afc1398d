//! A mail that we send.

use serde::{Deserialize, Serialize};

/// A letter as it waits in the outbox, sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Letter {
    /// One address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// For readers of plain text.
    pub text: String,
    /// The same for everybody else.
    pub html: String,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Letter(…)")
    }
}
