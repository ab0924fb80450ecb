//! A service under attack: the program with few descriptors, honest people beside the attacker, and an operator who
//! watches the operators' listener.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};
use whatsapp_otp_simulator::{Simulator, SimulatorSettings};

use crate::harness::app::serve_simulator;
use crate::harness::measured;
use crate::harness::process::{Program, Running, serve_settings};
use crate::harness::redis::RedisServer;
use crate::harness::stores::RedisKeys;
use crate::harness::unique_prefix;

/// The usual limit on descriptors: 512 of them are for public connections, 51 for one address.
const DESCRIPTORS: usize = 1_024;
/// The public listener's share of them.
pub const MOST_CONNECTIONS: usize = 512;

/// The maximum resident memory, in KiB: that of an idle process and several times what one address can hold.
const MOST_MEMORY: usize = 256 * 1_024;

/// The attacker's address.
pub const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
/// The honest people's addresses: so many that none of them meets a limit.
const HONEST: std::ops::RangeInclusive<u8> = 1..=12;
/// The maximum time that an honest person waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause between two honest codes.
const BETWEEN_CODES: Duration = Duration::from_millis(40);
/// The pause between two looks at the operators' listener.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// The service and its dependencies.
pub struct Stage {
    program: Running,
    pub public: SocketAddr,
    ops: SocketAddr,
    simulator: Simulator,
    _keys: RedisKeys,
}

/// The observations of honest people and of the operator.
pub struct Seen {
    /// For each code, the time in which it was sent and checked, if it was.
    codes: Vec<Option<Duration>>,
    looks: usize,
    failed_looks: Vec<String>,
    most_descriptors: usize,
    /// In KiB.
    most_memory: usize,
}

impl Stage {
    pub async fn start() -> Self {
        whatsapp_otp::cli::install_tls_provider();
        let simulator = Simulator::new(SimulatorSettings { messages_per_second: 0, ..SimulatorSettings::default() });
        let whatsapp = serve_simulator(&simulator).await;
        let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
        let mut settings = serve_settings(&simulator, whatsapp, keys.url(), keys.prefix());
        for (key, value) in [("whatsapp.messages_per_second", "0"), ("log.level", "warn")] {
            settings.insert(key.to_owned(), value.to_owned());
        }
        let (public, ops) = (free_address(), free_address());
        settings.insert("server.listen".to_owned(), public.to_string());
        settings.insert("server.ops_listen".to_owned(), ops.to_string());
        let program = Program::with_descriptors(DESCRIPTORS, &["serve"]).settings(&settings).start();
        let stage = Self { program, public, ops, simulator, _keys: keys };
        let began = Instant::now();
        while stage.look("/health/ready").await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "{}", stage.program.stdout());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stage
    }

    /// Lets honest people request codes and the operator look while the attack lasts.
    pub async fn beside(&self, attack: impl Future<Output = ()>) -> Seen {
        let mut seen =
            Seen { codes: Vec::new(), looks: 0, failed_looks: Vec::new(), most_descriptors: 0, most_memory: 0 };
        let client = |last| {
            let address = IpAddr::from([127, 0, 2, last]);
            reqwest::Client::builder().no_proxy().local_address(address).timeout(PATIENCE).build().unwrap()
        };
        let people: Vec<_> = HONEST.map(client).collect();
        let codes = &mut seen.codes;
        let honest = async {
            // Gives the attack a moment to take effect.
            tokio::time::sleep(Duration::from_millis(500)).await;
            loop {
                let began = Instant::now();
                let served = self.code_is_sent_and_checked(&people[codes.len() % people.len()], codes.len()).await;
                codes.push(served.then(|| began.elapsed()));
                tokio::time::sleep(BETWEEN_CODES).await;
            }
        };
        let (looks, failed) = (&mut seen.looks, &mut seen.failed_looks);
        let (most_descriptors, most_memory) = (&mut seen.most_descriptors, &mut seen.most_memory);
        let operator = async {
            loop {
                for path in ["/health/live", "/health/ready", "/metrics"] {
                    *looks += 1;
                    failed.extend(self.look(path).await.err());
                }
                *most_descriptors = (*most_descriptors).max(self.program.descriptors());
                *most_memory = (*most_memory).max(self.program.resident());
                tokio::time::sleep(BETWEEN_LOOKS).await;
            }
        };
        tokio::select! {
            () = attack => {}
            () = honest => {}
            () = operator => {}
        }
        seen.show();
        seen
    }

    async fn code_is_sent_and_checked(&self, http: &reqwest::Client, number: usize) -> bool {
        let digits = format!("1555321{number:04}");
        let url = format!("http://{}/otp/{digits}", self.public);
        let sent = http.get(&url).send().await;
        if !sent.is_ok_and(|answer| answer.status() == 200) {
            return false;
        }
        let Some(code) = self.simulator.latest(&digits).and_then(|message| message.code) else { return false };
        let checked = http.post(&url).json(&HashMap::from([("code", code)])).send().await;
        checked.is_ok_and(|answer| answer.status() == 200)
    }

    /// Asks the operators' listener over a new connection.
    async fn look(&self, path: &str) -> Result<String, String> {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let answer = http.get(format!("http://{}{path}", self.ops)).send().await;
        let answer =
            answer.and_then(reqwest::Response::error_for_status).map_err(|error| format!("{path}: {error:?}"))?;
        answer.text().await.map_err(|error| format!("{path}: {error:?}"))
    }

    /// Returns the value of a series of `/metrics`.
    pub async fn series(&self, name: &str) -> f64 {
        let text = self.look("/metrics").await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}"))
    }

    pub fn log(&self) -> String {
        self.program.stdout()
    }
}

impl Seen {
    fn show(&self) {
        let mut took = self.served();
        took.sort();
        for percent in [50, 99] {
            let at = took.get(took.len() * percent / 100).copied().unwrap_or_default();
            measured(&format!("{} of {} codes, {percent} % within", took.len(), self.codes.len()), at);
        }
        let (looks, descriptors, memory) = (self.looks, self.most_descriptors, self.most_memory / 1_024);
        println!("{looks} looks by the operator; at most {descriptors} descriptors and {memory} MiB");
    }

    fn served(&self) -> Vec<Duration> {
        self.codes.iter().copied().flatten().collect()
    }

    /// Asserts that only the attacker noticed.
    pub fn is_as_if_nothing_happened(&self) {
        let (codes, served) = (self.codes.len(), self.served().len());
        assert!(codes >= 5, "honest people had the time for {codes} codes only");
        assert!(served >= codes * 95 / 100, "{served} of {codes} codes were sent and checked");
        assert!(self.looks >= 9 && self.failed_looks.is_empty(), "{} looks: {:?}", self.looks, self.failed_looks);
        assert!(self.most_descriptors < DESCRIPTORS * 9 / 10, "{} descriptors", self.most_descriptors);
        assert!(self.most_memory < MOST_MEMORY, "{} KiB", self.most_memory);
    }
}

/// Connects from one of this machine's addresses, which are many.
pub async fn connect_from(source: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    connect_with(source, to, |_| Ok(())).await
}

pub async fn connect_with(
    source: Ipv4Addr,
    to: SocketAddr,
    set: impl FnOnce(&TcpSocket) -> std::io::Result<()>,
) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    set(&socket)?;
    socket.bind(SocketAddr::from((source, 0)))?;
    socket.connect(to).await
}

fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], crate::harness::free_port()))
}
