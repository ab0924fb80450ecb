//! The program with its own environment, run without a terminal.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Terminal;

/// A run to be started.
pub struct Program {
    pub(super) arguments: Vec<OsString>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) directory: PathBuf,
}

/// The result of a run.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub const PATH: &str = env!("CARGO_BIN_EXE_whatsapp-otp-setup");

    pub fn new(arguments: &[&str]) -> Self {
        Self {
            arguments: arguments.iter().map(OsString::from).collect(),
            environment: Vec::new(),
            directory: std::env::temp_dir(),
        }
    }

    pub fn directory(mut self, path: &Path) -> Self {
        path.clone_into(&mut self.directory);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.env("WHATSAPP_OTP_SETUP_ACCESS_TOKEN", token)
    }

    /// Runs it to its end without a terminal. The program limits its own waits.
    pub fn run(self) -> Ended {
        let mut command = Command::new(Self::PATH);
        command.args(self.arguments).env_clear().envs(self.environment).current_dir(self.directory);
        let output = command.stdin(Stdio::null()).output().expect("the program starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended {
            code: output.status.code().unwrap_or_else(|| panic!("{}", output.status)),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Runs it at a terminal of 80 columns.
    pub fn at_a_terminal(self) -> Terminal {
        Terminal::start(self)
    }
}

impl Ended {
    /// Standard output, which is only JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}
