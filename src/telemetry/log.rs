//! Setting up the log: to standard output, a line per event.

use std::fmt;
use std::io::IsTerminal;

use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer, format};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use super::current_request::request_id;
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
        LogFormat::Json => log.event_format(JsonLines).finish().try_init()?,
        LogFormat::Pretty => {
            let line = format().with_ansi(std::io::stdout().is_terminal()).with_target(false).compact();
            log.event_format(WithRequest(line)).finish().try_init()?;
        }
    }
    Ok(())
}

/// Lines as these are, with the id of the request that they are about at their end.
struct WithRequest<F>(F);

impl<S, N, F> FormatEvent<S, N> for WithRequest<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(request_id) = request_id() else { return self.0.format_event(context, writer, event) };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writeln!(writer, "{} request_id={}", line.trim_end(), request_id.as_str())
    }
}
