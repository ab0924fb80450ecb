//! Logs, metrics and traces for operators, without the personal data and secrets that must not be in them.

mod current_request;
pub(crate) mod funnel;
mod json_lines;
mod line_queue;
mod log;
pub mod metrics;
mod redact;
mod series;
mod settings;
mod spans;
mod trace_context;
mod traces;

pub use self::metrics::{Metrics, MetricsError};
pub(crate) use current_request::{RequestId, in_current_request, request_id, within_request};
pub use log::{LogError, flush as flush_log, init as init_log, log_format};
pub(crate) use log::{log_fault, print_to_log};
pub use redact::{cleaned, without_numbers};
pub(crate) use series::Series;
pub use settings::{LogFormat, LogSettings, TraceSettings};
pub(crate) use spans::{CallSpan, RequestSpan};
pub(crate) use trace_context::TRACEPARENT;
pub use traces::{TraceError, Traces, init as init_traces};
