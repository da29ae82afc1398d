//! The cookie of Session Management 1.0. Scripts of our own origin read it, so it holds nothing that opens anything; it is set
//! and taken away wherever the browser's session changes.

use axum::extract::{Request, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tower_sessions::Session;

use super::Shared;
use super::session_store::{LOGIN, told};
use crate::domain::oidc::session_state;
use crate::domain::person::visitor::Remembered;
use crate::model::error::{Error, Result};

/// The layer. It stands inside that of the sessions.
pub async fn layer(State(house): State<Shared>, request: Request, next: Next) -> Response {
    let session = request.extensions().get::<Session>().cloned();
    // Whoever comes for an answer shall find the cookie that the answer speaks of.
    let answers = request.uri().path().starts_with("/oauth2/authorize");
    let sent = sent(request.headers()).map(str::to_owned);
    let mut response = next.run(request).await;
    let Some(session) = session.filter(|session| answers || session.is_modified()) else { return response };
    match cookie(&house, &session, sent.as_deref()).await {
        Ok(cookie) => {
            response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
            response
        }
        Err(error) => error.into_response(),
    }
}

/// The value that the browser has.
fn sent(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split("; ")).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim_start_matches("__Host-") == "countersign-state").map(|(_, value)| value)
}

/// What the browser must be told, where it does not know already.
async fn cookie(house: &Shared, session: &Session, sent: Option<&str>) -> Result<Option<HeaderValue>> {
    let who: Option<Remembered> = session.get(LOGIN).await.map_err(told)?;
    let state = who.map(|who| session_state::of_browser(house, who.login)).transpose()?;
    if state.as_deref() == sent {
        return Ok(None);
    }
    // Frames in pages of apps read it, so it is `SameSite=None`, which browsers take only with `Secure`.
    let (name, rest) = if house.settings.issuer_is_https() {
        ("__Host-countersign-state", "Path=/; Secure; SameSite=None")
    } else {
        ("countersign-state", "Path=/; SameSite=Lax")
    };
    let cookie = match state {
        Some(state) => format!("{name}={state}; {rest}"),
        None => format!("{name}=; {rest}; Max-Age=0"),
    };
    HeaderValue::try_from(cookie).map(Some).map_err(Error::fault)
}
