//! The browser's session: its CSRF token, the key that binds flows to this browser, and who is signed in.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::body;
use super::session_store::{LOGIN, told};
use crate::domain::house::House;
use crate::domain::person::visitor::{self, Remembered, Visitor};
use crate::model::client::Client;
use crate::model::context::Context;
use crate::model::error::{Error, Result};
use crate::model::id::{AccountId, LoginId};
use crate::model::secret::{Digest, Secret};

const CSRF: &str = "csrf";
const BROWSER: &str = "browser";
const EARLIER: &str = "earlier";
/// How many earlier logins of a browser are known.
const REMEMBERED: usize = 16;

/// The browser behind a request.
#[derive(Debug, Clone)]
pub struct Browser(Session);

impl Browser {
    /// The token that forms of this browser carry.
    pub async fn csrf(&self) -> Result<String> {
        self.secret(CSRF).await
    }

    /// Digest of the key that binds flows to this browser. It stays the same when the session id changes at sign-in.
    pub async fn key(&self) -> Result<Digest> {
        Ok(Secret::received(self.secret(BROWSER).await?).digest())
    }

    /// Who is signed in, as far as the session knows.
    pub async fn remembered(&self) -> Result<Option<Remembered>> {
        self.0.get(LOGIN).await.map_err(told)
    }

    /// Who is signed in here, and what they allowed this client.
    pub async fn visitor(&self, house: &House, cx: &Context, client: Option<&Client>) -> Result<Option<Visitor>> {
        match self.remembered().await? {
            Some(who) => visitor::find(house, cx, &who, client).await,
            None => Ok(None),
        }
    }

    /// The logins that later ones of this browser have taken the place of: apps may still live by them.
    pub async fn earlier(&self) -> Result<Vec<(AccountId, LoginId)>> {
        Ok(self.0.get(EARLIER).await.map_err(told)?.unwrap_or_default())
    }

    /// Somebody signed in, or chose a company: under a new session id, so that an id that was planted before is worth nothing.
    pub async fn remember(&self, who: &Remembered) -> Result<()> {
        if let Some(before) = self.remembered().await?.filter(|before| before.login != who.login) {
            let mut earlier = self.earlier().await?;
            earlier.push((before.account, before.login));
            let first = earlier.len().saturating_sub(REMEMBERED);
            self.0.insert(EARLIER, earlier.split_off(first)).await.map_err(told)?;
        }
        self.0.cycle_id().await.map_err(told)?;
        self.0.insert(LOGIN, who).await.map_err(told)
    }

    /// Nobody is signed in any more.
    pub async fn forget(&self) -> Result<()> {
        self.0.flush().await.map_err(told)
    }

    /// Something that a page keeps for the next one (an unfinished sign-in).
    pub async fn keep<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        self.0.insert(name, value).await.map_err(told)
    }

    /// What a page kept. It stays.
    pub async fn kept<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        self.0.get(name).await.map_err(told)
    }

    /// What a page kept, for the last time.
    pub async fn take<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let kept = self.kept(name).await?;
        self.forget_kept(name).await?;
        Ok(kept)
    }

    /// What a page kept is not needed any more.
    pub async fn forget_kept(&self, name: &str) -> Result<()> {
        // The library writes a session anew for whatever was removed, also for what was not there.
        if self.0.get_value(name).await.map_err(told)?.is_some() {
            self.0.remove_value(name).await.map_err(told)?;
        }
        Ok(())
    }

    async fn secret(&self, name: &'static str) -> Result<String> {
        if let Some(known) = self.0.get::<String>(name).await.map_err(told)? {
            return Ok(known);
        }
        // Both at once: whoever needs one will need the other, and a session is kept with one statement.
        for each in [CSRF, BROWSER] {
            if each == name || self.0.get_value(each).await.map_err(told)?.is_none() {
                self.0.insert(each, Secret::generate().reveal()).await.map_err(told)?;
            }
        }
        self.0.get(name).await.map_err(told)?.ok_or_else(|| Error::fault("a session forgot what it was told"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Browser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let session = Session::from_request_parts(parts, state).await;
        session.map(Self).map_err(|(_, why)| Error::fault(why))
    }
}

/// A form that is only a button.
#[derive(Debug, Deserialize)]
pub struct Empty {}

/// A form that one of our pages posted, whose CSRF token is this browser's. There is no other way to read a page's form.
#[derive(Debug)]
pub struct PageForm<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequest<S> for PageForm<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let (mut parts, body) = request.into_parts();
        let browser = Browser::from_request_parts(&mut parts, state).await?;
        let (form, csrf) = body::form::<T, S>(Request::from_parts(parts, body), state).await?;
        let wanted = Secret::received(browser.csrf().await?).digest();
        let sent = csrf.map(|token| Secret::received(token).digest());
        if sent == Some(wanted) {
            Ok(Self(form))
        } else {
            Err(Error::Forbidden("this page was open for too long; go back, reload it and try again"))
        }
    }
}
