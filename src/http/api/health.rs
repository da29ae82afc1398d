//! `/healthz`: the process lives. `/readyz`: it can serve, and wants to. Neither may ever wait for long: whoever asks gives up
//! soon, and asks again.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use time::Duration;

use crate::http::Shared;
use crate::model::error::{Error, Result};
use crate::storage::pulse;

/// How long the database may take to answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// The process answers. Nothing else is looked at: a supervisor that restarts nodes because their database is away mends nothing.
pub async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The database answers in time and takes writes, and nobody told this node to stop.
pub async fn ready(State(house): State<Shared>) -> Result<Json<Value>> {
    let not_now = || Error::Busy(Duration::seconds(2));
    if house.is_stopping() {
        return Err(not_now());
    }
    match tokio::time::timeout(PATIENCE, pulse::takes_writes(&house.db)).await {
        Ok(Ok(true)) => Ok(Json(json!({ "status": "ready" }))),
        _ => Err(not_now()),
    }
}
