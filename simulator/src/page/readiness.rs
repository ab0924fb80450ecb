//! `GET /page/readiness.json`: what the service's readiness says, as its operators see it.

use async_trait::async_trait;
use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::PageState;
use crate::refuse;

/// Read-only access to the service's readiness.
#[async_trait]
pub trait ReadinessView: Send + Sync {
    /// Returns the body of its `/health/ready`.
    async fn report(&self) -> Value;
}

pub(super) async fn show(State(PageState { page, .. }): State<PageState>) -> Response {
    match page.readiness {
        Some(readiness) => Json(readiness.report().await).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "This simulator cannot see the service's readiness."),
    }
}
