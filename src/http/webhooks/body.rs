//! Bodies of webhooks.

use axum::body::HttpBody;
use axum::extract::Request;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::OwnedSemaphorePermit;

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
    let size = request.body().size_hint();
    if size.lower() > MAX_WEBHOOK_BYTES as u64 {
        return Err(Outcome::BodyTooLarge);
    }
    let place = state.webhook_places.take(size.upper());
    let place = place.ok_or(Outcome::Overloaded { what: "webhooks", retry_after: RETRY_LATER })?;
    let reading = Limited::new(request.into_body(), MAX_WEBHOOK_BYTES).collect();
    let timeout = WEBHOOK_TIMEOUT.min(state.request_timeout);
    let read = tokio::time::timeout(timeout, reading).await.map_err(|_| Outcome::BodyTooSlow)?;
    match read {
        Ok(body) => Ok(Body { bytes: body.to_bytes().into(), place }),
        Err(error) if error.is::<LengthLimitError>() => Err(Outcome::BodyTooLarge),
        Err(_) => Err(Outcome::BodyTooSlow),
    }
}
