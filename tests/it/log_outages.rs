//! A log that cannot be written: requests and health continue, and lost lines are reported elsewhere.

use std::io::{PipeReader, Read, pipe};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use whatsapp_otp_simulator::{Simulator, SimulatorSettings};

use crate::harness::app::serve_simulator;
use crate::harness::process::{Program, Running, serve_settings};
use crate::harness::redis::RedisServer;
use crate::harness::reply::{Client, says};
use crate::harness::stores::RedisKeys;
use crate::harness::{eventually, eventually_within, free_port, unique_prefix};

/// The number of each of the two calls: their lines do not fit into a pipe that nobody reads.
const CALLS: usize = 300;

/// The program, which cannot print its address.
struct Scene {
    simulator: Simulator,
    program: Running,
    client: Client,
    ops: Client,
    _keys: RedisKeys,
}

impl Scene {
    async fn start(program: Program, level: &str) -> Self {
        let simulator = Simulator::new(SimulatorSettings { messages_per_second: 0, ..SimulatorSettings::default() });
        let whatsapp = serve_simulator(&simulator).await;
        let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
        let [listen, ops_listen] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        let program = program
            .settings(&serve_settings(&simulator, whatsapp, keys.url(), keys.prefix()))
            .set("server.listen", &listen)
            .set("server.ops_listen", &ops_listen)
            .set("limits.per_ip", "off")
            .set("limits.checks_per_ip", "off")
            .set("whatsapp.messages_per_second", "1000")
            .set("log.level", level)
            .start();
        let ops = Client::new(ops_listen.parse().unwrap());
        eventually("it listens", async || tokio::net::TcpStream::connect(ops.address()).await.is_ok()).await;
        Self { simulator, program, client: Client::new(listen.parse().unwrap()), ops, _keys: keys }
    }

    /// Asserts that all calls are answered as usual.
    async fn play(&self) {
        for number in 0..CALLS {
            let phone = format!("1555765{number:04}");
            self.client.request(&phone).await.is(200, "OK");
            let code = self.simulator.latest(&phone).unwrap().code.unwrap();
            self.client.verify(&phone, &code).await.is(200, "OK");
        }
    }

    /// Asserts that health answers and reports lost lines.
    async fn says_that_lines_are_lost(&self) {
        assert_eq!(self.ops.json("/health/live").await.0, 200);
        let (status, body) = self.ops.json("/health/ready").await;
        assert_eq!((status, body["status"].as_str()), (200, Some("ready")), "{body}");
        assert_eq!(body["dependencies"]["log"]["status"], "degraded", "{body}");
        assert!(self.lost().await > 0);
    }

    async fn lost(&self) -> u64 {
        let metrics = self.ops.call(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        let line = metrics.lines().find_map(|line| line.strip_prefix("whatsapp_otp_log_lines_lost_total "));
        line.expect("a metric").parse().unwrap()
    }

    async fn end(self) {
        let began = Instant::now();
        assert_eq!(self.program.stop().await.code, 0);
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
}

fn serve() -> Program {
    Program::new(&["serve"])
}

fn full_disk() -> Stdio {
    std::fs::File::options().write(true).open("/dev/full").unwrap().into()
}

fn closed_pipe() -> Stdio {
    let (_, writer) = pipe().unwrap();
    writer.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_go_on_while_the_disk_of_the_log_is_full() {
    let scene = Scene::start(serve().stdout_to(full_disk()).stderr_to(full_disk()), "info").await;
    scene.play().await;
    scene.says_that_lines_are_lost().await;
    assert!(scene.lost().await >= 2 * u64::try_from(CALLS).unwrap());
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_go_on_when_whoever_read_the_log_is_gone() {
    let scene = Scene::start(serve().stdout_to(closed_pipe()).stderr_to(closed_pipe()), "info").await;
    scene.play().await;
    scene.says_that_lines_are_lost().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_go_on_without_standard_output_and_standard_error() {
    let scene = Scene::start(Program::without_outputs(&["serve"]), "info").await;
    scene.play().await;
    assert_eq!(scene.ops.json("/health/ready").await.0, 200);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_go_on_while_nobody_reads_the_log_and_its_gap_is_told_of() {
    let (reader, writer) = pipe().unwrap();
    let errors = writer.try_clone().unwrap();
    // At this level, there are more lines than the queue has room for.
    let scene = Scene::start(serve().stdout_to(writer.into()).stderr_to(errors.into()), "trace").await;
    scene.play().await;
    eventually_within(Duration::from_mins(1), "there is no room left for lines that wait", async || {
        let calls = (0..50).map(|_| scene.client.request("123"));
        for reply in futures_util::future::join_all(calls).await {
            reply.is(400, says::INVALID_PHONE);
        }
        scene.lost().await > 0
    })
    .await;
    scene.says_that_lines_are_lost().await;

    let log = Arc::new(std::sync::Mutex::new(String::new()));
    std::thread::spawn({
        let log = Arc::clone(&log);
        move || read_into(reader, &log)
    });
    eventually("the log tells of its gap", async || {
        // The gap is reported once there is a line after it.
        scene.client.request("123").await.is(400, says::INVALID_PHONE);
        log.lock().unwrap().contains("log lines were lost")
    })
    .await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_reads_does_not_keep_the_process_from_its_end() {
    let (_reader, writer) = pipe().unwrap();
    let scene = Scene::start(serve().stdout_to(writer.into()).stderr_to(Stdio::null()), "trace").await;
    scene.play().await;
    scene.end().await;
}

fn read_into(mut pipe: PipeReader, log: &std::sync::Mutex<String>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = pipe.read(&mut bytes) {
        log.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
    }
}
