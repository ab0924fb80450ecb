//! One line and one measurement per request. With `log.format = "pretty"` the table of
//! active codes follows.

use std::time::Instant;

use axum::extract::Request;
use axum::response::Response;

use super::measure::{Measured, method_label};
use crate::http::sample::answer::Logged;
use crate::http::sample::route_of;
use crate::http::state::PublicState;
use crate::telemetry::{RequestId, RequestSpan, within_request};

/// The answer of `answer`, which works on the request within its id and its trace, and is measured and logged.
pub(in crate::http) async fn logged<F>(
    state: &PublicState,
    request_id: RequestId,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response
where
    F: Future<Output = Response>,
{
    let method = request.method().clone();
    // The route, never the path, which holds the number.
    let route = route_of(request.uri().path());
    let measured = Measured::begin(&state.meters, route, &method);
    let trace = RequestSpan::start(&method, route, request_id.as_str(), request.headers());
    let work = trace.around(within_request(request_id.clone(), answer(request)));
    let method = method_label(&method);
    let line = Line { request_id, method, route: route.unwrap_or("-"), began: Instant::now(), due: true, trace };

    let response = work.await;
    measured.answered(response.status());

    // A browser's preflight is no call of its own.
    let is_call = route.is_some() && line.method != "OPTIONS";
    line.answered(&response);
    if let Some(table) = state.active_codes.as_ref().filter(|_| is_call) {
        table.is_due();
    }
    response
}

/// The one line about a request: written when it is answered, or when the caller goes away before that.
struct Line {
    request_id: RequestId,
    method: &'static str,
    route: &'static str,
    began: Instant,
    due: bool,
    trace: RequestSpan,
}

impl Line {
    fn answered(mut self, response: &Response) {
        self.due = false;
        let Self { request_id, method, route, .. } = &self;
        let request_id = request_id.as_str();
        let Logged { outcome, reason, phone, key } = response.extensions().get().cloned().unwrap_or_default();
        let (status, duration_ms) = (response.status().as_u16(), milliseconds(self.began));
        self.trace.end(Some(status), outcome, reason);
        let trace_id = self.trace.trace_id();
        tracing::info!(
            request_id,
            trace_id,
            method,
            route,
            key,
            phone,
            status,
            outcome,
            reason,
            duration_ms,
            "answered"
        );
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.due {
            let Self { request_id, method, route, .. } = self;
            let request_id = request_id.as_str();
            let duration_ms = milliseconds(self.began);
            let outcome = "caller_gone";
            self.trace.end(None, Some(outcome), None);
            let trace_id = self.trace.trace_id();
            tracing::info!(request_id, trace_id, method, route, outcome, duration_ms, "not answered");
        }
    }
}

/// Milliseconds with three decimals.
fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1e6).round() / 1e3
}
