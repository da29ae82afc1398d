//! Cursors of lists: where a page ended. Opaque to callers; a forged one can show nothing that a list would not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use uuid::Uuid;

use super::error::{Error, Result};

/// The last line of a page: its sort key, and its id where keys are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// What the list is sorted by, as text.
    pub key: String,
    /// Which line.
    pub id: Uuid,
}

impl Cursor {
    /// For the wire.
    pub fn encode(&self) -> String {
        B64.encode(format!("{} {}", self.id.as_simple(), self.key))
    }

    /// From the wire.
    ///
    /// # Errors
    /// It is none of ours.
    pub fn read(text: &str) -> Result<Self> {
        let bad = || Error::Malformed("the cursor is none that this list gave".into());
        let text = B64.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad)?;
        let (id, key) = text.split_once(' ').ok_or_else(bad)?;
        if key.contains('\0') {
            return Err(bad());
        }
        Ok(Self { key: key.to_owned(), id: Uuid::try_parse(id).map_err(|_| bad())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_what_was_written() {
        let cursor = Cursor { key: "ada lovelace".to_owned(), id: Uuid::nil() };
        assert_eq!(Cursor::read(&cursor.encode()).unwrap(), cursor);
        assert!(Cursor::read("nonsense").is_err());
    }
}
