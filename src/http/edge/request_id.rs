//! Request ids, in the response to a request and in every log line about it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use crate::telemetry::RequestId;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_LENGTH: usize = 64;

/// Returns the caller's id if it is short and plain enough for a log, else a new one. New ids sort by time.
pub(crate) fn of(headers: &HeaderMap) -> RequestId {
    let callers = headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| is_sane(id));
    callers.map_or_else(
        || RequestId::from(&*Uuid::now_v7().hyphenated().encode_lower(&mut Uuid::encode_buffer())),
        RequestId::from,
    )
}

/// Returns the id as a header of the response.
pub(crate) fn header(id: &RequestId) -> Option<HeaderValue> {
    HeaderValue::from_str(id.as_str()).ok()
}

fn is_sane(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        // Whole phone numbers do not belong in logs, not even a caller's. Many UUIDs look as if they contained one.
        && (Uuid::try_parse(id).is_ok() || crate::telemetry::without_numbers(id) == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_with(callers: &[u8]) -> String {
        let callers = HeaderValue::from_bytes(callers).unwrap();
        let id = of(&HeaderMap::from_iter([(X_REQUEST_ID, callers)]));
        assert_eq!(header(&id).unwrap(), id.as_str());
        id.as_str().to_owned()
    }

    #[test]
    fn plain_ids_are_kept() {
        for id in ["a", "req-42_x.y:z", "0198f3a2-7c1e-7abc-8def-0123456789ab"] {
            assert_eq!(id_with(id.as_bytes()), id);
        }
    }

    #[test]
    fn others_are_replaced() {
        let long = "a".repeat(65);
        for id in ["", "a b", "a\"b", "{}", "ü", "to-15551234567", "5551234", "1-555-123-4567", "1.555.123:4567", &long]
        {
            let replacement = Uuid::parse_str(&id_with(id.as_bytes())).unwrap();
            assert_eq!(replacement.get_version_num(), 7, "{id}");
        }
    }
}
