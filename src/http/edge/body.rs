//! Bodies of requests.

use std::pin::pin;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::outcome::Outcome;
use crate::http::state::PublicState;
use crate::otp::ClientAddress;

/// The longest body that is read.
pub(crate) const MAX_BYTES: usize = 4 * 1024;

/// The declared type of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentType {
    /// JSON.
    Json,
    /// Anything else, or nothing.
    Other,
}

impl ContentType {
    /// Returns the type that the headers declare.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next());
        let is_json = essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"));
        if is_json { Self::Json } else { Self::Other }
    }
}

/// Reads a body. Most have arrived with their heads; one that is still to come takes one of the places for bodies, so that
/// slow bodies do not use up those for requests, and has a few seconds.
///
/// # Errors
///
/// [`Outcome::BodyTooLarge`], [`Outcome::BodyTooSlow`], or [`Outcome::Overloaded`] if there is no place to wait.
pub(crate) async fn read(
    state: &PublicState,
    holder: Option<ClientAddress>,
    request: Request,
) -> Result<Bytes, Outcome> {
    announces_at_most(request.body(), MAX_BYTES)?;
    let mut reading = pin!(collect(request.into_body(), MAX_BYTES));
    if let Some(read) = reading.as_mut().now_or_never() {
        return read;
    }
    let _place = state.body_place(holder)?;
    tokio::time::timeout(state.body_timeout, reading).await.map_err(|_| Outcome::BodyTooSlow)?
}

/// Checks the announced length of a body. [`collect`] would wait for that many bytes before it refused them.
///
/// # Errors
///
/// [`Outcome::BodyTooLarge`] if it has more than `most` bytes.
pub(crate) fn announces_at_most(body: &Body, most: usize) -> Result<(), Outcome> {
    if body.size_hint().lower() > most as u64 { Err(Outcome::BodyTooLarge) } else { Ok(()) }
}

/// Collects a body of at most `most` bytes, however long it takes.
///
/// # Errors
///
/// [`Outcome::BodyTooLarge`], or [`Outcome::BodyTooSlow`] if it breaks off.
pub(crate) async fn collect(body: Body, most: usize) -> Result<Bytes, Outcome> {
    match Limited::new(body, most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Outcome::BodyTooLarge),
        Err(_) => Err(Outcome::BodyTooSlow),
    }
}
