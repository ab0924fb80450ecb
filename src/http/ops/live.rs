//! `GET /health/live`: the process runs.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::no_store;

pub(super) async fn live() -> Response {
    no_store(StatusCode::OK, json!({ "status": "live" }))
}
