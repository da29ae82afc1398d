//! Scopes of access tokens (RFC 6749, section 3.3).

use std::collections::BTreeSet;
use std::fmt;

/// The scopes that every client may ask for (OpenID Connect Core, sections 5.4 and 11; `company` is ours). Registered resources
/// bring others.
pub const KNOWN: [&str; 7] = ["openid", "profile", "email", "phone", "address", "offline_access", "company"];

/// A set of scope tokens, in a fixed order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Reads a space-separated list. What is no scope token is left out (OpenID Connect Core, section 3.1.2.1).
    pub fn read(text: &str) -> Self {
        Self::of(text.split(' '))
    }

    /// The well-formed ones among the given.
    pub fn of<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Self {
        Self(tokens.into_iter().filter(|token| is_scope_token(token)).map(str::to_owned).collect())
    }

    /// Whether this scope is among them.
    pub fn has(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether every one of these stands in the other.
    pub fn within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// What both hold.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// What either holds.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// All but these.
    #[must_use]
    pub fn without<'a>(&self, tokens: impl IntoIterator<Item = &'a str>) -> Self {
        let mut rest = self.clone();
        for token in tokens {
            rest.0.remove(token);
        }
        rest
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// For a `text[]` column.
    pub fn to_vec(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }
}

/// RFC 6749, section 3.3: %x21 / %x23-5B / %x5D-7E.
pub fn is_scope_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    (1..=128).contains(&text.len()) && text.bytes().all(allowed)
}

impl From<Vec<String>> for Scopes {
    fn from(tokens: Vec<String>) -> Self {
        Self::of(tokens.iter().map(String::as_str))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, token) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}
