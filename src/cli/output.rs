//! Printing a command's answer, which nobody may want to read to its end: `whatsapp-otp inspect | head`.

use std::fmt::Display;
use std::io::{self, Write};

/// A command's answer cannot be printed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Whoever read it has left. That is no failure to tell anybody about.
    #[error("standard output was closed")]
    Closed,
    /// Such as a full disk.
    #[error("standard output cannot be written: {0}")]
    Write(io::Error),
}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Self::Closed } else { Self::Write(error) }
    }
}

/// Prints a line, or several, to standard output.
///
/// # Errors
///
/// [`OutputError`], upon which there is nothing left for a command to do.
pub fn print(text: impl Display) -> Result<(), OutputError> {
    Ok(writeln!(io::stdout().lock(), "{text}")?)
}

/// Prints a line, or several, to standard error, where a person may read it.
pub(super) fn print_error(text: impl Display) {
    // If not even that is possible, nobody can be told.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
