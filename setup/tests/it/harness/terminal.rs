//! A terminal of 80 columns and 24 rows, and its user.

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use console::strip_ansi_codes;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::termios::{LocalModes, tcgetattr};

use super::Program;

/// The longest time until a text is shown or the program ends.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest time until a typed line has an effect.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);
const SIZE: PtySize = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
/// More rows than any session has, to render it completely.
const ALL_ROWS: u16 = 2_000;

const ENTER: &str = "\r";
const DOWN: &str = "\x1b[B";
const CTRL_C: &str = "\x03";

pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    shown: Arc<Shown>,
    /// The length of the text that was already waited for.
    read: usize,
}

/// All output to the terminal.
#[derive(Default)]
struct Shown {
    state: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
}

impl Terminal {
    pub(super) fn start(program: Program) -> Self {
        let pair = native_pty_system().openpty(SIZE).unwrap();
        let mut command = CommandBuilder::new(Program::PATH);
        command.args(program.arguments);
        command.env_clear();
        command.env("TERM", "xterm-256color");
        for (name, value) in program.environment {
            command.env(name, value);
        }
        command.cwd(program.directory);
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let shown = Arc::new(Shown::default());
        let (mut screen, into) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&shown));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Reading fails once the last program at the terminal has ended.
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                into.state.lock().unwrap().0.extend_from_slice(&bytes[..count]);
                into.changed.notify_all();
            }
            into.state.lock().unwrap().1 = true;
            into.changed.notify_all();
        });
        let keyboard = pair.master.take_writer().unwrap();
        Self { child, master: pair.master, keyboard, shown, read: 0 }
    }

    /// Waits until `text` is shown after the previous one. Line breaks count as spaces.
    #[track_caller]
    pub fn shows(&mut self, text: &str) -> &mut Self {
        let mut end = None;
        let found = self.waits(LONGEST, |bytes, _| {
            let all = plain(bytes);
            let place = all.get(self.read..).and_then(|rest| rest.find(text));
            end = place.map(|place| self.read + place + text.len());
            end.is_some()
        });
        assert!(found, "{text:?} is not shown:\n{}", self.session().join("\n"));
        self.read = end.unwrap_or(self.read);
        self
    }

    /// Waits until `is_right` accepts the output, or no more can come. Returns `true` in the first case.
    fn waits(&self, longest: Duration, mut is_right: impl FnMut(&[u8], bool) -> bool) -> bool {
        let began = Instant::now();
        let mut state = self.shown.state.lock().unwrap();
        loop {
            if is_right(&state.0, state.1) {
                return true;
            }
            let left = longest.saturating_sub(began.elapsed());
            if state.1 || left.is_zero() {
                return false;
            }
            state = self.shown.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    pub fn types(&mut self, text: &str) -> &mut Self {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
        self
    }

    /// Types a line in one write: a prompt that discards earlier input discards all of it or nothing.
    pub fn answers(&mut self, text: &str) -> &mut Self {
        self.types(&format!("{text}{ENTER}"))
    }

    /// Types a line at a prompt that hides it. Such a prompt first discards earlier input, at an unknown time, so the line
    /// is typed again if it was discarded.
    #[track_caller]
    pub fn answers_unseen(&mut self, text: &str) -> &mut Self {
        for _ in 0..3 {
            let before = self.bytes().len();
            self.answers(text);
            if self.waits(NOTICED_WITHIN, |bytes, _| bytes.len() > before) {
                return self;
            }
        }
        panic!("what is typed is not taken:\n{}", self.session().join("\n"))
    }

    /// Accepts the suggestion.
    pub fn accepts(&mut self) -> &mut Self {
        self.types(ENTER)
    }

    /// Chooses the item this many rows below the suggested one.
    pub fn takes(&mut self, below: usize) -> &mut Self {
        for _ in 0..below {
            self.types(DOWN);
        }
        self.types(ENTER)
    }

    pub fn interrupts(&mut self) -> &mut Self {
        self.types(CTRL_C)
    }

    /// Sends `TERM` or `INT`, as other processes do.
    pub fn signal(&mut self, name: &str) -> &mut Self {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
        self
    }

    /// Waits for the end, asserts that the terminal is restored, and returns the exit code.
    #[track_caller]
    pub fn ends(&mut self) -> u32 {
        let ended = self.waits(LONGEST, |_, ended| ended);
        assert!(ended, "it does not end:\n{}", self.session().join("\n"));
        assert!(self.echoes(), "the terminal shows again what is typed");
        let screen = screen(&self.bytes());
        assert!(!screen.screen().hide_cursor(), "the cursor is there again");
        let status = self.child.wait().unwrap();
        assert_eq!(status.signal(), None);
        status.exit_code()
    }

    /// Returns `true` if the terminal echoes input.
    pub fn echoes(&self) -> bool {
        let tty = File::options().read(true).write(true).open(self.master.tty_name().unwrap()).unwrap();
        let modes = tcgetattr(tty.as_fd()).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    /// The output with its escape sequences.
    pub fn bytes(&self) -> Vec<u8> {
        self.shown.state.lock().unwrap().0.clone()
    }

    /// The output as it appears on scrolling back, one line for each row.
    pub fn session(&self) -> Vec<String> {
        rendered(&self.bytes())
    }

    /// The rows that were too long and continue in the next.
    pub fn wrapped_rows(&self) -> Vec<String> {
        let screen = screen(&self.bytes());
        let rows = screen.screen().rows(0, SIZE.cols);
        let wrapped = |row: &usize| screen.screen().row_wrapped(u16::try_from(*row).unwrap());
        rows.enumerate().filter(|(row, _)| wrapped(row)).map(|(_, text)| text).collect()
    }
}

impl Drop for Terminal {
    /// Prints the session, for `--nocapture` and failed tests.
    fn drop(&mut self) {
        println!("{}\n{}", "=".repeat(usize::from(SIZE.cols)), self.session().join("\n"));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text without escape sequences, with each run of spaces and line breaks as one space.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    strip_ansi_codes(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn screen(bytes: &[u8]) -> vt100::Parser {
    let (rows, columns) = (NonZero::new(ALL_ROWS).unwrap(), NonZero::new(SIZE.cols).unwrap());
    let mut screen = vt100::Parser::new(rows, columns, 0);
    screen.process(bytes);
    screen
}

fn rendered(bytes: &[u8]) -> Vec<String> {
    let mut rows: Vec<_> = screen(bytes).screen().rows(0, SIZE.cols).map(|row| row.trim_end().to_owned()).collect();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}
