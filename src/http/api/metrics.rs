//! `/metrics`, on a port of its own: what Prometheus reads.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::domain::metrics;
use crate::http::Shared;
use crate::model::error::Result;

/// Everything that is counted.
pub async fn show(State(house): State<Shared>) -> Result<impl IntoResponse> {
    let (kind, text) = metrics::scrape(&house).await?;
    Ok(([(CONTENT_TYPE, kind)], text))
}
