//! A real Redis for tests: `TEST_REDIS_URL`, else `redis-server` on `PATH`, else a container.
//!
//! A server of our own is stopped when the last test that holds it is done. None at all fails the test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::runtime::Runtime;

/// The image that stands in for a `redis-server` on `PATH`.
const IMAGE: (&str, &str) = ("redis", "7-bookworm");

/// A Redis that tests may fill, each under its own key prefix.
pub struct RedisServer {
    url: String,
    kind: Kind,
}

enum Kind {
    Given,
    Process(Child),
    Container(Option<Container>),
}

/// A container and the runtime that its client lives on, which is none of a test's: those end with their tests.
struct Container {
    container: ContainerAsync<GenericImage>,
    runtime: Runtime,
}

impl Container {
    /// Blocks on a thread of its own, because a test's thread belongs to the test's runtime.
    fn start(arguments: Vec<String>) -> (Self, u16) {
        let start = async {
            let container = GenericImage::new(IMAGE.0, IMAGE.1)
                .with_exposed_port(6379.tcp())
                .with_wait_for(WaitFor::message_on_stdout("Ready to accept connections"))
                .with_cmd(arguments)
                .start()
                .await
                .expect("no redis-server on PATH and no container either: scripts/test finds or installs one");
            let port = container.get_host_port_ipv4(6379).await.expect("published port");
            (container, port)
        };
        let thread = std::thread::spawn(|| {
            let runtime = Runtime::new().expect("runtime");
            let (container, port) = runtime.block_on(start);
            (Self { container, runtime }, port)
        });
        thread.join().expect("container")
    }

    fn pause(&self, pause: bool) {
        let Self { container, runtime } = self;
        let done = async { if pause { container.pause().await } else { container.unpause().await } };
        std::thread::scope(|scope| scope.spawn(|| runtime.block_on(done)).join()).expect("thread").expect("pause");
    }

    fn remove(self) {
        let Self { container, runtime } = self;
        let _ = std::thread::spawn(move || runtime.block_on(container.rm())).join();
    }
}

impl RedisServer {
    /// The server that all tests of this run share.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let server = match std::env::var("TEST_REDIS_URL") {
                Ok(url) => Self { url, kind: Kind::Given },
                Err(_) => Self::start(),
            };
            let server = Arc::new(server);
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// A server for one test alone, which may freeze or stop it.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with further arguments for `redis-server`.
    pub fn start_with(arguments: &[&str]) -> Self {
        match Command::new("redis-server").arg("--version").output() {
            Ok(_) => Self::process(arguments),
            Err(_) => Self::container(arguments),
        }
    }

    fn process(arguments: &[&str]) -> Self {
        // Somebody else may take the port before the server does.
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
        let (container, port) = Container::start(arguments);
        Self { url: format!("redis://127.0.0.1:{port}/0"), kind: Kind::Container(Some(container)) }
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

    /// Stops answering without closing anything, as a machine that swaps does.
    pub fn freeze(&self) {
        self.pause(true);
    }

    /// Goes on where it was frozen.
    pub fn thaw(&self) {
        self.pause(false);
    }

    fn pause(&self, pause: bool) {
        match &self.kind {
            Kind::Given => panic!("a server that was given must not be disturbed"),
            Kind::Process(child) => {
                let signal = if pause { "-STOP" } else { "-CONT" };
                let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
                assert!(sent.expect("kill").success());
            }
            Kind::Container(container) => container.as_ref().expect("running").pause(pause),
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        match &mut self.kind {
            Kind::Given => {}
            Kind::Process(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            Kind::Container(container) => {
                if let Some(container) = container.take() {
                    container.remove();
                }
            }
        }
    }
}
