//! `GET /metrics`: Prometheus's text format.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::ready::Readiness;
use crate::telemetry::Metrics;

pub(super) fn show(State(readiness): State<Readiness>, metrics: &Metrics) -> Response {
    readiness.measure();
    let headers = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (headers, metrics.render()).into_response()
}
