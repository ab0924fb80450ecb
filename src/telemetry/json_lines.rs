//! The log for machines: a JSON object per line, with an event's fields at its top level, where queries look for them.
//!
//! Writes what tracing-subscriber's own JSON format writes, with little more than half of its work: that hands over each
//! piece of a line by itself, and there is a line per request. docs/performance.md has the figures. Spans, which only
//! libraries have here, are not written.

use std::fmt;
use std::time::SystemTime;

use serde::ser::{SerializeMap, Serializer as _};
use serde_json::Serializer;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::current_request::request_id;

/// More than a request's line has.
const USUAL_LENGTH: usize = 512;

/// Writes events, each a line, with the id of the request that they are about.
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
    // Events of libraries that use the log crate say elsewhere where they are from.
    let normalized = event.normalized_metadata();
    let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
    let mut line = Vec::with_capacity(USUAL_LENGTH);
    let mut serializer = Serializer::new(&mut line);
    let mut object = serializer.serialize_map(None)?;
    object.serialize_entry("timestamp", &format_args!("{}", humantime::format_rfc3339_micros(SystemTime::now())))?;
    object.serialize_entry("level", metadata.level().as_str())?;
    let mut fields = Fields { object: &mut object, outcome: Ok(()) };
    event.record(&mut fields);
    fields.outcome?;
    if let Some(request_id) = request_id() {
        object.serialize_entry("request_id", request_id.as_str())?;
    }
    object.serialize_entry("target", metadata.target())?;
    object.end()?;
    line.push(b'\n');
    String::from_utf8(line).map_err(serde::ser::Error::custom)
}

/// Puts an event's fields into an object.
struct Fields<'o, O: SerializeMap> {
    object: &'o mut O,
    /// The first failure; there is nothing after it.
    outcome: Result<(), O::Error>,
}

impl<O: SerializeMap> Fields<'_, O> {
    fn add(&mut self, field: &Field, value: &(impl serde::Serialize + ?Sized)) {
        if self.outcome.is_ok() {
            self.outcome = self.object.serialize_entry(field.name(), value);
        }
    }
}

impl<O: SerializeMap> Visit for Fields<'_, O> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format_args!("{value:?}"));
    }
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

    /// The lines that logging of this kind leaves, without the moments.
    fn lines(what: fn(), ours: bool) -> Vec<Value> {
        let written = Written::default();
        let writer = written.clone();
        let log = tracing_subscriber::fmt().with_writer(move || writer.clone());
        if ours {
            with_default(log.event_format(JsonLines).finish(), what);
        } else {
            with_default(log.json().flatten_event(true).with_current_span(false).with_span_list(false).finish(), what);
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
    fn lines_say_what_those_of_tracing_subscriber_say() {
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
    fn a_line_begins_with_when_how_grave_and_what() {
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
