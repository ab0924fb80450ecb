//! What Prometheus is told of requests.

use std::sync::Arc;
use std::time::Instant;

use axum::http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::http::sample::answer::Answer;
use crate::telemetry::Series;
use crate::telemetry::metrics::{
    HTTP_REQUEST_DURATION_SECONDS, HTTP_REQUESTS_IN_FLIGHT, HTTP_REQUESTS_TOTAL, LIMIT_REFUSALS_TOTAL, OTHER,
    OVERLOAD_REFUSALS_TOTAL, SENDS_TOTAL, VERIFICATIONS_TOTAL,
};

/// The status of a request whose caller hung up: nginx's, so that those who know it recognise it.
const HUNG_UP: u16 = 499;

/// What requests are measured with.
pub(in crate::http) struct Meters {
    in_flight: Gauge,
    /// By route, method and status.
    requests: Series<(&'static str, &'static str, u16), Counter>,
    /// By route and method.
    durations: Series<(&'static str, &'static str), Histogram>,
    /// By outcome.
    sends: Series<&'static str, Counter>,
    verifications: Series<&'static str, Counter>,
}

impl Meters {
    /// Finds the metrics, which must be recorded by now.
    pub(in crate::http) fn new() -> Self {
        Self {
            in_flight: gauge!(HTTP_REQUESTS_IN_FLIGHT),
            requests: Series::new(requests_of),
            durations: Series::new(durations_of),
            sends: Series::new(|outcome| counter!(SENDS_TOTAL, "outcome" => outcome)),
            verifications: Series::new(|outcome| counter!(VERIFICATIONS_TOTAL, "outcome" => outcome)),
        }
    }

    /// Counts how a request for a code ended.
    pub(in crate::http) fn send(&self, answer: Answer) -> Answer {
        self.sends.of(answer.outcome()).increment(1);
        counted(answer)
    }

    /// Counts how a guess ended.
    pub(in crate::http) fn verification(&self, answer: Answer) -> Answer {
        self.verifications.of(answer.outcome()).increment(1);
        counted(answer)
    }
}

fn requests_of((route, method, status): (&'static str, &'static str, u16)) -> Counter {
    let status = status.to_string();
    counter!(HTTP_REQUESTS_TOTAL, "route" => route, "method" => method, "status" => status)
}

fn durations_of((route, method): (&'static str, &'static str)) -> Histogram {
    histogram!(HTTP_REQUEST_DURATION_SECONDS, "route" => route, "method" => method)
}

/// Counts refusals.
fn counted(answer: Answer) -> Answer {
    match answer {
        Answer::Limited { limit, .. } => counter!(LIMIT_REFUSALS_TOTAL, "limit" => limit).increment(1),
        Answer::Overloaded { what, .. } => counter!(OVERLOAD_REFUSALS_TOTAL, "what" => what).increment(1),
        _ => {}
    }
    answer
}

/// A request under way. It counts when it is answered or, since the future that works on it is then dropped, when its
/// caller hangs up.
pub(in crate::http) struct Measured {
    meters: Arc<Meters>,
    route: &'static str,
    method: &'static str,
    began: Instant,
    status: Option<StatusCode>,
}

impl Measured {
    pub(in crate::http) fn begin(meters: &Arc<Meters>, route: Option<&'static str>, method: &Method) -> Self {
        meters.in_flight.increment(1.0);
        let (meters, route, method) = (Arc::clone(meters), route.unwrap_or(OTHER), method_label(method));
        Self { meters, route, method, began: Instant::now(), status: None }
    }

    pub(in crate::http) fn answered(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let Self { meters, route, method, began, status } = self;
        meters.in_flight.decrement(1.0);
        let status = status.map_or(HUNG_UP, |status| status.as_u16());
        meters.requests.of((route, method, status)).increment(1);
        meters.durations.of((route, method)).record(began.elapsed());
    }
}

/// A method that there is, or `other`: callers may make up any word, such as somebody's number.
pub(in crate::http) fn method_label(method: &Method) -> &'static str {
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
        assert_eq!(method_label(&Method::GET), "GET");
        for method in ["get", "BREW", "TRACE", "A15551234567"] {
            assert_eq!(method_label(&Method::from_bytes(method.as_bytes()).unwrap()), OTHER, "{method}");
        }
    }
}
