//! Style sheet, scripts and icons, served from our own origin and built into the binary.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::http::body::Named;
use crate::model::error::{Error, Result};

/// Name, media type, bytes.
const FILES: [(&str, &str, &str); 6] = [
    ("style.css", "text/css; charset=utf-8", include_str!("../../../templates/asset/style.css")),
    ("page.js", "text/javascript; charset=utf-8", include_str!("../../../templates/asset/page.js")),
    ("form-post.js", "text/javascript; charset=utf-8", include_str!("../../../templates/asset/form-post.js")),
    ("logout.js", "text/javascript; charset=utf-8", include_str!("../../../templates/asset/logout.js")),
    ("check-session.js", "text/javascript; charset=utf-8", include_str!("../../../templates/asset/check-session.js")),
    ("favicon.svg", "image/svg+xml", include_str!("../../../templates/asset/favicon.svg")),
];

/// Shows one.
pub async fn show(Named(name): Named) -> Result<Response> {
    let (_, kind, text) = FILES.iter().find(|(file, ..)| *file == name).ok_or(Error::NotFound("file"))?;
    Ok(([(CONTENT_TYPE, *kind), (CACHE_CONTROL, "public, max-age=3600")], *text).into_response())
}
