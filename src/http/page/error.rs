//! The page that errors wear.

use axum::response::{Html, IntoResponse as _, Response};

use crate::http::Shared;
use crate::http::face::status;
use crate::http::headers::Nonce;
use crate::model::error::Error;

/// Shows an error to a person: what it is, what to do, and the request's number.
pub fn show(_house: &Shared, error: &Error, number: &str, _nonce: &Nonce) -> Response {
    (status(error), Html(format!("<h1>Something went wrong</h1><p>{number}"))).into_response()
}
