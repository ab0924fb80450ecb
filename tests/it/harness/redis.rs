//! A real Redis for tests: `redis-server` on `PATH`, else a container; `scripts/test` explains how to choose.
//!
//! A server is stopped when the last test that holds it is done. Without any server, tests fail.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use testcontainers::ImageExt;
use testcontainers::core::{IntoContainerPort, WaitFor};

use super::docker::{self, Container};
use super::setting;

/// A Redis that tests may fill, each under its own key prefix.
pub struct RedisServer {
    url: String,
    kind: Kind,
}

enum Kind {
    Given,
    Process(Child),
    Container(Container),
}

/// The means of running servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    Process,
    Container,
}

/// Returns processes if there is a `redis-server`, unless the environment says otherwise.
pub fn means() -> Means {
    match setting("TEST_REDIS").as_deref() {
        Some("process") => Means::Process,
        Some("container") => Means::Container,
        Some(other) => panic!("TEST_REDIS is process or container, not {other}"),
        None => match Command::new("redis-server").arg("--version").output() {
            Ok(_) => Means::Process,
            Err(_) => Means::Container,
        },
    }
}

impl RedisServer {
    /// Returns the server that all tests of this run share.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = match setting("TEST_REDIS_URL") {
                Some(url) => Self { url, kind: Kind::Given },
                None => Self::start(),
            };
            let server = Arc::new(server);
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// Starts a server for one test alone, which may freeze or stop it.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with further arguments for `redis-server`.
    pub fn start_with(arguments: &[&str]) -> Self {
        match means() {
            Means::Process => Self::process(arguments),
            Means::Container => Self::container(arguments),
        }
    }

    fn process(arguments: &[&str]) -> Self {
        // Another program may take the port before the server does.
        (0..5).find_map(|_| Self::try_process(arguments)).expect("redis-server is ready")
    }

    fn try_process(arguments: &[&str]) -> Option<Self> {
        let port = super::free_port();
        let mut child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--dir", "/tmp"])
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let ready = lines.map_while(Result::ok).any(|line| line.contains("Ready to accept connections"));
        let server = Self { url: format!("redis://127.0.0.1:{port}/0"), kind: Kind::Process(child) };
        ready.then_some(server)
    }

    fn container(arguments: &[&str]) -> Self {
        let arguments: Vec<String> = ["redis-server", "--save", "", "--protected-mode", "no"]
            .iter()
            .chain(arguments)
            .map(|&s| s.into())
            .collect();
        let image = docker::redis()
            .with_exposed_port(6379.tcp())
            .with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"))
            .with_cmd(arguments);
        let container = Container::start(image);
        Self { url: format!("redis://{}/0", container.address(6379)), kind: Kind::Container(container) }
    }

    /// `redis://…`
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `host:port`, for a proxy.
    pub fn address(&self) -> std::net::SocketAddr {
        let url = url::Url::parse(&self.url).expect("url");
        url.socket_addrs(|| Some(6379)).expect("address")[0]
    }

    /// Stops answering without closing anything, like a machine that swaps.
    pub fn freeze(&self) {
        self.pause(true);
    }

    /// Continues after a freeze.
    pub fn thaw(&self) {
        self.pause(false);
    }

    fn pause(&self, pause: bool) {
        match &self.kind {
            Kind::Given => panic!("a server that was given must not be disturbed"),
            Kind::Process(child) => {
                let signal = if pause { "-STOP" } else { "-CONT" };
                // The shell's own `kill`: small systems lack the program.
                let sent = Command::new("sh").args(["-c", &format!("kill {signal} {}", child.id())]).status();
                assert!(sent.expect("sh").success());
            }
            Kind::Container(container) => container.pause(pause),
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Kind::Process(child) = &mut self.kind {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
