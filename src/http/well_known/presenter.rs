//! The answers: a document, or a status and a sentence.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::edge::outcome::{Ended, Outcome};
use crate::http::state::PublicState;

/// Puts the outcome of a call into words.
pub(in crate::http) fn present(_: &PublicState, ended: &Ended) -> Response {
    let (status, sentence) = match &ended.outcome {
        Outcome::Document(document) => return document.respond(),
        Outcome::BadHost => (StatusCode::BAD_REQUEST, "A request needs exactly one Host header."),
        Outcome::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed: GET reads the document."),
        Outcome::NotFound | Outcome::TurnedOff => (StatusCode::NOT_FOUND, "Not found."),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error."),
    };
    (status, sentence).into_response()
}
