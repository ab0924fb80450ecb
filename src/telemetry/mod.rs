//! What operators get to read: logs, metrics and traces, without what must not be in them.

mod json_lines;
mod log;
pub mod metrics;
mod redact;
mod settings;
mod spans;
mod trace_context;
mod traces;

pub use self::metrics::{Metrics, MetricsError};
pub use log::{LogError, init as init_log};
pub use redact::without_numbers;
pub use settings::{LogFormat, LogSettings, TraceSettings};
pub(crate) use spans::{CallSpan, RequestSpan, in_current_trace};
pub(crate) use trace_context::TRACEPARENT;
pub use traces::{TraceError, Traces, init as init_traces};
