//! The terminal's modes: no echo while questions are asked, and everything as it was at the end.

use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use console::Term;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

/// Set for the process that asks, while another one looks after the terminal.
const GUARDED: &str = "WHATSAPP_OTP_SETUP_GUARDED";

/// Whether there is somebody to ask: a terminal to type at and one to see, which can move its cursor.
pub(crate) fn is_there() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdin().is_terminal() && io::stderr().is_terminal() && !dumb
}

/// Whether another process will put the terminal back.
pub(crate) fn is_guarded() -> bool {
    std::env::var_os(GUARDED).is_some()
}

/// Runs this program once more, to ask, and puts the terminal back when that has ended, however it did.
///
/// Prompts set the terminal's modes on a thread that waits for a key and cannot be stopped. Only when its process is gone
/// is it certain that nothing sets them again.
pub(crate) fn guard() -> io::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let quiet = Quiet::new()?;
    let ended = runtime.block_on(run_again());
    drop(quiet);
    ended.map(exit_code)
}

async fn run_again() -> io::Result<ExitStatus> {
    // The keyboard's signals reach both processes, others' only this one.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let program = std::env::current_exe()?;
    let mut child = Command::new(program).args(std::env::args_os().skip(1)).env(GUARDED, "1").spawn()?;
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    // Of a child that has just ended nobody needs to be told.
    let tell = |signal| pid.map(|pid| kill_process(pid, signal).ok());
    loop {
        tokio::select! {
            ended = child.wait() => return ended,
            _ = interrupt.recv() => tell(Signal::INT),
            _ = terminate.recv() => tell(Signal::TERM),
        };
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// While it lives the terminal does not show by itself what is typed: prompts show it, and hidden input stays hidden
/// even if it is pasted before its prompt is there. Dropping it puts the terminal back, cursor included.
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
        // Nothing can be done if this fails, and nobody is there to be told.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.0);
        let _ = Term::stderr().show_cursor();
    }
}
