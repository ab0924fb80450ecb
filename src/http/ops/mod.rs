//! The operators' listener: liveness, readiness and metrics.

mod account;
mod live;
mod metrics;
mod ready;
mod state;
mod template;

use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

use crate::telemetry::Metrics;

pub use ready::{Dependency, Fault, Readiness, StoreDetails};
pub use template::TemplateLanguages;

/// `/health/live`, `/health/ready` and `/metrics`.
pub fn router(readiness: Readiness, metrics: Metrics) -> Router {
    Router::new()
        .route("/health/live", get(live::live))
        .route("/health/ready", get(ready::ready))
        .route("/metrics", get(async move |readiness| metrics::show(readiness, &metrics)))
        .with_state(readiness)
}

fn no_store(status: StatusCode, body: Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
