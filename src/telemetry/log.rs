//! The log of this process: one line per event, to standard output.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer, format};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use super::current_request::request_id;
use super::json_lines::JsonLines;
use super::line_queue::LineQueue;
use super::settings::{LogFormat, LogSettings};

/// The longest that the process waits for its last lines to be written when it ends.
const FLUSH_WITHIN: Duration = Duration::from_secs(2);

/// The log of this process.
static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    format: LogFormat,
    lines: LineQueue,
}

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is neither a level nor a filter.
    #[error("log.level: {0}")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Standard output or a thread is not available.
    #[error("the log cannot be written: {0}")]
    Output(#[from] io::Error),
    /// The log was set up before.
    #[error("the log is set up twice: {0}")]
    Twice(#[from] TryInitError),
}

/// Sends the events of this process to standard output from now on. Logging never blocks: lines that cannot be written are
/// lost and counted.
///
/// # Errors
///
/// [`LogError`] if the level is invalid, standard output is not available, or a log was set up before.
pub fn init(settings: &LogSettings) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&settings.level)?;
    // Not `Stdout`: a blocked write would hold its lock.
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let lines = LineQueue::start(output)?;
    // Errors of the log must not be printed: that panics if standard error is closed.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines.clone()).log_internal_errors(false);
    match settings.format {
        LogFormat::Json => log.event_format(JsonLines).finish().try_init()?,
        LogFormat::Pretty => {
            let has_colors = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
            let line = format().with_ansi(has_colors).with_target(false).compact();
            log.event_format(WithRequest(line)).finish().try_init()?;
        }
    }
    LOG.get_or_init(|| Log { format: settings.format, lines });
    Ok(())
}

/// Waits until the lines logged so far are written, for at most two seconds.
pub fn flush() {
    if let Some(log) = LOG.get() {
        log.lines.flush(FLUSH_WITHIN);
    }
}

/// Returns the format of the log, if it is set up.
#[must_use]
pub fn log_format() -> Option<LogFormat> {
    LOG.get().map(|log| log.format)
}

/// Writes text for people to the log, unchanged.
pub(crate) fn print_to_log(mut text: String) {
    if let Some(log) = LOG.get() {
        text.push('\n');
        log.lines.push(text.into_bytes());
    }
}

/// Returns the number of lines lost since the start.
pub(super) fn lost_lines() -> u64 {
    LOG.get().map_or(0, |log| log.lines.lost())
}

/// Returns the reason why the log is incomplete, if lines were lost in the last five minutes.
pub(crate) fn log_fault() -> Option<String> {
    let log = LOG.get().filter(|log| log.lines.loses_lines())?;
    Some(format!("standard output does not take every line; {} were lost since the start", log.lines.lost()))
}

/// Appends the id of the request that a line belongs to.
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
