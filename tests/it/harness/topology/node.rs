//! One `redis-server` of a topology, at an address that stays its own while it is down.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::{AsyncConnectionConfig, FromRedisValue, RedisError, RedisResult};

use super::server::Server;

/// The maximum time for a server to answer after its start.
const STARTS_WITHIN: Duration = Duration::from_secs(10);
/// The maximum time for a question.
const PATIENCE: Duration = Duration::from_secs(5);
/// In a cluster, nodes speak to one another on their port plus this.
const BUS: u16 = 10_000;

/// The role of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Data,
    ClusterData,
    Sentinel,
}

/// A server that keeps its configuration and its data while it is down.
pub struct Node {
    address: SocketAddr,
    password: Option<String>,
    server: Mutex<Server>,
    _claim: UdpSocket,
}

impl Node {
    /// Starts one with these lines of configuration. `password` is the one that it requires, if any.
    pub fn start(role: Role, password: Option<&str>, configuration: &[String]) -> Self {
        (0..5).find_map(|_| Self::try_start(role, password, configuration)).expect("redis-server starts")
    }

    fn try_start(role: Role, password: Option<&str>, configuration: &[String]) -> Option<Self> {
        let (port, claim) = steady_port();
        let lines = format!("port {port}\nbind 127.0.0.1\n{}\n", configuration.join("\n"));
        let server = Mutex::new(Server::start(&lines, role == Role::Sentinel));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let node = Self { address, password: password.map(str::to_owned), server, _claim: claim };
        node.answers().then_some(node)
    }

    /// `127.0.0.1:PORT`
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `redis://…`, with the password.
    pub fn url(&self) -> String {
        let password = self.password.as_ref().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis://{password}{}", self.address)
    }

    /// Kills it, as a crash does. The data that it wrote to disk stays.
    pub fn kill(&self) {
        self.server().kill();
    }

    /// Starts it again with its configuration and data, as a supervisor would.
    pub fn restart(&self) {
        self.kill();
        self.server().start_again();
        assert!(self.answers(), "{} does not start again: {}", self.address, self.server().log());
    }

    /// Pauses it. Its connections stay open, and data that arrives on them waits.
    pub fn pause(&self) {
        self.server().pause(true);
    }

    /// Resumes it.
    pub fn wake(&self) {
        self.server().pause(false);
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a connection for the test.
    pub async fn connection(&self) -> RedisResult<redis::aio::MultiplexedConnection> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        redis::Client::open(self.url())?.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Returns the answer to one command, given as its words.
    pub async fn ask<T: FromRedisValue>(&self, command: &str) -> RedisResult<T> {
        self.ask_words(&command.split(' ').collect::<Vec<_>>()).await
    }

    /// Returns the answer to one command whose words may be empty or contain spaces.
    pub async fn ask_words<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut self.connection().await?).await
    }

    /// Runs a command that must succeed.
    pub async fn tell(&self, command: &str) {
        let told: Result<redis::Value, RedisError> = self.ask(command).await;
        told.unwrap_or_else(|error| panic!("{command} on {}: {error}", self.address));
    }

    /// Waits until it answers and has read its files. Returns `false` if its process ends instead.
    fn answers(&self) -> bool {
        let began = Instant::now();
        while began.elapsed() < STARTS_WITHIN {
            match self.greeting() {
                Ok(greeting) if !greeting.starts_with("-LOADING") => {
                    return !self.server().has_ended();
                }
                _ if self.server().has_ended() => return false,
                _ => std::thread::sleep(Duration::from_millis(10)),
            }
        }
        panic!("{} does not answer after {STARTS_WITHIN:?}: {}", self.address, self.server().log());
    }

    fn greeting(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"PING\r\n")?;
        let mut greeting = [0; 64];
        let length = stream.read(&mut greeting)?;
        Ok(String::from_utf8_lossy(&greeting[..length]).into_owned())
    }
}

/// A port that stays free while its server is down: below those that systems use for outgoing connections, and claimed
/// as long as the socket lives. The socket is a UDP one, so that the server can still use the port for TCP.
fn steady_port() -> (u16, UdpSocket) {
    const FIRST: u32 = 11_000;
    const COUNT: u32 = 10_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Each test process starts at another port.
        let step = std::process::id().wrapping_mul(97).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(FIRST + step % COUNT).unwrap();
        let Ok(claim) = UdpSocket::bind(("127.0.0.1", port)) else { continue };
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + BUS) {
            return (port, claim);
        }
    }
}
