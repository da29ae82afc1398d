//! Which origins may call from scripts (the Fetch standard's CORS protocol): everybody reads metadata and keys; the endpoints
//! that give or take tokens, and the API, only for the origins of `FRONTEND_URL`; pages for none.

use std::time::Duration;

use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{Shared, dpop};

const FOR_SCRIPTS: [&str; 5] = ["/api/", "/oauth2/token", "/oauth2/userinfo", "/oauth2/revoke", "/openapi.json"];

/// The layer. No answer ever allows credentials: cookies are for our own pages.
pub fn layer(house: &Shared) -> CorsLayer {
    let house = house.clone();
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin: &HeaderValue, parts: &Parts| {
            let path = parts.uri.path();
            if path.starts_with("/.well-known/") || path == "/oauth2/jwks" {
                return true;
            }
            let listed = || house.settings.cors_origins.iter().any(|known| known.as_bytes() == origin.as_bytes());
            FOR_SCRIPTS.iter().any(|start| path.starts_with(start)) && listed()
        }))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, dpop::PROOF])
        .expose_headers([WWW_AUTHENTICATE, dpop::NONCE])
        .max_age(Duration::from_mins(10))
}
