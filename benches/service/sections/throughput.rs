//! Each kind of request as fast as it goes over 64 connections, beside what bounds it.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::figures::{Bound, Goal, Rounds, Table, figure};
use crate::floor::{Floor, VERIFY};
use crate::load::{self, CONNECTIONS, Outcome, Pace, Work};
use crate::process::{Process, own_cpu};
use crate::report::{Report, Scale};
use crate::stage::{Redis, Service, WhatsApp, floor};
use crate::workload::{Hello, Pairs, Seeder, Sends, UnknownPhones, WrongGuesses, first_phone};

/// More than any machine of two cores settles, three guesses for each.
pub const CODES_PER_SECOND: f64 = 40_000.0;
/// Keys that redis-benchmark picks from.
const BENCHMARK_KEYS: u64 = 100_000;

/// One row: what was measured of it in each round.
#[derive(Default)]
struct Row {
    name: &'static str,
    rate: Rounds,
    p50: Rounds,
    p99: Rounds,
    server_us: Rounds,
    redis_us: Rounds,
    client_us: Rounds,
}

impl Row {
    fn named(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// Runs the work at this server for a while.
    fn take(&mut self, at: (&Process, std::net::SocketAddr), redis: &Redis, time: Duration, work: impl Work) -> u64 {
        let (server, address) = at;
        let before = (server.cpu(), redis.process.cpu(), own_cpu());
        let outcome: Outcome = load::run(address, Pace::Closed { connections: CONNECTIONS }, time, work);
        let used = [server.cpu() - before.0, redis.process.cpu() - before.1, own_cpu() - before.2];
        let [server_us, redis_us, client_us] = used.map(|used| used.as_secs_f64() * 1e6 / outcome.done as f64);
        self.rate.push(outcome.rate());
        self.p50.push(outcome.quantile_ms(0.5));
        self.p99.push(outcome.quantile_ms(0.99));
        self.server_us.push(server_us);
        self.redis_us.push(redis_us);
        self.client_us.push(client_us);
        server.forget_log();
        outcome.done
    }
}

/// How many live codes wrong guesses for so long need.
pub fn codes_for(time: Duration) -> u64 {
    (time.as_secs_f64() * CODES_PER_SECOND) as u64
}

pub fn measure(scale: Scale, report: &mut Report) {
    let whatsapp = Arc::new(WhatsApp::start());
    let (redis, redis_aof) = (Redis::start("redis", false), Redis::start("redis-aof", true));
    let (seeder, seeder_aof) = (Seeder::new(&redis, &whatsapp), Seeder::new(&redis_aof, &whatsapp));
    let service = Service::start("service", &redis, &whatsapp);
    let service_aof = Service::start("service-aof", &redis_aof, &whatsapp);
    let (hello_process, hello_address) = floor(Floor::Hello, &redis, &whatsapp);
    let (bare_process, bare_address) = floor(Floor::Script, &redis, &whatsapp);
    let hello_at = (&hello_process, hello_address);
    let bare_at = (&bare_process, bare_address);
    let service_at = (&service.process, service.address);

    let mut hello = Row::named("axum hello");
    let mut bare = Row::named("bare handler, verify script");
    let mut wrong = Row::named("**verify wrong**");
    let mut wrong_aof = Row::named("verify wrong, `appendonly everysec`");
    let mut absent = Row::named("unknown phone");
    let mut bare_send = Row::named("bare handler, reserve script and WhatsApp");
    let mut send = Row::named("**send**");
    let mut bare_pairs = Row::named("bare handler, send then verify");
    let mut pairs = Row::named("**verify right**: send then verify");
    let (mut raw, mut raw_16) = (Rounds::default(), Rounds::default());
    let (mut scripts_per_pair, mut scripts) = (Rounds::default(), f64::NAN);

    let (time, codes) = (scale.time, 0..codes_for(scale.time));
    for round in 0..=scale.rounds {
        if round == 1 {
            // What went before only warmed up.
            for row in [
                &mut hello,
                &mut bare,
                &mut wrong,
                &mut wrong_aof,
                &mut absent,
                &mut bare_send,
                &mut send,
                &mut bare_pairs,
                &mut pairs,
            ] {
                *row = Row::named(row.name);
            }
            (raw, raw_16, scripts_per_pair) = Default::default();
        }
        hello.take(hello_at, &redis, time, Hello);
        for (row, at) in [(&mut bare, bare_at), (&mut wrong, service_at)] {
            redis.empty();
            seeder.codes(codes.clone());
            row.take(at, &redis, time, WrongGuesses { codes: codes.clone() });
        }
        absent.take(service_at, &redis, time, UnknownPhones);
        redis_aof.empty();
        seeder_aof.codes(codes.clone());
        wrong_aof.take(
            (&service_aof.process, service_aof.address),
            &redis_aof,
            time,
            WrongGuesses { codes: codes.clone() },
        );
        for (row, at) in [(&mut bare_send, bare_at), (&mut send, service_at)] {
            redis.empty();
            row.take(at, &redis, time, Sends);
        }
        for (row, at, inbox) in
            [(&mut bare_pairs, bare_at, None), (&mut pairs, service_at, Some(Arc::clone(&whatsapp)))]
        {
            redis.empty();
            redis.forget_commands();
            let done = row.take(at, &redis, time, Pairs { inbox });
            scripts = redis.scripts() as f64 / done as f64;
        }
        scripts_per_pair.push(scripts);
        redis.empty();
        seeder.codes(0..1);
        for (rounds, pipeline) in [(&mut raw, 1), (&mut raw_16, 16)] {
            rounds.push(redis_benchmark(&redis, pipeline, time));
        }
    }

    let mut table = Table::new(
        "Throughput, 64 connections, as fast as it goes",
        &["", "per second", "of hello", "of bare verify", "p50 ms", "p99 ms", "server µs", "Redis µs", "client µs"],
    );
    for row in [&hello, &bare, &wrong, &absent, &wrong_aof, &bare_send, &send, &bare_pairs, &pairs] {
        let ratios = [row.rate.over(&hello.rate), row.rate.over(&bare.rate)].map(figure);
        let rest =
            [&row.p50, &row.p99, &row.server_us, &row.redis_us, &row.client_us].map(|rounds| figure(rounds.median()));
        table.row([row.name.to_owned(), figure(row.rate.median())].into_iter().chain(ratios).chain(rest));
    }
    for (name, rounds) in [("redis-benchmark, the same script", &raw), ("redis-benchmark, 16 in a pipeline", &raw_16)] {
        let ratios = [rounds.over(&hello.rate), rounds.over(&bare.rate)].map(figure);
        table.row([name.to_owned(), figure(rounds.median())].into_iter().chain(ratios));
    }
    report.table(&table);

    let mut goal = |what: &str, bound, reached| report.goal(Goal::new(what, bound, reached));
    goal("verify wrong, of the bare handler", Bound::AtLeast(0.80), wrong.rate.over(&bare.rate));
    goal("verify wrong, of axum hello", Bound::AtLeast(0.40), wrong.rate.over(&hello.rate));
    goal("scripts in Redis for a code sent and verified", Bound::AtMost(3.0), scripts_per_pair.median());
    goal(
        "verify right, of the bare handler for as many scripts, with the call to WhatsApp",
        Bound::AtLeast(0.70),
        pairs.rate.over(&bare_pairs.rate),
    );
    goal(
        "verify right, of the bare handler for as many scripts, without the call",
        Bound::AtLeast(0.70),
        2.0 * pairs.rate.over(&bare.rate),
    );
}

/// Runs the script from redis-benchmark: calls a second.
fn redis_benchmark(redis: &Redis, pipeline: u32, time: Duration) -> f64 {
    let mut connection = redis.connection();
    // It draws the numbers in keys itself, twelve digits each, so the records are made to fit.
    let record = format!("otp:v1:{{{}}}:code", first_phone());
    let record_fields = ["max_attempts", "100"];
    redis::cmd("HSET").arg(&record).arg(&record_fields).exec(&mut connection).unwrap();
    let secret_id: String = redis::cmd("HGET").arg(&record).arg("secret_id").query(&mut connection).unwrap();
    for chunk in (0..BENCHMARK_KEYS).collect::<Vec<_>>().chunks(1_000) {
        let mut copies = redis::pipe();
        for number in chunk {
            copies.cmd("COPY").arg(&record).arg(format!("otp:v1:{{{number:012}}}:code")).arg("REPLACE").ignore();
            copies.cmd("DEL").arg(format!("otp:v1:{{{number:012}}}:failures")).ignore();
        }
        copies.exec(&mut connection).unwrap();
    }
    let sha: String = redis::cmd("SCRIPT").arg("LOAD").arg(VERIFY).query(&mut connection).unwrap();
    let calls = (time.as_secs_f64() * if pipeline == 1 { 60_000.0 } else { 120_000.0 }) as u64;
    let mut command = Command::new("redis-benchmark");
    command.args(["-h", "127.0.0.1", "-p", &redis.address.port().to_string(), "--csv"]);
    command.args(["-c", &CONNECTIONS.to_string(), "-P", &pipeline.to_string(), "-n", &calls.to_string()]);
    command.args(["-r", &BENCHMARK_KEYS.to_string(), "evalsha", &sha, "2"]);
    command.args(["otp:v1:{__rand_int__}:code", "otp:v1:{__rand_int__}:failures"]);
    command.args(["15", "86400000", &secret_id, &"0".repeat(64)]);
    let output = command.output().expect("redis-benchmark");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
    let figures: Vec<_> = text.lines().last().unwrap_or_default().split("\",\"").collect();
    figures.len().checked_sub(7).and_then(|rate| figures[rate].parse().ok()).unwrap_or_else(|| panic!("{text}"))
}
