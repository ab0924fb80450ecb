//! A name for each request, in its answer and in every log line about it.

use axum::http::{HeaderValue, Request};
use tower_http::request_id::{MakeRequestId, RequestId};
use uuid::Uuid;

const HEADER: &str = "x-request-id";
const MAX_LENGTH: usize = 64;

/// Makes ids that sort by time.
#[derive(Debug, Clone, Copy)]
pub(super) struct UuidV7;

impl MakeRequestId for UuidV7 {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&Uuid::now_v7().to_string()).ok().map(RequestId::new)
    }
}

/// Drops a caller's id unless it is short and plain enough to stand in a log.
pub(super) fn drop_unless_sane<B>(mut request: Request<B>) -> Request<B> {
    let headers = request.headers_mut();
    if headers.get(HEADER).is_some_and(|id| !is_sane(id)) {
        headers.remove(HEADER);
    }
    request
}

fn is_sane(id: &HeaderValue) -> bool {
    let Ok(id) = id.to_str() else { return false };
    (1..=MAX_LENGTH).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        // Whole phone numbers do not belong in logs, whoever puts them there. Many a UUID looks as if it had one.
        && (Uuid::try_parse(id).is_ok() || crate::telemetry::without_numbers(id) == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_ids_are_taken_over() {
        for id in ["a", "req-42_x.y:z", "0198f3a2-7c1e-7abc-8def-0123456789ab"] {
            assert!(is_sane(&HeaderValue::from_static(id)), "{id}");
        }
    }

    #[test]
    fn others_are_not() {
        let long = "a".repeat(65);
        for id in ["", "a b", "a\"b", "{}", "ü", "to-15551234567", "5551234", &long] {
            assert!(!is_sane(&HeaderValue::from_bytes(id.as_bytes()).unwrap()), "{id}");
        }
    }
}
