//! `/oauth2/introspect`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse as _, Response};

use super::client::Authenticated;
use crate::domain::oidc::introspect;
use crate::http::Shared;
use crate::http::context::Cx;
use crate::model::error::Result;

/// RFC 9701, section 4.
const SIGNED: &str = "application/token-introspection+jwt";

/// Says what a token stands for: as JSON, or as a JWT to whoever asks for one by its media type.
pub async fn show(
    State(house): State<Shared>,
    Cx(cx): Cx,
    headers: HeaderMap,
    sent: Authenticated,
) -> Result<Response> {
    let found = introspect::of(&house, &cx, &sent.client, sent.params.need("token")?).await?;
    if !accepts_signed(&headers) {
        return Ok(([(VARY, "Accept")], Json(found)).into_response());
    }
    let jwt = introspect::signed(&house, &cx, &sent.client, found).await?;
    Ok(([(VARY, "Accept"), (CONTENT_TYPE, SIGNED)], jwt).into_response())
}

/// RFC 9110, section 12.5.1: by its full name, and not with a weight of zero. A wildcard is content with JSON.
fn accepts_signed(headers: &HeaderMap) -> bool {
    let ranges =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    ranges.map(|range| range.split(';').map(str::trim)).any(|mut parts| {
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(SIGNED))
            && parts.all(|part| !part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32)))
    })
}
