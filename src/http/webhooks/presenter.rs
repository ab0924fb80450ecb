//! The answers: the challenge, nothing, or a status and a sentence.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

use crate::http::edge::outcome::{Ended, Outcome};
use crate::http::state::PublicState;
use crate::otp::Receipt;

/// Puts the outcome of a call into words.
pub(super) fn present(_: &PublicState, ended: &Ended) -> Response {
    let (status, sentence) = match &ended.outcome {
        Outcome::Handshake(challenge) => {
            let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
            return (headers, challenge.clone()).into_response();
        }
        Outcome::Webhook(Receipt::BadSignature) => (StatusCode::UNAUTHORIZED, "Missing or invalid signature."),
        Outcome::Webhook(Receipt::StoreUnavailable) => {
            (StatusCode::SERVICE_UNAVAILABLE, "Service temporarily unavailable.")
        }
        Outcome::Webhook(_) => return StatusCode::OK.into_response(),
        Outcome::Overloaded { .. } => {
            let wait = ended.outcome.retry_after().unwrap_or_default().to_string();
            let sentence = "Service temporarily unavailable.";
            return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, wait)], sentence).into_response();
        }
        Outcome::Forbidden => (StatusCode::FORBIDDEN, "Forbidden."),
        Outcome::BadHost => (StatusCode::BAD_REQUEST, "A request needs exactly one Host header."),
        Outcome::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large."),
        Outcome::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive."),
        Outcome::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body must not be encoded."),
        Outcome::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed: POST a webhook."),
        Outcome::NotFound | Outcome::TurnedOff => (StatusCode::NOT_FOUND, "Not found."),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error."),
    };
    (status, sentence).into_response()
}
