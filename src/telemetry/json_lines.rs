//! The log for machines: one JSON object per line, with an event's fields at its top level, where queries expect them.
//!
//! Our own and not tracing-subscriber's JSON layer, which assembles each line piece by piece: a request's line and its id
//! take 6,800 instructions here, with that layer and a span 28,700, while the whole request takes about 56,500. It would
//! also move the id of a request to `span.request_id`. Spans, which only libraries create here, are not written.

use std::fmt;
use std::time::SystemTime;

use serde::ser::{SerializeMap, Serializer as _};
use serde_json::Serializer;
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::current_request::request_id;

/// Longer than the line of a request.
const USUAL_LENGTH: usize = 512;

/// Formats each event as a line, with the id of the request that it belongs to.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let line = line(event).map_err(|_| fmt::Error)?;
        writer.write_str(&line)
    }
}

fn line(event: &Event<'_>) -> Result<String, serde_json::Error> {
    // Events that come through the log crate carry their real metadata in fields.
    let normalized = event.normalized_metadata();
    let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
    let mut line = Vec::with_capacity(USUAL_LENGTH);
    let mut serializer = Serializer::new(&mut line);
    let mut object = serializer.serialize_map(None)?;
    object.serialize_entry("timestamp", &format_args!("{}", humantime::format_rfc3339_micros(SystemTime::now())))?;
    object.serialize_entry("level", metadata.level().as_str())?;
    let mut fields = SerdeMapVisitor::new(object);
    event.record(&mut fields);
    let mut object = fields.take_serializer()?;
    if let Some(request_id) = request_id() {
        object.serialize_entry("request_id", request_id.as_str())?;
    }
    object.serialize_entry("target", metadata.target())?;
    object.end()?;
    line.push(b'\n');
    String::from_utf8(line).map_err(serde::ser::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    use serde_json::Value;
    use tracing::subscriber::with_default;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the lines that `log_events` produces, ours or the library's, without their timestamps.
    fn lines(log_events: fn(), ours: bool) -> Vec<Value> {
        let written = Written::default();
        let writer = written.clone();
        let log = tracing_subscriber::fmt().with_writer(move || writer.clone());
        if ours {
            with_default(log.event_format(JsonLines).finish(), log_events);
        } else {
            with_default(
                log.json().flatten_event(true).with_current_span(false).with_span_list(false).finish(),
                log_events,
            );
        }
        let bytes = written.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.ends_with('\n'));
        let parse = |line: &str| {
            let mut object: serde_json::Map<_, _> = serde_json::from_str(line).unwrap();
            let timestamp = object.remove("timestamp").unwrap();
            assert!(timestamp.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{timestamp}");
            Value::Object(object)
        };
        text.lines().map(parse).collect()
    }

    #[test]
    fn lines_match_those_of_tracing_subscriber() {
        fn every_kind() {
            let quoted = "a \"quoted\"\nü";
            tracing::info!(quoted, yes = true, down = -1, up = 1_u64, part = 0.5, none = None::<u8>, "said {quoted}");
            tracing::warn!(debugged = ?[Some("x")], displayed = %quoted);
            tracing::info_span!("of a library", number = 1).in_scope(|| tracing::error!("inside"));
        }
        let ours = lines(every_kind, true);
        assert_eq!(ours.len(), 3);
        assert_eq!(ours, lines(every_kind, false));
    }

    #[test]
    fn a_line_starts_with_time_level_and_message() {
        let written = Written::default();
        let writer = written.clone();
        let log = tracing_subscriber::fmt().with_writer(move || writer.clone()).event_format(JsonLines);
        with_default(log.finish(), || tracing::info!(status = 200, "answered"));
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let (_, rest) = text.split_once("Z\",").unwrap();
        let expected = "\"level\":\"INFO\",\"message\":\"answered\",\"status\":200,\"target\":\"whatsapp_otp::telemetry::json_lines::tests\"}\n";
        assert_eq!(rest, expected);
    }
}
