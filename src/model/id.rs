//! Identifiers. Outside the house each carries a prefix that says what it names, so that a client can never look like a
//! person (RFC 9700, section 4.15); inside, they are UUIDv7 and never reused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use uuid::{ContextV7, Timestamp, Uuid};

/// What was read is no identifier of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the form {0}<32 hexadecimal digits>")]
pub struct NotAnId(pub &'static str);

/// A fresh UUIDv7 (RFC 9562, section 5.7) of the given instant.
pub fn fresh(now: OffsetDateTime) -> Uuid {
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(ContextV7::new(), seconds, now.nanosecond()))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What stands before the digits.
            pub const PREFIX: &'static str = $prefix;

            /// A new one, never given before.
            pub fn new(now: OffsetDateTime) -> Self {
                Self(fresh(now))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.as_simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let digits = text.strip_prefix($prefix).ok_or(NotAnId($prefix))?;
                let plain = digits.len() == 32 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if !plain {
                    return Err(NotAnId($prefix));
                }
                Uuid::try_parse(digits).map(Self).map_err(|_| NotAnId($prefix))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

ids! {
    /// A company, the tenant.
    CompanyId = "com_";
    /// An account: one human being.
    AccountId = "usr_";
    /// A login: one account signed in in one browser. The `sid` of tokens.
    LoginId = "log_";
    /// An authorization grant; tokens carry it as the head of their `jti`.
    GrantId = "grt_";
    /// An API that tokens can be for.
    ResourceId = "res_";
    /// One line of the audit trail.
    EventId = "evt_";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_what_was_written() {
        let id = AccountId::new(OffsetDateTime::UNIX_EPOCH);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_company_is_never_taken_for_a_person() {
        let company = CompanyId::new(OffsetDateTime::UNIX_EPOCH);
        assert!(company.to_string().parse::<AccountId>().is_err());
        assert!("usr_".parse::<AccountId>().is_err());
        assert!("usr_zz000000000000000000000000000000".parse::<AccountId>().is_err());
    }
}
