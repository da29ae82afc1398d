//! An e-mail address as accounts are known by: lower case, at most 254 characters, one `@`, nothing that could end a
//! mail header.

use std::fmt;
use std::str::FromStr;

/// An address that passed the checks of [`Email::from_str`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// What was read is no e-mail address that we could send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not an e-mail address")]
pub struct NotAnEmail;

impl Email {
    /// The address, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// For logs and for people who should not read the whole address: `a…@example.com`.
    pub fn masked(&self) -> String {
        let first = self.0.chars().next().unwrap_or('?');
        format!("{first}…@{}", self.domain())
    }
}

impl FromStr for Email {
    type Err = NotAnEmail;

    fn from_str(text: &str) -> Result<Self, NotAnEmail> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnEmail)?;
        let local_ok = (1..=64).contains(&local.len())
            && local.chars().all(|c| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\\\"@".contains(c))
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..");
        let domain_ok = domain.split('.').count() >= 2
            && domain.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && !label.starts_with('-')
                    && !label.ends_with('-')
                    && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            });
        if text.len() <= 254 && local_ok && domain_ok { Ok(Self(text)) } else { Err(NotAnEmail) }
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Logs see the masked form only.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_lower_case() {
        assert_eq!("  Admin@TechCorp.com ".parse::<Email>().map(|e| e.0), Ok("admin@techcorp.com".to_owned()));
    }

    #[test]
    fn what_could_end_a_header_is_refused() {
        for bad in ["", "a", "a@", "@b.c", "a@b", "a b@c.de", "a@b.de\r\nBcc: x@y.z", "a@b..de", "<a@b.de>", "a\0@b.de"]
        {
            assert!(bad.parse::<Email>().is_err(), "{bad:?}");
        }
    }
}
