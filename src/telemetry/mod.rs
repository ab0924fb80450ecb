//! What operators get to read: logs and metrics, without what must not be in them.

mod log;
pub mod metrics;
mod redact;
mod settings;

pub use self::metrics::{Metrics, MetricsError};
pub use log::{LogError, init as init_log};
pub use redact::without_numbers;
pub use settings::{LogFormat, LogSettings};
