//! Setting up the log: to standard output, a line per event.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use super::json_lines::JsonLines;
use super::settings::{LogFormat, LogSettings};

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is no level and no filter.
    #[error("log.level: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// There is a log already.
    #[error("the log is set up twice: {0}")]
    Twice(#[from] TryInitError),
}

/// Sends the events of this process to standard output from now on.
///
/// # Errors
///
/// [`LogError`] if the level cannot be read, or a log was set up before.
pub fn init(settings: &LogSettings) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&settings.level)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    match settings.format {
        LogFormat::Json => log.fmt_fields(JsonLines).event_format(JsonLines).finish().try_init()?,
        LogFormat::Pretty => {
            log.with_ansi(std::io::stdout().is_terminal()).with_target(false).compact().finish().try_init()?;
        }
    }
    Ok(())
}
