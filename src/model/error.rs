//! The one error. `Err` means: stop, and tell whoever asked. What a caller must choose between is an enum in `Ok` instead.
//! The route decides which face it wears; no status code stands here.

use std::borrow::Cow;

use time::Duration;

/// What a rule answers when it works.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request ends here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields that cannot be accepted, each with what is wrong.
    #[error("some fields cannot be accepted")]
    Invalid(Vec<Flaw>),
    /// The request itself cannot be read.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
    /// More bytes than we read.
    #[error("the request is too large")]
    TooLarge,
    /// A body of a kind that is not taken here; which one is.
    #[error("the body must be {0}")]
    WrongMediaType(&'static str),
    /// The path is there, the method is not.
    #[error("this method is not allowed here")]
    MethodNotAllowed,
    /// Nobody we know, or no longer.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// Somebody we know who may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is no such thing, or it is another company's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// It stands against what is there.
    #[error("{0}")]
    Conflict(&'static str),
    /// Too many tries; the next one is heard after this time.
    #[error("too many attempts")]
    TooMany(Duration),
    /// We have too much to do just now.
    #[error("the service is busy")]
    Busy(Duration),
    /// The database cannot serve just now: it restarts, moves, is full, or is too slow. What the cause was is for the log.
    #[error("the service is not available for a moment")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A protocol error with its registered code (RFC 6749, OpenID Connect Core and others).
    #[error("{code}: {description}")]
    OAuth {
        /// `invalid_request`, `invalid_grant`, …
        code: &'static str,
        /// For the developer; printable ASCII without `"` and `\`.
        description: Cow<'static, str>,
    },
    /// A resource wants proof that the sender of an access token holds its key (RFC 9449, section 7.1).
    #[error("{code}: {description}")]
    Dpop {
        /// `invalid_token`, `invalid_dpop_proof`, `use_dpop_nonce`.
        code: &'static str,
        /// As above.
        description: Cow<'static, str>,
    },
    /// The sign-in behind an access token is not enough for this (RFC 9470, section 3).
    #[error("{0}")]
    StepUp(StepUp),
    /// Our fault. Logged once with its chain, shown as a number.
    #[error("something went wrong on our side")]
    Fault(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a sign-in lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepUp {
    /// It must not be longer ago than this.
    #[error("sign in again: this needs a sign-in of the last {} minutes", .0.whole_minutes())]
    Recent(Duration),
    /// It must have reached this `acr`.
    #[error("the company demands a second factor since: sign in again")]
    Strong(&'static str),
}

/// One field and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The field's name as the caller sent it.
    pub field: &'static str,
    /// A sentence without its subject: "must not be empty".
    pub message: Cow<'static, str>,
}

impl Error {
    /// One field that cannot be accepted.
    pub fn invalid(field: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Invalid(vec![Flaw { field, message: message.into() }])
    }

    /// A protocol error.
    pub fn oauth(code: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::OAuth { code, description: description.into() }
    }

    /// Something of ours failed.
    pub fn fault(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Fault(source.into())
    }
}

impl From<openssl::error::ErrorStack> for Error {
    fn from(error: openssl::error::ErrorStack) -> Self {
        Self::fault(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::fault(error)
    }
}

/// RFC 6749, sections 4.1.2.1 and 5.2: what an `error_description` may hold is %x20-21 / %x23-5B / %x5D-7E.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') && c != '"' && c != '\\' { c } else { '\'' }).collect()
}
