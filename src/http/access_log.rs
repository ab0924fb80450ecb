//! One line and one measurement per request. With `log.format = "pretty"` the sample server's table of active codes follows.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::request_id::RequestId;
use tracing::Instrument;

use super::answer::Logged;
use super::measure::Measured;
use super::state::PublicState;
use crate::otp::PhoneNumber;
use crate::table;

pub(super) async fn log(State(state): State<PublicState>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    // The route, never the path, which holds the number.
    let route = request.extensions().get::<MatchedPath>();
    let measured = Measured::begin(route, &method);
    let route = route.map_or("-", MatchedPath::as_str).to_owned();
    let request_id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let request_id = request_id.unwrap_or("-").to_owned();
    // What else is logged on the way has the id as well.
    let span = tracing::info_span!("request", request_id);

    let response = next.run(request).instrument(span).await;
    measured.answered(response.status());

    let logged = response.extensions().get::<Logged>().cloned().unwrap_or_default();
    let (phone, status, duration_ms) = (logged.phone, response.status().as_u16(), milliseconds(began));
    let (outcome, reason) = (logged.outcome, logged.reason);
    tracing::info!(request_id, %method, route, phone, status, outcome, reason, duration_ms, "answered");
    if state.show_active_codes && phone_was_asked_about(&route) {
        show_active_codes(&state).await;
    }
    response
}

/// At most this many rows.
const ROWS: usize = 20;

#[expect(clippy::print_stdout, reason = "a table for people, in the log of a sandbox")]
async fn show_active_codes(state: &PublicState) {
    match state.service.store().active(ROWS).await {
        Ok(codes) if codes.is_empty() => println!("Active codes state: none"),
        Ok(codes) => println!("Active codes state:\n{}", table::active_codes(&codes, masked)),
        Err(error) => println!("Active codes state: {error}"),
    }
}

/// A phone as logs show it; what is no phone is a pseudonym already.
fn masked(subject: &str) -> String {
    PhoneNumber::parse(subject).map_or_else(|_| subject.to_owned(), |phone| phone.masked())
}

fn phone_was_asked_about(route: &str) -> bool {
    route.starts_with("/otp")
}

/// Milliseconds with three decimals.
fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e6).round() / 1e3
}
