//! Bodies of webhooks.

use std::pin::pin;

use axum::body::HttpBody;
use axum::extract::Request;
use futures_util::FutureExt;

use crate::http::edge::body::{announces_at_most, collect};
use crate::http::edge::bounds::{MAX_WEBHOOK_BYTES, WEBHOOK_TIMEOUT};
use crate::http::edge::outcome::Outcome;
use crate::http::edge::places::Place;
use crate::http::state::{PublicState, RETRY_LATER};
use crate::otp::ClientAddress;

/// A body, with the place that it keeps until it is dropped.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) place: Place,
}

/// Reads a body. Most have arrived with their heads; one that is still to come takes another place, of which an address has
/// a share: anyone can send a head and wait.
///
/// # Errors
///
/// [`Outcome::BodyTooLarge`], [`Outcome::BodyTooSlow`], or [`Outcome::Overloaded`] if there is no place.
pub(super) async fn read(
    state: &PublicState,
    holder: Option<ClientAddress>,
    request: Request,
) -> Result<Body, Outcome> {
    announces_at_most(request.body(), MAX_WEBHOOK_BYTES)?;
    let overloaded = || Outcome::Overloaded { what: "webhooks", retry_after: RETRY_LATER };
    let most_bytes = request.body().size_hint().upper();
    let mut reading = pin!(collect(request.into_body(), MAX_WEBHOOK_BYTES));
    let bytes = if let Some(read) = reading.as_mut().now_or_never() {
        read?
    } else {
        let _place = state.webhook_places.wait(most_bytes, holder).ok_or_else(overloaded)?;
        let read = tokio::time::timeout(WEBHOOK_TIMEOUT.min(state.request_timeout), reading).await;
        read.map_err(|_| Outcome::BodyTooSlow)??
    };
    let place = state.webhook_places.apply(bytes.len()).ok_or_else(overloaded)?;
    Ok(Body { bytes: bytes.into(), place })
}
