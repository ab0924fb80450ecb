//! What Prometheus is told of requests.

use std::time::Instant;

use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use metrics::{Gauge, counter, gauge, histogram};

use super::answer::Answer;
use super::codes;
use crate::telemetry::metrics::{
    HTTP_REQUEST_DURATION_SECONDS, HTTP_REQUESTS_IN_FLIGHT, HTTP_REQUESTS_TOTAL, LIMIT_REFUSALS_TOTAL, OTHER,
    OVERLOAD_REFUSALS_TOTAL,
};

/// The status of a request whose caller hung up: nginx's, so that those who know it recognise it.
const HUNG_UP: &str = "499";

/// A request under way. It counts when it is answered or, since the future that works on it is then dropped, when its
/// caller hangs up.
pub(super) struct Measured {
    route: &'static str,
    method: &'static str,
    began: Instant,
    status: Option<StatusCode>,
    in_flight: Gauge,
}

impl Measured {
    pub(super) fn begin(route: Option<&MatchedPath>, method: &Method) -> Self {
        let in_flight = gauge!(HTTP_REQUESTS_IN_FLIGHT);
        in_flight.increment(1.0);
        let route = route_label(route.map(MatchedPath::as_str));
        Self { route, method: method_label(method), began: Instant::now(), status: None, in_flight }
    }

    pub(super) fn answered(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let Self { route, method, began, status, in_flight } = self;
        in_flight.decrement(1.0);
        let status = status.map_or(HUNG_UP.to_owned(), |status| status.as_str().to_owned());
        counter!(HTTP_REQUESTS_TOTAL, "route" => *route, "method" => *method, "status" => status).increment(1);
        histogram!(HTTP_REQUEST_DURATION_SECONDS, "route" => *route, "method" => *method).record(began.elapsed());
    }
}

/// Counts how a call ended, by `metric`: one of `SENDS_TOTAL` and `VERIFICATIONS_TOTAL`.
pub(super) fn counted(metric: &'static str, answer: Answer) -> Answer {
    counter!(metric, "outcome" => answer.outcome()).increment(1);
    match answer {
        Answer::Limited { limit, .. } => counter!(LIMIT_REFUSALS_TOTAL, "limit" => limit).increment(1),
        Answer::Overloaded { what, .. } => overloaded(what),
        _ => {}
    }
    answer
}

/// Counts a request that was turned away because there is too much of `what`.
pub(super) fn overloaded(what: &'static str) {
    counter!(OVERLOAD_REFUSALS_TOTAL, "what" => what).increment(1);
}

fn route_label(path: Option<&str>) -> &'static str {
    if path == Some(codes::ROUTE) { codes::ROUTE } else { OTHER }
}

/// A method that there is, or `other`: callers may make up any word, such as somebody's number.
pub(super) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_make_up_is_no_label() {
        assert_eq!(route_label(Some("/otp/{phone}")), "/otp/{phone}");
        assert_eq!([route_label(Some("/otp/15551234567")), route_label(None)], [OTHER, OTHER]);
        assert_eq!(method_label(&Method::GET), "GET");
        for method in ["get", "BREW", "TRACE", "A15551234567"] {
            assert_eq!(method_label(&Method::from_bytes(method.as_bytes()).unwrap()), OTHER, "{method}");
        }
    }
}
