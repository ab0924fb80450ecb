//! The terminal's modes: no echo while questions are asked, and everything as it was at the end.

use std::io::{self, IsTerminal};

use console::Term;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Whether there is somebody to ask: a terminal to type at and one to see, which can move its cursor.
pub(crate) fn is_there() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdin().is_terminal() && io::stderr().is_terminal() && !dumb
}

/// While it lives the terminal does not show by itself what is typed: prompts show it, and hidden input stays hidden
/// even if it is pasted before its prompt is there. Dropping it puts the terminal back, cursor included.
pub(crate) struct Quiet(Termios);

impl Quiet {
    pub(crate) fn new() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Drain, &quiet).ok()?;
        Some(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Nothing can be done if this fails, and nobody is there to be told.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
        let _ = Term::stderr().show_cursor();
    }
}
