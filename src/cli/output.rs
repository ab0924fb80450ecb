//! Prints a command's answer, of which the reader may want only a part: `whatsapp-otp inspect | head`.

use std::fmt::Display;
use std::io::{self, Write};

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
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// Prints text and a line break to standard error, for people.
pub(super) fn print_error(text: impl Display) {
    // There is no other place to report a failure.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
