//! Metrics of requests.

use std::time::Duration;

use axum::http::Method;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::outcome::Outcome;
use crate::otp::LIMITS;
use crate::telemetry::Series;
use crate::telemetry::metrics::{
    HTTP_REQUEST_DURATION_SECONDS, HTTP_REQUESTS_IN_FLIGHT, HTTP_REQUESTS_TOTAL, LIMIT_REFUSALS_TOTAL, OTHER,
    OVERLOAD_REFUSALS_TOTAL, SENDS_TOTAL, VERIFICATIONS_TOTAL, WEBHOOK_REQUESTS_TOTAL,
};

/// The status of a request whose caller hung up, as in nginx.
pub(crate) const HUNG_UP: u16 = 499;

/// The metrics of requests.
pub(crate) struct Meters {
    pub(crate) in_flight: Gauge,
    /// By route, method and status.
    requests: Series<(&'static str, &'static str, u16), Counter>,
    /// By route and method.
    durations: Series<(&'static str, &'static str), Histogram>,
    /// By outcome.
    sends: Series<&'static str, Counter>,
    verifications: Series<&'static str, Counter>,
    webhooks: Series<&'static str, Counter>,
}

impl Meters {
    /// Looks up the metrics, for which a recorder must have been installed.
    pub(crate) fn new() -> Self {
        for kind in &LIMITS {
            // So that alerts see the first refusal as an increase.
            counter!(LIMIT_REFUSALS_TOTAL, "limit" => kind.name).increment(0);
        }
        Self {
            in_flight: gauge!(HTTP_REQUESTS_IN_FLIGHT),
            requests: Series::new(
                |(route, method, status)| counter!(HTTP_REQUESTS_TOTAL, "route" => route, "method" => method, "status" => status.to_string()),
            ),
            durations: Series::new(
                |(route, method)| histogram!(HTTP_REQUEST_DURATION_SECONDS, "route" => route, "method" => method),
            ),
            sends: Series::new(|outcome| counter!(SENDS_TOTAL, "outcome" => outcome)),
            verifications: Series::new(|outcome| counter!(VERIFICATIONS_TOTAL, "outcome" => outcome)),
            webhooks: Series::new(|outcome| counter!(WEBHOOK_REQUESTS_TOTAL, "outcome" => outcome)),
        }
    }

    /// Counts the outcome of a request for a code.
    pub(crate) fn send(&self, outcome: Outcome) -> Outcome {
        self.sends.of(outcome.name()).increment(1);
        counted(outcome)
    }

    /// Counts the outcome of a guess.
    pub(crate) fn verification(&self, outcome: Outcome) -> Outcome {
        self.verifications.of(outcome.name()).increment(1);
        counted(outcome)
    }

    /// Counts the outcome of a webhook.
    pub(crate) fn webhook(&self, outcome: Outcome) -> Outcome {
        self.webhooks.of(outcome.name()).increment(1);
        counted(outcome)
    }

    /// Counts a request that is no longer in flight.
    pub(crate) fn answered(&self, route: &'static str, method: &'static str, status: u16, elapsed: Duration) {
        self.in_flight.decrement(1.0);
        self.requests.of((route, method, status)).increment(1);
        self.durations.of((route, method)).record(elapsed);
    }
}

/// Counts refusals.
fn counted(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Limited { limit, .. } => counter!(LIMIT_REFUSALS_TOTAL, "limit" => limit).increment(1),
        Outcome::Overloaded { what, .. } => counter!(OVERLOAD_REFUSALS_TOTAL, "what" => what).increment(1),
        _ => {}
    }
    outcome
}

/// Returns the method, or `other` for one that HTTP does not define: callers can make up any word, such as a phone
/// number.
pub(crate) fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"];
    KNOWN.into_iter().find(|known| method == known).unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_methods_are_not_labels() {
        assert_eq!(method_label(&Method::GET), "GET");
        for method in ["get", "BREW", "TRACE", "A15551234567"] {
            assert_eq!(method_label(&Method::from_bytes(method.as_bytes()).unwrap()), OTHER, "{method}");
        }
    }
}
