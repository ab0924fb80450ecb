//! The report of each request: a line in the log, a measurement and a span. With `log.format = "pretty"` the table of
//! active codes follows.

use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;
use metrics::counter;

use super::meters::{HUNG_UP, method_label};
use super::outcome::Ended;
use crate::http::state::PublicState;
use crate::otp::{AppName, Caller, PhoneNumber};
use crate::telemetry::metrics::{KEY_REQUESTS_TOTAL, OTHER};
use crate::telemetry::{RequestId, RequestSpan, within_request};

/// Returns the response of `answer`, which works within the request's id and span. `route` is the pattern, never the
/// path, which holds the number.
pub(crate) async fn logged<F>(
    state: &PublicState,
    request_id: RequestId,
    route: Option<&'static str>,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let span = RequestSpan::start(request.method(), route, request_id.as_str(), request.headers());
    let method = method_label(request.method());
    state.meters.in_flight.increment(1.0);
    let work = span.around(within_request(request_id.clone(), answer(request)));
    let mut underway = Underway { state, request_id, method, route, began: Instant::now(), span, answered: None };

    let mut response = work.await;
    underway.answered = Some((response.status().as_u16(), response.extensions_mut().remove()));
    drop(underway);

    // A browser's preflight is not a call.
    if let Some(table) = state.active_codes.as_ref().filter(|_| route.is_some() && method != "OPTIONS") {
        table.is_due();
    }
    response
}

/// A request under way, which is reported when this is dropped: once it is answered, or when its caller hangs up.
struct Underway<'s> {
    state: &'s PublicState,
    request_id: RequestId,
    method: &'static str,
    route: Option<&'static str>,
    began: Instant,
    span: RequestSpan,
    /// The status, and the call that it is the answer to.
    answered: Option<(u16, Option<Ended>)>,
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        let Self { state, request_id, method, route, began, span, answered } = self;
        let elapsed = began.elapsed();
        let status = answered.as_ref().map(|(status, _)| *status);
        state.meters.answered(route.unwrap_or(OTHER), method, status.unwrap_or(HUNG_UP), elapsed);

        let ended = answered.as_ref().and_then(|(_, ended)| ended.as_ref());
        let outcome = match answered {
            Some(_) => ended.map(|ended| ended.outcome.name()),
            None => Some("caller_gone"),
        };
        let reason = ended.and_then(|ended| ended.outcome.reason());
        let subject = ended.map(|ended| &ended.subject);
        let app = subject.and_then(|subject| subject.app.as_ref()).map(AppName::as_str);
        let key = subject.and_then(|subject| subject.caller.as_ref()).and_then(Caller::name);
        let phone = subject.and_then(|subject| subject.phone.as_ref()).map(PhoneNumber::masked);
        let verification = subject.and_then(|subject| subject.verification).map(tracing::field::display);
        span.end(status, outcome, reason, app, key);
        if let (Some(key), Some(app), Some(outcome)) = (key, app, outcome) {
            let (key, app) = (key.to_owned(), app.to_owned());
            counter!(KEY_REQUESTS_TOTAL, "key" => key, "app" => app, "outcome" => outcome).increment(1);
        }
        let (request_id, trace_id, route) = (request_id.as_str(), span.trace_id(), route.unwrap_or("-"));
        // Milliseconds with three decimals.
        let duration_ms = (elapsed.as_secs_f64() * 1e6).round() / 1e3;
        let message = if status.is_some() { "answered" } else { "not answered" };
        tracing::info!(
            request_id,
            trace_id,
            method,
            route,
            app,
            key,
            phone,
            verification,
            status,
            outcome,
            reason,
            duration_ms,
            "{message}"
        );
    }
}
