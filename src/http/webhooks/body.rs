//! Bodies of webhooks.

use axum::body::HttpBody;
use axum::extract::Request;
use tokio::sync::OwnedSemaphorePermit;

use crate::http::edge::body::{announces_at_most, collect};
use crate::http::edge::bounds::{MAX_WEBHOOK_BYTES, WEBHOOK_TIMEOUT};
use crate::http::edge::outcome::Outcome;
use crate::http::state::{PublicState, RETRY_LATER};

/// A body, with the place that it keeps until it is dropped.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) place: OwnedSemaphorePermit,
}

/// Reads a body.
///
/// # Errors
///
/// [`Outcome::BodyTooLarge`], [`Outcome::BodyTooSlow`], or [`Outcome::Overloaded`] if there is no place.
pub(super) async fn read(state: &PublicState, request: Request) -> Result<Body, Outcome> {
    announces_at_most(request.body(), MAX_WEBHOOK_BYTES)?;
    let place = state.webhook_places.take(request.body().size_hint().upper());
    let place = place.ok_or(Outcome::Overloaded { what: "webhooks", retry_after: RETRY_LATER })?;
    let reading = collect(request.into_body(), MAX_WEBHOOK_BYTES);
    let read = tokio::time::timeout(WEBHOOK_TIMEOUT.min(state.request_timeout), reading).await;
    let bytes = read.map_err(|_| Outcome::BodyTooSlow)??;
    Ok(Body { bytes: bytes.into(), place })
}
