//! Runs a server of a topology: a process on this machine, or a container on its network.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use testcontainers::ImageExt;

use crate::harness::docker::{self, Container};
use crate::harness::redis::{Means, means};

/// The directory of a container's files.
const IN_CONTAINER: &str = "/data";

/// A server with files of its own, which outlive its process.
pub enum Server {
    Process { child: Child, directory: TempDir, sentinel: bool },
    Container(Container),
}

impl Server {
    /// Starts one with this configuration, to which it adds the paths of its files.
    pub fn start(configuration: &str, sentinel: bool) -> Self {
        match means() {
            Means::Process => {
                let directory = TempDir::new().unwrap();
                std::fs::write(directory.path().join("conf"), complete(configuration, directory.path())).unwrap();
                Self::Process { child: spawn(directory.path(), sentinel), directory, sentinel }
            }
            Means::Container => {
                let directory = Path::new(IN_CONTAINER);
                // Servers announce their addresses to one another and to clients, so their ports cannot be translated.
                let image = docker::redis().with_network("host");
                let image =
                    image.with_copy_to(format!("{IN_CONTAINER}/conf"), complete(configuration, directory).into_bytes());
                Self::Container(Container::start(image.with_cmd(arguments(&directory.join("conf"), sentinel))))
            }
        }
    }

    /// Kills it, as a crash does.
    pub fn kill(&mut self) {
        match self {
            Self::Process { child, .. } => {
                let _ = child.kill();
                let _ = child.wait();
            }
            Self::Container(container) => container.kill(),
        }
    }

    /// Starts it again after it was killed.
    pub fn start_again(&mut self) {
        match self {
            Self::Process { child, directory, sentinel } => *child = spawn(directory.path(), *sentinel),
            Self::Container(container) => container.start_again(),
        }
    }

    /// Pauses or resumes it.
    pub fn pause(&self, pause: bool) {
        match self {
            Self::Process { child, .. } => {
                let signal = if pause { "-STOP" } else { "-CONT" };
                // The shell's own `kill`: small systems lack the program.
                let sent = Command::new("sh").args(["-c", &format!("kill {signal} {}", child.id())]).status();
                assert!(sent.expect("sh").success());
            }
            Self::Container(container) => container.pause(pause),
        }
    }

    /// Returns `true` if it ended by itself.
    pub fn has_ended(&mut self) -> bool {
        match self {
            Self::Process { child, .. } => child.try_wait().unwrap().is_some(),
            Self::Container(container) => !container.is_running(),
        }
    }

    /// Returns its log, if available.
    pub fn log(&self) -> String {
        match self {
            Self::Process { directory, .. } => {
                let read = |name| std::fs::read_to_string(directory.path().join(name)).unwrap_or_default();
                read("output") + &read("log")
            }
            Self::Container(_) => "its log went with its container".to_owned(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A container is removed when dropped.
        if let Self::Process { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn complete(configuration: &str, directory: &Path) -> String {
    let directory = directory.display();
    format!("dir {directory}\nlogfile {directory}/log\n{configuration}")
}

fn arguments(configuration: &Path, sentinel: bool) -> Vec<String> {
    let mut arguments = vec!["redis-server".to_owned(), configuration.display().to_string()];
    arguments.extend(sentinel.then(|| "--sentinel".to_owned()));
    arguments
}

fn spawn(directory: &Path, sentinel: bool) -> Child {
    let arguments = arguments(&directory.join("conf"), sentinel);
    // For output before the log is open, such as errors in the configuration.
    let output = File::create(directory.join("output")).unwrap();
    let mut command = Command::new(&arguments[0]);
    command.args(&arguments[1..]).stdin(Stdio::null()).stderr(output.try_clone().unwrap()).stdout(output);
    command.spawn().expect("redis-server starts")
}
