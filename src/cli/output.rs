//! Prints a command's answer, of which the reader may want only a part: `whatsapp-otp inspect | head`.
//!
//! Styles are removed from output that is not a terminal, and wherever `NO_COLOR` or `--color never` says so.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use anstyle::{AnsiColor, Style};
use rustix::termios::tcgetwinsize;
use textwrap::{Options, WordSplitter};

pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const RED: Style = AnsiColor::Red.on_default().bold();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIMMED: Style = Style::new().dimmed();

/// The greatest width of a line on a terminal, as wider ones are hard to read.
const WIDEST: usize = 100;
/// The width of a terminal that is so narrow that wrapping would be worse than the terminal's own.
const NARROWEST: usize = 20;

/// A command's answer cannot be printed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The reader has closed the pipe, which is not worth a message.
    #[error("standard output was closed")]
    Closed,
    /// Another failure, such as a full disk.
    #[error("cannot write to standard output: {0}")]
    Write(io::Error),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Write(error) }
    }
}

/// Prints text and a line break to standard output.
///
/// # Errors
///
/// [`OutputError`], after which a command can only stop.
pub fn print(text: impl Display) -> Result<(), OutputError> {
    Ok(writeln!(anstream::stdout().lock(), "{text}")?)
}

/// Prints text and a line break to standard error, for people.
pub(super) fn print_error(text: impl Display) {
    // There is no other place to report a failure.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Wraps text to the width of a terminal, and not at all for other outputs. Lines after the first are indented.
pub(super) fn wrapped(text: &str, output: impl AsFd + IsTerminal, indent: usize) -> String {
    let width = if output.is_terminal() { tcgetwinsize(output).map_or(0, |size| usize::from(size.ws_col)) } else { 0 };
    // A terminal of unknown size has no columns.
    let width = if width < NARROWEST { usize::MAX } else { width.min(WIDEST) };
    let indent = " ".repeat(indent);
    // Keys, commands and addresses stay in one piece, so that they can be copied.
    let options = Options::new(width).subsequent_indent(&indent).break_words(false);
    textwrap::fill(text, options.word_splitter(WordSplitter::NoHyphenation))
}
