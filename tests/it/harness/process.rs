//! The program itself, as a process with its own environment.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::app::environment;

/// The maximum time for any command to end, or for a running one to start.
const LONGEST: Duration = Duration::from_secs(20);

/// A command to run: `whatsapp-otp`, with only the given variables in its environment.
pub struct Program {
    command: Command,
}

/// The result of a command that ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A command that runs until it is told to stop. It is killed when dropped.
pub struct Running {
    child: Child,
    stdout: Text,
    stderr: Text,
}

/// The text that a pipe has delivered so far.
#[derive(Default)]
struct Text {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Program {
    pub fn new(arguments: &[&str]) -> Self {
        Self::of(Command::new(env!("CARGO_BIN_EXE_whatsapp-otp")), arguments)
    }

    /// Runs the program with a limit on descriptors.
    pub fn with_descriptors(limit: usize, arguments: &[&str]) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("ulimit -n {limit}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_whatsapp-otp")]);
        Self::of(command, arguments)
    }

    fn of(mut command: Command, arguments: &[&str]) -> Self {
        command.args(arguments).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A directory that contains no settings.
        command.current_dir(env!("CARGO_TARGET_TMPDIR"));
        Self { command }
    }

    /// Runs it with standard output and standard error closed.
    pub fn without_outputs(arguments: &[&str]) -> Self {
        let mut program = Self::new(&[]);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "exec \"$0\" \"$@\" >&- 2>&-", env!("CARGO_BIN_EXE_whatsapp-otp")]).args(arguments);
        command.env_clear().stdin(Stdio::null()).current_dir(env!("CARGO_TARGET_TMPDIR"));
        program.command = command;
        program
    }

    /// Sends standard output elsewhere, so the test cannot read it.
    pub fn stdout_to(mut self, output: Stdio) -> Self {
        self.command.stdout(output);
        self
    }

    /// Sends standard error elsewhere, so the test cannot read it.
    pub fn stderr_to(mut self, output: Stdio) -> Self {
        self.command.stderr(output);
        self
    }

    /// Passes settings, by key, as environment variables.
    pub fn settings(mut self, settings: &HashMap<String, String>) -> Self {
        self.command.envs(environment(settings));
        self
    }

    pub fn set(self, key: &str, value: &str) -> Self {
        self.settings(&HashMap::from([(key.to_owned(), value.to_owned())]))
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn directory(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    pub fn start(mut self) -> Running {
        let mut child = self.command.spawn().expect("the program starts");
        // Only the child holds its ends of the pipes.
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        let stdout = child.stdout.take().map(Text::of).unwrap_or_default();
        let stderr = child.stderr.take().map(Text::of).unwrap_or_default();
        Running { child, stdout, stderr }
    }

    /// Runs it to completion at a terminal of this width. Standard output includes standard error.
    pub async fn run_at_terminal(mut self, columns: u16) -> Ended {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = File::options().read(true).write(true).open(name).unwrap();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).unwrap();
        self.command.stdout(slave.try_clone().unwrap()).stderr(slave).env("TERM", "xterm-256color");
        tokio::task::spawn_blocking(move || {
            let running = self.start();
            let (mut shown, mut screen) = (Vec::new(), File::from(master));
            // Reading fails once the program has ended.
            let _ = screen.read_to_end(&mut shown);
            let stdout = String::from_utf8(shown).unwrap().replace("\r\n", "\n");
            Ended { stdout, ..running.wait() }
        })
        .await
        .unwrap()
    }

    /// Runs it to completion on another thread, as the test may serve its calls.
    pub async fn run(self) -> Ended {
        tokio::task::spawn_blocking(move || self.start().wait()).await.unwrap()
    }
}

impl Running {
    pub fn stdout(&self) -> String {
        self.stdout.so_far()
    }

    pub fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Returns the text after the first `marker`, up to a space, a quote or the end of the line.
    pub async fn printed(&mut self, marker: &str) -> String {
        let began = Instant::now();
        loop {
            let text = self.stdout();
            // A line is complete once its line break has arrived.
            let found =
                text.split_inclusive('\n').filter(|line| line.ends_with('\n')).find_map(|line| line.split_once(marker));
            if let Some((_, rest)) = found {
                return rest.split(['"', ' ', '\n']).next().unwrap_or_default().to_owned();
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?} before {marker:?}: {}{}", self.stdout(), self.stderr());
            assert!(began.elapsed() < LONGEST, "no {marker:?}: {text}{}", self.stderr());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns the number of its open descriptors.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Returns its current memory, in KiB.
    pub fn resident(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process that runs");
        line.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Sends `TERM` or `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Waits for the end, whatever the cause.
    pub fn wait(mut self) -> Ended {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < LONGEST, "it does not end: {}{}", self.stdout(), self.stderr());
            std::thread::sleep(Duration::from_millis(10));
        };
        let code = status.code().unwrap_or_else(|| panic!("{status}"));
        Ended { code, stdout: self.stdout.whole(), stderr: self.stderr.whole() }
    }

    /// Asks it to stop and waits for the end.
    pub async fn stop(self) -> Ended {
        self.signal("TERM");
        tokio::task::spawn_blocking(move || self.wait()).await.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Text {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let into = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            let mut line = String::new();
            while pipe.read_line(&mut line).is_ok_and(|read| read > 0) {
                into.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
                line.clear();
            }
        });
        Self { text, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.so_far()
    }
}

/// Returns the settings that `serve` needs for a simulator and a Redis at these addresses.
pub fn serve_settings(
    simulator: &whatsapp_otp_simulator::Simulator,
    whatsapp: std::net::SocketAddr,
    redis_url: &str,
    prefix: &str,
) -> HashMap<String, String> {
    let account = simulator.settings();
    [
        ("server.listen", "127.0.0.1:0"),
        ("server.ops_listen", "127.0.0.1:0"),
        ("server.drain_delay", "0s"),
        ("otp.secret", super::app::SECRET),
        ("redis.url", redis_url),
        ("redis.key_prefix", prefix),
        ("whatsapp.base_url", &format!("http://{whatsapp}")),
        ("whatsapp.waba_id", &account.waba_id),
        ("whatsapp.phone_number_id", &account.phone_number_id),
        ("whatsapp.template_id", &account.template_id),
        ("whatsapp.access_token", &account.access_token),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}
