//! Disables the terminal's echo during questions, and restores the terminal at the end.
//!
//! No crate does this: console restores the modes only after a key was read, by a thread that cannot be stopped.

use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use console::Term;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Set for the process that asks while another one guards the terminal.
const GUARDED: &str = "WHATSAPP_OTP_SETUP_GUARDED";

/// Returns `true` if there is a terminal for input and output that can move its cursor.
pub(crate) fn is_there() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdin().is_terminal() && io::stderr().is_terminal() && !dumb
}

/// Returns `true` if another process will restore the terminal.
pub(crate) fn is_guarded() -> bool {
    std::env::var_os(GUARDED).is_some()
}

/// Runs this program again, to ask the questions, and restores the terminal when that process has ended in any way.
///
/// Prompts set the terminal's modes on a thread that waits for a key. Nothing can set them again once its process has
/// ended.
pub(crate) fn guard() -> io::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let quiet = Quiet::new()?;
    let ended = runtime.block_on(run_again());
    drop(quiet);
    ended.map(exit_code)
}

async fn run_again() -> io::Result<ExitStatus> {
    // Signals from the keyboard reach both processes, other signals only this one.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let program = std::env::current_exe()?;
    let mut child = Command::new(program).args(std::env::args_os().skip(1)).env(GUARDED, "1").spawn()?;
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    // A child that has just ended needs no signal.
    let forward = |signal| pid.map(|pid| kill_process(pid, signal).ok());
    loop {
        tokio::select! {
            ended = child.wait() => return ended,
            _ = interrupt.recv() => forward(Signal::INT),
            _ = terminate.recv() => forward(Signal::TERM),
        };
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Disables the terminal's echo until dropped, when it restores the modes and the cursor. Prompts echo input themselves,
/// and hidden input stays hidden even if it is pasted before its prompt.
struct Quiet(Termios);

impl Quiet {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Drain, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // There is nothing to be done if this fails.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
        let _ = Term::stderr().show_cursor();
    }
}
