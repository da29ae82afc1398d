//! tower-sessions' store over our own table. The cookie's value is a secret and only its digest is kept; how long a session
//! lives is decided here, by whether somebody is signed in with it.

use async_trait::async_trait;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use tower_sessions::session::{self, Id, Record};
use tower_sessions::session_store::{Error, Result, SessionStore};

use super::Shared;
use crate::model::error;
use crate::model::secret::Digest;
use crate::storage::browser_session;

/// The session's key under which the login stands.
pub const LOGIN: &str = "login";
/// A browser that nobody signed in with is forgotten after this.
const ANONYMOUS: Duration = Duration::hours(1);

/// The four methods of a session store, and the fifth that does not warn.
#[derive(Debug, Clone)]
pub struct Store(pub Shared);

fn digest(id: Id) -> Digest {
    Digest::of(&id.0.to_be_bytes())
}

impl Store {
    fn expiry(&self, record: &Record) -> OffsetDateTime {
        let signed_in = record.data.contains_key(LOGIN);
        self.0.clock.now() + if signed_in { self.0.settings.session_lifetime } else { ANONYMOUS }
    }
}

/// The library carries text only; this is how an outage begins.
const OUTAGE: &str = "unavailable: ";

fn backend(error: error::Error) -> Error {
    Error::Backend(match error {
        error::Error::Unavailable(cause) => format!("{OUTAGE}{cause}"),
        // What was asked together with a question that failed so.
        error::Error::Busy(_) => format!("{OUTAGE}others wait for it too"),
        other => other.to_string(),
    })
}

/// What an error of the library was before it became one.
pub fn told(error: session::Error) -> error::Error {
    match &error {
        session::Error::Store(Error::Backend(text)) if text.starts_with(OUTAGE) => {
            error::Error::Unavailable(text.trim_start_matches(OUTAGE).into())
        }
        _ => error::Error::fault(error),
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> Result<()> {
        loop {
            let (digest, data) = (digest(record.id), json!(record.data));
            let kept = browser_session::insert(&self.0.db, &digest, &data, self.expiry(record)).await;
            if kept.map_err(backend)? {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let data = json!(record.data);
        browser_session::save(&self.0.db, &digest(record.id), &data, self.expiry(record)).await.map_err(backend)
    }

    #[expect(clippy::disallowed_methods, reason = "the library compares with the system's clock")]
    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let now = self.0.clock.now();
        let found = browser_session::find(&self.0.db, digest(*id), now).await.map_err(backend)?;
        let Some((data, expires_at)) = found else {
            return Ok(None);
        };
        let Value::Object(data) = data else {
            return Err(Error::Decode("a session is no object".to_owned()));
        };
        // Who still looks at pages will still want to send their forms. A login ends when it ends.
        if !data.contains_key(LOGIN) && expires_at - now < ANONYMOUS / 2 {
            browser_session::prolong(&self.0.db, &digest(*id), now + ANONYMOUS).await.map_err(backend)?;
        }
        // The library compares with a clock of its own; ours has decided already.
        let expiry_date = expires_at.max(OffsetDateTime::now_utc() + Duration::minutes(1));
        Ok(Some(Record { id: *id, data: data.into_iter().collect(), expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        browser_session::delete(&self.0.db, &digest(*id)).await.map_err(backend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_stays_one_on_its_way_through_the_library() {
        for error in [error::Error::Busy(Duration::SECOND), error::Error::Unavailable("the database is gone".into())] {
            let passed = told(session::Error::Store(backend(error)));
            assert!(matches!(passed, error::Error::Unavailable(_)), "{passed}");
        }
        let fault = told(session::Error::Store(backend(error::Error::fault("a bug"))));
        assert!(!matches!(fault, error::Error::Unavailable(_)), "{fault}");
    }
}
