//! `/healthz`: the process lives. `/readyz`: it can serve.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use time::Duration;

use crate::http::Shared;
use crate::model::error::{Error, Result};
use crate::storage::scope::Db;

/// The process answers.
pub async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The database answers too.
pub async fn ready(State(house): State<Shared>) -> Result<Json<Value>> {
    answer(&house.db).await.map_err(|_| Error::Busy(Duration::seconds(2)))?;
    Ok(Json(json!({ "status": "ready" })))
}

async fn answer(db: &Db) -> Result<()> {
    db.platform().await?.commit_unremarkable().await
}
