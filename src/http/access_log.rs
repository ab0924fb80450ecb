//! One line per request, and with `log.format = "pretty"` the sample server's table of active codes after it.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tower_http::request_id::RequestId;
use tracing::Instrument;

use super::answer::Logged;
use super::state::PublicState;
use crate::otp::PhoneNumber;
use crate::table;

pub(super) async fn log(State(state): State<PublicState>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    // The route, never the path, which holds the number.
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let request_id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let request_id = request_id.unwrap_or("-").to_owned();
    // What else is logged on the way has the id as well.
    let span = tracing::info_span!("request", request_id);

    let mut line = Line { began, request_id, method, route, answered: false };
    let response = next.run(request).instrument(span).await;
    line.answered(&response);
    if state.show_active_codes && phone_was_asked_about(&line.route) {
        show_active_codes(&state).await;
    }
    response
}

/// The line of one request. Dropped before there is an answer, because the caller hung up, it says so.
struct Line {
    began: Instant,
    request_id: String,
    method: Method,
    route: String,
    answered: bool,
}

impl Line {
    fn answered(&mut self, response: &Response) {
        self.answered = true;
        let Self { request_id, method, route, .. } = &*self;
        let Logged { outcome, reason, phone } = response.extensions().get::<Logged>().cloned().unwrap_or_default();
        let (status, duration_ms) = (response.status().as_u16(), milliseconds(self.began));
        tracing::info!(request_id, %method, route, phone, status, outcome, reason, duration_ms, "answered");
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.answered {
            let Self { request_id, method, route, .. } = &*self;
            let duration_ms = milliseconds(self.began);
            tracing::info!(request_id, %method, route, outcome = "hung_up", duration_ms, "not answered");
        }
    }
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
