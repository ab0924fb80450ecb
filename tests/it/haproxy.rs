//! HAProxy with the shipped configuration, in front of the service: one address cannot keep the others out.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rustix::process::{Resource, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::harness::app::TestApp;
use crate::harness::haproxy::{SHIPPED, configuration};
use crate::harness::reply::{Reply, read};
use crate::harness::{eventually, free_port};

const STRANGER: &str = "127.0.0.2";
const HONEST: &str = "127.0.0.3";
const UPSTREAM: &str = "127.0.0.4";
/// Longer than any answer takes while HAProxy admits its caller, and shorter than it keeps an idle connection.
const PROMPT: Duration = Duration::from_secs(10);
/// Refused before anything is stored or sent.
const CHEAP: &str = "GET /otp/abc HTTP/1.1\r\nHost: otp\r\n\r\n";

/// A running HAProxy. It is killed when dropped.
struct Front {
    address: SocketAddr,
    child: Child,
    _directory: TempDir,
}

impl Front {
    async fn of(app: &TestApp) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("haproxy.cfg");
        fs::write(&path, configuration(address, &[(app.address(), app.ops().address())], UPSTREAM)).unwrap();
        let mut command = haproxy();
        let child = command.arg("-db").arg("-f").arg(&path).stdout(Stdio::null()).spawn().unwrap();
        let front = Self { address, child, _directory: directory };
        eventually("HAProxy listens", async || TcpStream::connect(address).await.is_ok()).await;
        front
    }

    async fn connect(&self, from: &str) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0))?;
        socket.connect(self.address).await
    }

    /// Makes one request from this address, on a new connection.
    async fn call(&self, from: &str, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: otp\r\nConnection: close\r\n{headers}");
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        let began = Instant::now();
        let answer = async {
            let mut stream = self.connect(from).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            read(&mut stream, began).await
        };
        tokio::time::timeout(PROMPT, answer).await.unwrap_or_else(|_| panic!("{from} gets no answer in {PROMPT:?}"))
    }

    /// Requests and verifies a code from this address, which nobody may prevent.
    async fn serves(&self, app: &TestApp, from: &str, digits: &str) {
        self.call(from, "GET", &format!("/otp/{digits}"), "", "").await.is(200, "OK");
        let body = format!(r#"{{"code":"{}"}}"#, app.code(digits));
        let json = "Content-Type: application/json\r\n";
        self.call(from, "POST", &format!("/otp/{digits}"), json, &body).await.is(200, "OK");
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn haproxy() -> Command {
    let mut command = Command::new("haproxy");
    let version = command.arg("-v").stdout(Stdio::null()).status();
    assert!(version.is_ok_and(|status| status.success()), "no haproxy on PATH: scripts/test finds or installs it");
    Command::new("haproxy")
}

async fn service() -> TestApp {
    TestApp::builder().set("server.trusted_proxies", "127.0.0.1").set("limits.per_ip", "2/1h").start().await
}

/// Returns the first number after these words in the shipped configuration.
fn shipped_number(before: &str) -> usize {
    let (_, rest) = SHIPPED.split_once(before).unwrap_or_else(|| panic!("no {before:?}"));
    rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// Opens a connection, makes one request on it and returns it, if HAProxy admits it.
async fn kept(front: &Front) -> Option<TcpStream> {
    let mut stream = front.connect(STRANGER).await.ok()?;
    stream.write_all(CHEAP.as_bytes()).await.ok()?;
    let mut answer = [0; 1024];
    let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut answer)).await;
    // Those that wait in the kernel's queue are kept, too.
    (!matches!(read, Ok(Ok(0) | Err(_)))).then_some(stream)
}

#[test]
fn haproxy_finds_no_fault_in_what_is_shipped() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/haproxy/haproxy.cfg");
    let checked = haproxy().args(["-c", "-f", path]).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success() && !said.contains("WARNING"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_idle_connections_than_haproxy_takes_from_one_address_keep_nobody_else_out() {
    let all = shipped_number("maxconn ");
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let app = service().await;
    let front = Front::of(&app).await;

    let opening = futures_util::stream::iter(0..all + 100).map(|_| kept(&front)).buffer_unordered(200);
    let connections: Vec<TcpStream> = opening.filter_map(std::future::ready).collect().await;
    front.serves(&app, HONEST, "15551230001").await;
    assert!(connections.len() < all / 2, "{} of {all} connections for one address", connections.len());
    drop(connections);
    eventually("the stranger's connections are forgotten", async || kept(&front).await.is_some()).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_with_too_many_requests_is_told_to_wait_and_the_others_are_answered() {
    let app = service().await;
    let front = Front::of(&app).await;
    let mut flood = front.connect(STRANGER).await.unwrap();
    let (mut answers, mut requests) = flood.split();
    let batch = CHEAP.repeat(50);
    let writing = async { while requests.write_all(batch.as_bytes()).await.is_ok() {} };
    let reading = async {
        let mut seen = String::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = answers.read(&mut buffer).await.unwrap();
            assert!(read > 0, "closed after {seen}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
            if seen.contains("HTTP/1.1 429 ") {
                break;
            }
            seen.drain(..seen.len().saturating_sub(20));
        }
    };
    tokio::select! {
        () = writing => panic!("the flood ended before it was refused"),
        () = reading => {}
        () = tokio::time::sleep(Duration::from_mins(1)) => panic!("the flood is not refused"),
    }

    let refused = front.call(STRANGER, "GET", "/otp/15551230002", "", "").await;
    assert_eq!(refused.retry_after(), 10);
    front.serves(&app, HONEST, "15551230002").await;
    app.finish().await;
}

#[tokio::test]
async fn only_the_upstream_proxy_says_who_its_clients_are() {
    let app = service().await;
    let front = Front::of(&app).await;
    let request = async |from: &str, client: &str, number: u32| {
        let headers = format!("X-Forwarded-For: {client}\r\n");
        front.call(from, "GET", &format!("/otp/155512300{number}"), &headers, "").await.status
    };
    // Two codes for each address are sent; a third is refused.
    for (number, from, client, status) in [
        (11, STRANGER, "198.51.100.1", 200),
        (12, STRANGER, "198.51.100.2", 200),
        (13, STRANGER, "198.51.100.3", 429),
        (14, UPSTREAM, "198.51.100.1", 200),
        (15, UPSTREAM, "198.51.100.1", 200),
        (16, UPSTREAM, "198.51.100.1", 429),
        (17, UPSTREAM, "198.51.100.2", 200),
    ] {
        assert_eq!(request(from, client, number).await, status, "{from} for {client}");
    }
    // Without one, it is a client like any other, not HAProxy.
    for (number, status) in [(18, 200), (19, 200), (20, 429)] {
        let reply = front.call(UPSTREAM, "GET", &format!("/otp/155512300{number}"), "", "").await;
        assert_eq!(reply.status, status);
    }
    app.finish().await;
}
