//! Metrics of attempts to send.

use std::time::Duration;

use metrics::{counter, histogram};

use super::client::CallError;
use super::error::is_documented;
use crate::telemetry::metrics::{OTHER, WHATSAPP_ERRORS_TOTAL, WHATSAPP_REQUEST_DURATION_SECONDS};

/// Records one attempt.
pub(super) fn attempt(took: Duration, error: Option<&CallError>) {
    let outcome = match error {
        None => "accepted",
        Some(CallError::Api(_) | CallError::Foreign(_)) => "refused",
        Some(CallError::Unclear(_)) => "unclear",
        Some(CallError::Unreachable(_)) => "unreachable",
    };
    histogram!(WHATSAPP_REQUEST_DURATION_SECONDS, "outcome" => outcome).record(took);
    if let Some(error) = error {
        let (code, class) = labels(error);
        counter!(WHATSAPP_ERRORS_TOTAL, "code" => code, "class" => class).increment(1);
    }
}

/// Returns the error's code and class.
fn labels(error: &CallError) -> (String, &'static str) {
    match error {
        CallError::Api(error) if is_documented(error.code) => (error.code.to_string(), error.class().kind.as_str()),
        CallError::Api(error) => (OTHER.to_owned(), error.class().kind.as_str()),
        CallError::Foreign(_) => ("none".to_owned(), "operator"),
        CallError::Unclear(_) => ("none".to_owned(), "unclear"),
        CallError::Unreachable(_) => ("none".to_owned(), "unreachable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whatsapp::client::ApiError;

    fn api(code: i64) -> CallError {
        let (message, details, trace_id) = (String::new(), None, None);
        CallError::Api(ApiError { code, subcode: None, status: 400, message, details, trace_id, retry_after: None })
    }

    #[test]
    fn only_documented_codes_are_labels() {
        assert_eq!(labels(&api(131_026)), ("131026".to_owned(), "recipient"));
        assert_eq!(labels(&api(190)), ("190".to_owned(), "operator"));
        for made_up in [i64::MIN, -1, 5, 300, 999_999, 15_551_234_567] {
            assert_eq!(labels(&api(made_up)), (OTHER.to_owned(), "request"), "{made_up}");
        }
    }

    #[test]
    fn errors_without_a_code_have_a_class_too() {
        assert_eq!(labels(&CallError::Foreign(302)).1, "operator");
        assert_eq!(labels(&CallError::Unreachable(String::new())).1, "unreachable");
        assert_eq!(labels(&CallError::Unclear(String::new())).1, "unclear");
    }
}
