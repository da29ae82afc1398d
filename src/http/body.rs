//! Reads bodies, queries and paths strictly: JSON for the API, forms for OAuth and for pages. What cannot be read is told
//! precisely, and never a fault.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use serde::de::DeserializeOwned;

use crate::model::error::{Error, Result};
pub use crate::model::params::Params;
use crate::model::params::{decode, escapes_nul};

/// Bytes of a body; more are refused.
pub const LIMIT: usize = 64 * 1024;

/// The whole body, if it is not too large.
pub(super) async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
            Error::TooLarge
        } else {
            Error::Malformed("the body could not be read".into())
        }
    })
}

fn is(headers: &HeaderMap, kind: &str) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(kind))
}

/// A JSON body of this shape. Unknown members are ignored.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        if !is(request.headers(), "application/json") {
            return Err(Error::WrongMediaType("application/json"));
        }
        let bytes = bytes(request, state).await?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Error::Malformed("the body is not UTF-8".into()))?;
        if text.contains('\0') || escapes_nul(text) {
            return Err(Error::Malformed("the body holds a NUL character".into()));
        }
        serde_json::from_str(text)
            .map(Self)
            .map_err(|error| Error::Malformed(format!("the body is not as expected: {error}").into()))
    }
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        if request.method() == Method::GET || request.method() == Method::HEAD {
            return Self::read(request.uri().query().unwrap_or_default().as_bytes());
        }
        let oauth = |error| match error {
            Error::Malformed(why) => Error::oauth("invalid_request", why),
            other => other,
        };
        if !is(request.headers(), "application/x-www-form-urlencoded") {
            return Err(Error::WrongMediaType("application/x-www-form-urlencoded"));
        }
        Self::read(&bytes(request, state).await.map_err(oauth)?)
    }
}

/// The query string of a page or an API call, of this shape.
#[derive(Debug)]
pub struct QueryOf<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryOf<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let text = parts.uri.query().unwrap_or_default();
        if Params::read(text.as_bytes()).is_err() {
            return Err(Error::Malformed("the query cannot be read".into()));
        }
        serde_urlencoded::from_str(text)
            .map(Self)
            .map_err(|error| Error::Malformed(format!("the query is not as expected: {error}").into()))
    }
}

/// The one name in a path. What cannot be read names nothing.
#[derive(Debug)]
pub struct Named(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let name = Path::from_request_parts(parts, state).await;
        let name: Option<String> = name.ok().map(|Path(name)| name);
        name.filter(|name| !name.contains('\0')).map(Self).ok_or(Error::NotFound("thing"))
    }
}

/// A form that a page of ours posted. Its CSRF token is checked by [`super::session::PageForm`], the only way to it.
pub(super) async fn form<T: DeserializeOwned, S: Send + Sync>(
    request: Request,
    state: &S,
) -> Result<(T, Option<String>)> {
    if !is(request.headers(), "application/x-www-form-urlencoded") {
        return Err(Error::WrongMediaType("application/x-www-form-urlencoded"));
    }
    let bytes = bytes(request, state).await?;
    let unreadable = || Error::Malformed("the form cannot be read".into());
    for pair in bytes.split(|byte| *byte == b'&' || *byte == b'=') {
        if decode(pair).is_none_or(|text| text.contains('\0')) {
            return Err(unreadable());
        }
    }
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(&bytes).map_err(|_| unreadable())?;
    let csrf = pairs.into_iter().find(|(name, _)| name == "csrf").map(|(_, value)| value);
    let form = serde_urlencoded::from_bytes(&bytes)
        .map_err(|error| Error::Malformed(format!("the form is not as expected: {error}").into()))?;
    Ok((form, csrf))
}
