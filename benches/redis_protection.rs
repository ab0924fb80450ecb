//! The cost of protection against lost writes on failover: guesses per second and their latency, by protection.
//!
//! `cargo bench --bench redis_protection` starts its own primary and replica (`redis-server` on `PATH`). Each guess is
//! wrong, and so is counted. Rounds are interleaved, and medians are printed. Nothing is asserted.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops when it cannot run"
)]

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::SysRng;
use whatsapp_otp::otp::{
    AppName, Check, ClientAddress, CodeLength, Details, Guess, KeyRing, Limits, Manner, Message, NewVerification,
    OtpSecret, PhoneNumber, Policy, VerificationStore,
};
use whatsapp_otp::store::redis::{
    AfterFailover, Credentials, KeyPrefix, RedisSettings, RedisStore, RedisUrl, Subject, Topology,
};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let primary = Server::start(&[]);
        let _replica = Server::start(&["--replicaof", "127.0.0.1", &primary.port.to_string()]);
        let store = |min_replicas_ack, after_failover| Arc::new(store(&primary, min_replicas_ack, after_failover));
        let protections = [
            ("none", store(0, AfterFailover::Accept)),
            ("fence", store(0, AfterFailover::Reject)),
            ("1 replica", store(1, AfterFailover::Accept)),
            ("fence and 1 replica", store(1, AfterFailover::Reject)),
        ];
        println!("{:<22} {:>6} {:>12} {:>8} {:>12}", "protection", "tasks", "guesses/s", "ratio", "median µs");
        for tasks in [1, 64] {
            let mut rates = vec![Vec::new(); protections.len()];
            let mut times = vec![Vec::new(); protections.len()];
            for _ in 0..ROUNDS {
                for (index, (_, store)) in protections.iter().enumerate() {
                    let (rate, time) = round(store, tasks).await;
                    rates[index].push(rate);
                    times[index].push(time);
                }
            }
            let rates: Vec<f64> = rates.iter_mut().map(|rates| median(rates)).collect();
            for ((name, _), (rate, times)) in protections.iter().zip(rates.iter().zip(&mut times)) {
                let ratio = rate / rates[0];
                println!("{name:<22} {tasks:>6} {rate:>12.0} {ratio:>8.2} {:>12.0}", median(times));
            }
        }
    });
}

/// A Redis for this benchmark.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--repl-diskless-sync-delay",
            "0",
        ]);
        let process = command.args(arguments).stdout(Stdio::null()).spawn().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { process, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn store(primary: &Server, min_replicas_ack: u32, after_failover: AfterFailover) -> RedisStore {
    let settings = RedisSettings {
        topology: Topology::Single(RedisUrl::parse(&format!("redis://127.0.0.1:{}/0", primary.port)).unwrap()),
        credentials: Credentials::default(),
        key_prefix: KeyPrefix::parse("bench").unwrap(),
        subject: Subject::Phone,
        // The replica may still be synchronizing.
        timeout: Duration::from_secs(10),
        pool_size: 1,
        allow_unsafe: true,
        min_replicas_ack,
        after_failover,
    };
    RedisStore::new(&settings).unwrap()
}

/// Returns the guesses per second, and the median latency in µs.
async fn round(store: &Arc<RedisStore>, tasks: u32) -> (f64, f64) {
    let policy = Arc::new(Policy {
        code_length: CodeLength::new(10).unwrap(),
        code_lifetime: Duration::from_mins(5),
        linger: Duration::from_mins(10),
        max_attempts: u32::MAX,
        max_sends: 3,
        resend_cooldown: Duration::from_secs(30),
        limits: Limits::default(),
        send_time: Duration::from_secs(15),
        events: whatsapp_otp::otp::EventTypes::default(),
    });
    let ring = KeyRing::new(OtpSecret::new(vec![7; 32]).unwrap(), Vec::new());
    let mut running = Vec::new();
    for task in 0..tasks {
        let phone = PhoneNumber::parse(&format!("155512{task:05}")).unwrap();
        let app = AppName::default();
        let issued = ring.issue(&app, &phone, policy.code_length, &mut SysRng).unwrap();
        let client = Some(ClientAddress::from(std::net::IpAddr::from([203, 0, 113, 7])));
        let (id, pacing, manner) = (issued.id, None, Manner::Replace);
        let message = Message { id, app, phone: phone.clone(), client, pacing, manner };
        let new = NewVerification { message, sealed: issued.sealed, details: Details::default() };
        store.create(&new, &policy).await.unwrap();
        let wrong = Guess::parse("0000000000", policy.code_length).unwrap();
        let (store, policy, ring) = (Arc::clone(store), Arc::clone(&policy), ring.clone());
        running.push(async move {
            let (began, mut times) = (Instant::now(), Vec::new());
            while began.elapsed() < ROUND {
                let guess = Instant::now();
                let app = &AppName::default();
                let check = Check {
                    app,
                    phone: &phone,
                    id: None,
                    client: None,
                    guess: &wrong,
                    keys: &ring,
                    is_repeatable: false,
                    entry: None,
                };
                store.check(&check, &policy).await.unwrap();
                times.push(guess.elapsed().as_secs_f64() * 1e6);
            }
            times
        });
    }
    let began = Instant::now();
    let running: Vec<_> = running.into_iter().map(tokio::spawn).collect();
    let mut times = Vec::new();
    for task in running {
        times.extend(task.await.unwrap());
    }
    (f64::from(u32::try_from(times.len()).unwrap()) / began.elapsed().as_secs_f64(), median(&mut times))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
