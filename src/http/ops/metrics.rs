//! `GET /metrics`: Prometheus's text format.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use metrics::gauge;

use super::ready::Readiness;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::TEMPLATE_APPROVED;

/// The template's name in readiness, by which metrics find it.
pub const TEMPLATE: &str = "template";

pub(super) fn show(State(readiness): State<Readiness>, metrics: &Metrics) -> Response {
    let template = readiness.dependencies.iter().find(|dependency| dependency.name == TEMPLATE);
    let approved = template.is_none_or(|template| template.fault.borrow().is_none());
    gauge!(TEMPLATE_APPROVED).set(if approved { 1.0 } else { 0.0 });
    let headers = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    (headers, metrics.render()).into_response()
}
