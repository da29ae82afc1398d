//! Style sheet, script and icons, served from our own origin and built into the binary.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};

use crate::model::error::{Error, Result};

/// Shows one.
pub async fn show(Path(_file): Path<String>) -> Result<Response> {
    Err::<(), _>(Error::NotFound("file")).map(IntoResponse::into_response)
}
