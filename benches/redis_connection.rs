//! Strategies for sharing connections to Redis: verifications per second.
//!
//! `cargo bench --bench redis_connection` against `redis://127.0.0.1:6379/9`, or `BENCH_REDIS_URL`. Each strategy runs the
//! same script for an unknown phone from 64 tasks. Rounds are interleaved, and medians and ratios are printed. Nothing is
//! asserted. The store computes digests and bounds each call as well; the bare strategies only run the script.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops when it cannot run"
)]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use whatsapp_otp::otp::{
    AppName, Check, CodeLength, Guess, KeyRing, LimitKind, Limits, OtpSecret, PhoneNumber, Policy, VerificationStore,
};
use whatsapp_otp::store::redis::{
    AfterFailover, Credentials, KeyPrefix, RedisSettings, RedisStore, RedisUrl, Subject, Topology,
};

const TASKS: u32 = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);
macro_rules! find {
    ($($part:literal)*) => {
        concat!($(include_str!(concat!("../src/store/redis/decisions/lua/", $part, ".lua")), "
",)*)
    };
}
/// The script for a guess at a phone without a code, as all here are.
const FIND: &str = find!(
    "parts/arguments" "parts/clock" "parts/history" "parts/moments" "parts/slices" "parts/counters" "parts/failures"
    "parts/verifications" "find"
);

#[derive(Clone)]
enum Strategy {
    /// `RedisStore` with this many shared connections.
    Store(Arc<RedisStore>),
    /// A connection that never reconnects.
    Multiplexed(MultiplexedConnection),
    /// The reconnecting connection of the redis crate.
    Manager(ConnectionManager),
    /// A connection for each request, from a pool.
    Checkout(deadpool_redis::Pool),
}

impl Strategy {
    async fn verify(&self, phone: &PhoneNumber, ring: &KeyRing, policy: &Policy) {
        let guess = Guess::parse("000000", policy.code_length).unwrap();
        match self {
            Self::Store(store) => {
                let check = Check {
                    app: &AppName::default(),
                    phone,
                    id: None,
                    client: None,
                    guess: &guess,
                    keys: ring,
                    is_repeatable: false,
                    entry: None,
                };
                store.check(&check, policy).await.unwrap();
            }
            Self::Multiplexed(connection) => find(&mut connection.clone(), phone).await,
            Self::Manager(connection) => find(&mut connection.clone(), phone).await,
            Self::Checkout(pool) => find(&mut pool.get().await.unwrap(), phone).await,
        }
    }
}

async fn find(connection: &mut impl ConnectionLike, phone: &PhoneNumber) {
    static SCRIPT: LazyLock<redis::Script> = LazyLock::new(|| redis::Script::new(FIND));
    let mut call = SCRIPT.arg(0);
    for name in ["verification:default", "failures", "guessers"] {
        call.key(format!("bench:v2:{{{}}}:{name}", phone.digits()));
    }
    call.arg(1).arg(15).arg(86_400_000).arg(10).arg("").arg(15_000).arg("");
    call.invoke_async::<(String, String, u64, Vec<String>)>(connection).await.unwrap();
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let url = std::env::var_os("BENCH_REDIS_URL")
            .map_or_else(|| "redis://127.0.0.1:6379/9".into(), |url| url.into_string().unwrap());
        let shared = |pool_size| Strategy::Store(Arc::new(store(&url, pool_size)));
        let checkout = |size| {
            let pool = deadpool_redis::Config::from_url(url.clone()).builder().unwrap().max_size(size);
            Strategy::Checkout(pool.build().unwrap())
        };
        let client = redis::Client::open(url.clone()).unwrap();
        let strategies = [
            ("store, 1 connection", shared(1)),
            ("store, 2 connections", shared(2)),
            ("store, 4 connections", shared(4)),
            ("bare shared connection", Strategy::Multiplexed(client.get_multiplexed_async_connection().await.unwrap())),
            ("redis ConnectionManager", Strategy::Manager(client.get_connection_manager().await.unwrap())),
            ("checkout, pool of 16", checkout(16)),
            ("checkout, pool of 64", checkout(64)),
        ];
        let mut rates = vec![Vec::new(); strategies.len()];
        for _ in 0..ROUNDS {
            for (rates, (_, strategy)) in rates.iter_mut().zip(&strategies) {
                rates.push(rate(strategy).await);
            }
        }
        let medians: Vec<f64> = rates.iter_mut().map(|rates| median(rates)).collect();
        println!("{:<24} {:>12} {:>8}", "strategy", "verify/s", "ratio");
        for ((name, _), median) in strategies.iter().zip(&medians) {
            println!("{name:<24} {median:>12.0} {:>8.2}", median / medians[0]);
        }
    });
}

fn store(url: &str, pool_size: usize) -> RedisStore {
    let settings = RedisSettings {
        topology: Topology::Single(RedisUrl::parse(url).unwrap()),
        credentials: Credentials::default(),
        key_prefix: KeyPrefix::parse("bench").unwrap(),
        subject: Subject::Phone,
        timeout: Duration::from_secs(2),
        pool_size,
        allow_unsafe: true,
        min_replicas_ack: 0,
        after_failover: AfterFailover::Accept,
    };
    RedisStore::new(&settings).unwrap()
}

/// Returns the verifications per second in one round.
async fn rate(strategy: &Strategy) -> f64 {
    let began = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let strategy = strategy.clone();
            tokio::spawn(async move {
                let phone = PhoneNumber::parse(&format!("155512{task:05}")).unwrap();
                let ring = KeyRing::new(OtpSecret::new(vec![7; 32]).unwrap(), Vec::new());
                let mut limits = Limits::default();
                limits.set(LimitKind::named("failures_per_phone").unwrap(), "15/24h".parse().ok());
                let policy = Policy {
                    code_length: CodeLength::new(6).unwrap(),
                    code_lifetime: Duration::from_mins(5),
                    linger: Duration::from_mins(10),
                    max_attempts: 3,
                    max_sends: 3,
                    resend_cooldown: Duration::from_secs(30),
                    limits,
                    send_time: Duration::from_secs(15),
                    events: whatsapp_otp::otp::EventTypes::default(),
                };
                let mut made = 0_u32;
                while began.elapsed() < ROUND {
                    strategy.verify(&phone, &ring, &policy).await;
                    made += 1;
                }
                made
            })
        })
        .collect();
    let mut total = 0;
    for task in tasks {
        total += task.await.unwrap();
    }
    f64::from(total) / began.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
