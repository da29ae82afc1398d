//! `/oauth2/check-session`: the frame of Session Management 1.0. The one page of ours that anybody may frame: it shows
//! nothing and takes nothing but a message to compare.

use askama::Template;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::http::headers::Framable;
use crate::http::page::frame::show as render;
use crate::model::error::Result;

#[derive(Template)]
#[template(path = "page/check_session.html")]
struct CheckSessionPage;

/// Shows it.
pub async fn show() -> Result<Response> {
    let mut response = render(StatusCode::OK, &CheckSessionPage)?;
    let policy = HeaderValue::from_static("default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response.extensions_mut().insert(Framable);
    Ok(response)
}
