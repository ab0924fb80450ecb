//! The body of an event.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::otp::{Event, UnixMillis};

/// The longest body.
const MOST_BYTES: usize = 20_000;

/// Describes the subject of an event, as the API describes it elsewhere, without the number.
pub type Renderer = Arc<dyn Fn(&Event) -> Map<String, Value> + Send + Sync>;

#[derive(Serialize)]
struct Body<'e> {
    r#type: &'static str,
    timestamp: String,
    data: &'e Map<String, Value>,
}

/// Returns the body of an event, at most 20 kB.
pub(super) fn body(event: &Event, mut data: Map<String, Value>) -> Vec<u8> {
    let mut bytes = written(event, &data);
    if bytes.len() > MOST_BYTES {
        // The only members of any length are the caller's own.
        data.remove("metadata");
        bytes = written(event, &data);
    }
    bytes
}

fn written(event: &Event, data: &Map<String, Value>) -> Vec<u8> {
    let body = Body { r#type: event.event_type.as_str(), timestamp: timestamp(event.at), data };
    serde_json::to_vec(&body).unwrap_or_default()
}

/// Returns a moment in RFC 3339, with milliseconds if there are any.
fn timestamp(at: UnixMillis) -> String {
    Timestamp::from_millisecond(at.0).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::otp::{AppName, EventSubject, EventType};

    fn event() -> Event {
        Event {
            id: "evt_1".to_owned(),
            event_type: EventType::EndpointTest,
            app: AppName::default(),
            at: UnixMillis(1_795_000_000_123),
            about: EventSubject::Nothing,
        }
    }

    #[test]
    fn a_body_has_type_time_and_data() {
        let data = json!({ "app": "default" }).as_object().unwrap().clone();
        let text = String::from_utf8(body(&event(), data)).unwrap();
        assert_eq!(text, r#"{"type":"endpoint.test","timestamp":"2026-11-18T11:06:40.123Z","data":{"app":"default"}}"#);
    }

    #[test]
    fn a_body_is_never_too_long() {
        let data = json!({ "app": "default", "metadata": { "note": "é".repeat(MOST_BYTES) } });
        let text = body(&event(), data.as_object().unwrap().clone());
        assert!(text.len() < 200);
    }
}
