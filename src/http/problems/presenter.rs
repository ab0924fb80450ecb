//! The answers: a page, or the list of all codes if there is no such page.

use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::page;
use crate::http::edge::outcome::{Ended, Outcome};
use crate::http::state::PublicState;

/// Presents the end of a call.
pub(super) fn present(_: &PublicState, ended: &Ended) -> Response {
    let mut response = match &ended.outcome {
        Outcome::Document(document) => document.respond(),
        Outcome::NotFound => {
            let html = [(CONTENT_TYPE, page::HTML)];
            (StatusCode::NOT_FOUND, html, page::not_found().to_owned()).into_response()
        }
        Outcome::BadHost => (StatusCode::BAD_REQUEST, "A request needs exactly one Host header.").into_response(),
        Outcome::MethodNotAllowed => {
            (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed: GET reads the page.").into_response()
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "Internal error.").into_response(),
    };
    response.headers_mut().extend(fields());
    response
}

/// Returns the fields that tell browsers to run and load nothing.
fn fields() -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let policy = HeaderValue::from_str(page::content_security_policy()).ok();
    let policy = policy.map(|policy| (CONTENT_SECURITY_POLICY, policy));
    let others = [(VARY, "accept"), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "no-referrer")];
    policy.into_iter().chain(others.map(|(name, value)| (name, HeaderValue::from_static(value))))
}
