//! Reads what a request carries of DPoP (RFC 9449) and the access token in its `Authorization` header, and offers nonces.

use axum::extract::{FromRequestParts, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use axum::response::Response;

use super::Shared;
use crate::domain::oidc::binding::{Presented, Scheme};
use crate::domain::oidc::dpop::{NAME, Sent};
use crate::model::context::Context;
use crate::model::error::Error;

/// The request header of proofs.
pub const PROOF: HeaderName = HeaderName::from_static("dpop");
/// The response header of nonces.
pub const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The proofs of a request, unchecked.
#[derive(Debug)]
pub struct Proofs(pub Sent);

impl<S: Sync> FromRequestParts<S> for Proofs {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(Self(read(&parts.headers, &parts.method, &parts.uri)))
    }
}

/// The proofs of a request.
pub fn sent(request: &Request) -> Sent {
    read(request.headers(), request.method(), request.uri())
}

fn read(headers: &HeaderMap, method: &Method, uri: &Uri) -> Sent {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Sent {
        proofs: headers.get_all(PROOF).iter().map(text).collect(),
        method: method.as_str().to_owned(),
        path: uri.path().to_owned(),
    }
}

/// The access token of the `Authorization` header (RFC 6750, section 2.1; RFC 9449, section 7.1). The scheme's case does not
/// matter.
pub fn presented(request: &Request) -> Option<Presented> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let scheme = [("Bearer", Scheme::Bearer), (NAME, Scheme::Dpop)]
        .into_iter()
        .find_map(|(name, known)| name.eq_ignore_ascii_case(scheme).then_some(known))?;
    Some(Presented { scheme, token: token.trim().to_owned(), sent: sent(request) })
}

/// Whoever sent a proof learns the nonce for the next (section 8.2).
pub fn offer(house: &Shared, cx: &Context, sent: &Sent, mut response: Response) -> Response {
    if !sent.proofs.is_empty()
        && let Ok(nonce) = house.dpop_nonces.current(cx.now)
        && let Ok(value) = HeaderValue::from_str(&nonce)
    {
        response.headers_mut().insert(NONCE, value);
    }
    response
}
