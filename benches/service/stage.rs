//! The servers: Redis, a simulated WhatsApp, the service as released, and the floors.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest, Sha256};
use whatsapp_otp::config::{ServeSettings, Sources};
use whatsapp_otp_simulator::{Simulator, SimulatorSettings};

use crate::floor::Floor;
use crate::process::{Process, free_address, scratch};

/// The service's configuration: the file recommended for production, overridden by addresses and for what is measured.
const SETTINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/production.toml");

/// The released program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_whatsapp-otp");

/// The number of Tokio's worker threads, if not one for each core.
pub const WORKER_THREADS: &str = "TOKIO_WORKER_THREADS";

/// The secret of the digests.
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The key of a backend.
pub const API_KEY: &str = "otp_sk_of_the_benchmark";

/// An empty Redis.
pub struct Redis {
    pub process: Process,
    pub address: SocketAddr,
}

impl Redis {
    pub fn start(name: &str, append_only: bool) -> Self {
        let address = free_address();
        let directory = scratch(&format!("{name}-data"));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string(), "--save", ""]);
        command.args(["--appendonly", if append_only { "yes" } else { "no" }, "--appendfsync", "everysec"]);
        command.args(["--maxmemory-policy", "noeviction", "--dir"]).arg(directory);
        Self { process: Process::start(name, &mut command).listening_on(address), address }
    }

    pub fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    pub fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url()).and_then(|client| client.get_connection()).expect("Redis")
    }

    pub fn empty(&self) {
        redis::cmd("FLUSHALL").exec(&mut self.connection()).unwrap();
    }

    /// The number of `field` in the reply of `INFO` for `section`.
    pub fn info(&self, section: &str, field: &str) -> f64 {
        let text: String = redis::cmd("INFO").arg(section).query(&mut self.connection()).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    /// The number of scripts run since the counters were reset.
    pub fn scripts(&self) -> u64 {
        let text: String = redis::cmd("INFO").arg("commandstats").query(&mut self.connection()).unwrap();
        let calls = |line: &str| {
            line.strip_prefix("cmdstat_eval")?.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok()
        };
        text.lines().filter_map(calls).sum()
    }

    pub fn forget_commands(&self) {
        redis::cmd("CONFIG").arg("RESETSTAT").exec(&mut self.connection()).unwrap();
    }
}

/// A WhatsApp that answers immediately and has no limits, on its own threads in this process, so that codes are read
/// without another request.
pub struct WhatsApp {
    pub simulator: Simulator,
    pub address: SocketAddr,
}

impl WhatsApp {
    pub fn start() -> Self {
        let settings = SimulatorSettings { messages_per_second: 0, pair_limit: false, ..SimulatorSettings::default() };
        let simulator = Simulator::new(settings);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let router = simulator.router();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
            });
        });
        Self { simulator, address }
    }

    /// The code that arrived on a phone.
    pub fn code(&self, digits: &str) -> String {
        self.simulator.latest(digits).and_then(|message| message.code).expect("a code arrived")
    }
}

/// An instance of the service.
pub struct Service {
    pub process: Process,
    pub address: SocketAddr,
    pub ops: SocketAddr,
    /// The time from the start of the process until it was ready.
    pub ready_after: Duration,
}

impl Service {
    pub fn start(name: &str, redis: &Redis, whatsapp: &WhatsApp) -> Self {
        Self::start_program(Path::new(PROGRAM), name, redis, whatsapp, &[])
    }

    /// Starts an instance of this program, with these variables in addition.
    pub fn start_program(
        program: &Path,
        name: &str,
        redis: &Redis,
        whatsapp: &WhatsApp,
        more: &[(&str, &str)],
    ) -> Self {
        let (address, ops) = (free_address(), free_address());
        let mut command = Command::new(program);
        command.args(["serve", "--config", SETTINGS]).env_clear().envs(environment(redis, whatsapp));
        command.env("WHATSAPP_OTP__SERVER__LISTEN", address.to_string());
        command.env("WHATSAPP_OTP__SERVER__OPS_LISTEN", ops.to_string());
        command.envs(more.iter().copied());
        let began = Instant::now();
        let mut process = Process::start(name, &mut command);
        while !is_ready(ops) {
            process.check(began);
            thread::sleep(Duration::from_micros(500));
        }
        Self { process, address, ops, ready_after: began.elapsed() }
    }
}

fn is_ready(ops: SocketAddr) -> bool {
    use std::io::{Read, Write};
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = std::net::TcpStream::connect(ops)?;
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}

/// The settings of an instance on this Redis.
pub fn settings(redis: &Redis, whatsapp: &WhatsApp) -> ServeSettings {
    let sources = Sources { file: Some(PathBuf::from(SETTINGS)), environment: environment(redis, whatsapp) };
    ServeSettings::load(&sources).unwrap_or_else(|error| panic!("{error}"))
}

fn environment(redis: &Redis, whatsapp: &WhatsApp) -> HashMap<String, String> {
    let (secret, info) = (scratch("otp_secret"), scratch("whatsapp-info.json"));
    let account = whatsapp.simulator.settings();
    let account = json!({
        "waba_id": account.waba_id,
        "access_token": account.access_token,
        "phone_number_id": account.phone_number_id,
        "template_id": account.template_id,
    });
    fs::write(&secret, SECRET).unwrap();
    fs::write(&info, account.to_string()).unwrap();
    [
        // The load generator acts as the load balancer, and names the client.
        ("SERVER__TRUSTED_PROXIES", "127.0.0.0/8".to_owned()),
        // More than the ten thousand that are measured, or idle ones would be closed.
        ("SERVER__MAX_CONNECTIONS", "20000".to_owned()),
        // The calls that are measured.
        ("SAMPLE__ENABLED", "true".to_owned()),
        ("KEYS__BENCH__KIND", "server".to_owned()),
        ("KEYS__BENCH__SHA256", HEXLOWER.encode(&Sha256::digest(API_KEY))),
        // Long enough that no guess is correct by chance.
        ("OTP__CODE_LENGTH", "10".to_owned()),
        ("LIMITS__TOTAL", "off".to_owned()),
        ("OTP__SECRET_FILE", secret.display().to_string()),
        ("REDIS__URL", redis.url()),
        ("REDIS__PASSWORD_FILE", String::new()),
        ("WHATSAPP__INFO_FILE", info.display().to_string()),
        ("WHATSAPP__BASE_URL", format!("http://{}", whatsapp.address)),
        // WhatsApp's limit for a number would hide the service's own.
        ("WHATSAPP__MESSAGES_PER_SECOND", "0".to_owned()),
    ]
    .map(|(key, value)| (format!("WHATSAPP_OTP__{key}"), value))
    .into()
}

/// A server that does next to nothing: this program again, in its own process like the service.
pub fn floor(kind: Floor, redis: &Redis, whatsapp: &WhatsApp) -> (Process, SocketAddr) {
    let address = free_address();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--floor", kind.name(), "--listen", &address.to_string()]);
    command.args(["--redis", &redis.url(), "--whatsapp", &format!("http://{}", whatsapp.address)]);
    (Process::start(kind.name(), &mut command).listening_on(address), address)
}
