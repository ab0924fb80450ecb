//! What operators get to read: logs, without what must not be in them.

mod log;
mod redact;
mod settings;

pub use log::{LogError, init as init_log};
pub use redact::without_numbers;
pub use settings::{LogFormat, LogSettings};
