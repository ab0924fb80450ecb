//! Each kind of request at full speed over 64 connections, beside its floor.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::figures::{Bound, Goal, Rounds, Table, figure};
use crate::floor::{CHECK, Floor};
use crate::load::{self, CONNECTIONS, Pace, Work};
use crate::process::{Process, own_cpu};
use crate::report::{Report, Scale};
use crate::stage::{Redis, Service, WhatsApp, floor};
use crate::workload::{Hello, Pairs, Seeder, Sends, UnknownPhones, WrongChecks, WrongGuesses, first_phone, in_turns};

/// More than a machine of two cores uses up, with three guesses for each.
pub const CODES_PER_SECOND: f64 = 40_000.0;
/// The number of keys that redis-benchmark chooses from.
const BENCHMARK_KEYS: u64 = 100_000;

/// A row's measurements in each round.
#[derive(Default)]
struct Row {
    rate: Rounds,
    p50: Rounds,
    p99: Rounds,
    server_us: Rounds,
    redis_us: Rounds,
    client_us: Rounds,
}

impl Row {
    /// Runs the work against this server for a while.
    fn take(&mut self, at: (&Process, SocketAddr), redis: &Redis, time: Duration, work: impl Work) -> u64 {
        let (server, address) = at;
        let before = (server.cpu(), redis.process.cpu(), own_cpu());
        let outcome = load::run(address, Pace::Closed { connections: CONNECTIONS }, time, work);
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

/// The number of live codes that wrong guesses for this long need.
pub fn codes_for(time: Duration) -> u64 {
    (time.as_secs_f64() * CODES_PER_SECOND) as u64
}

/// All rows.
#[derive(Default)]
struct Rows {
    hello: Row,
    bare: Row,
    wrong: Row,
    bare_check: Row,
    check: Row,
    absent: Row,
    wrong_append_only: Row,
    bare_send: Row,
    send: Row,
    bare_scripts: Row,
    bare_pairs: Row,
    pairs: Row,
    raw: Rounds,
    raw_pipelined: Rounds,
    /// Scripts that Redis ran for each pair.
    scripts: Rounds,
}

/// The servers.
struct Stage {
    whatsapp: Arc<WhatsApp>,
    redis: Redis,
    append_only: Redis,
    seeder: Seeder,
    append_only_seeder: Seeder,
    service: Service,
    append_only_service: Service,
    hello: (Process, SocketAddr),
    bare: (Process, SocketAddr),
}

impl Stage {
    fn set() -> Self {
        let whatsapp = Arc::new(WhatsApp::start());
        let (redis, append_only) = (Redis::start("redis", false), Redis::start("redis-append-only", true));
        Self {
            seeder: Seeder::new(&redis, &whatsapp),
            append_only_seeder: Seeder::new(&append_only, &whatsapp),
            service: Service::start("service", &redis, &whatsapp),
            append_only_service: Service::start("service-append-only", &append_only, &whatsapp),
            hello: floor(Floor::Hello, &redis, &whatsapp),
            bare: floor(Floor::Script, &redis, &whatsapp),
            whatsapp,
            redis,
            append_only,
        }
    }

    /// Measures each thing once.
    fn round(&self, round: usize, time: Duration, rows: &mut Rows) {
        let codes = codes_for(time);
        let service = (&self.service.process, self.service.address);
        let bare = (&self.bare.0, self.bare.1);
        rows.hello.take((&self.hello.0, self.hello.1), &self.redis, time, Hello);
        self.redis.empty();
        self.seeder.codes(0..2 * codes);
        let mut sides = [(&mut rows.bare, bare), (&mut rows.wrong, service)];
        for (who, codes) in in_turns(round, codes) {
            let (row, at) = &mut sides[who];
            row.take(*at, &self.redis, time, WrongGuesses { codes });
        }
        self.redis.empty();
        let ids = self.seeder.codes(0..2 * codes);
        for (row, at, is_bare) in [(&mut rows.bare_check, bare, true), (&mut rows.check, service, false)] {
            let half = if is_bare { &ids[..ids.len() / 2] } else { &ids[ids.len() / 2..] };
            let first = if is_bare { 0 } else { codes };
            row.take(at, &self.redis, time, WrongChecks { ids: half.to_vec(), first, is_bare });
        }
        rows.absent.take(service, &self.redis, time, UnknownPhones);
        self.append_only.empty();
        self.append_only_seeder.codes(0..codes);
        let at = (&self.append_only_service.process, self.append_only_service.address);
        rows.wrong_append_only.take(at, &self.append_only, time, WrongGuesses { codes: 0..codes });
        for (row, at) in [(&mut rows.bare_send, bare), (&mut rows.send, service)] {
            self.redis.empty();
            row.take(at, &self.redis, time, Sends);
        }
        self.redis.empty();
        rows.bare_scripts.take(bare, &self.redis, time, Pairs::BareScripts);
        self.redis.empty();
        rows.bare_pairs.take(bare, &self.redis, time, Pairs::Bare);
        self.redis.empty();
        self.redis.forget_commands();
        let done = rows.pairs.take(service, &self.redis, time, Pairs::Service(Arc::clone(&self.whatsapp)));
        rows.scripts.push(self.redis.scripts() as f64 / done as f64);
        self.redis.empty();
        self.seeder.codes(0..1);
        rows.raw.push(redis_benchmark(&self.redis, 1, time));
        rows.raw_pipelined.push(redis_benchmark(&self.redis, 16, time));
    }
}

pub fn measure(scale: Scale, report: &mut Report) {
    let Scale { rounds, time, .. } = scale.in_halves();
    let stage = Stage::set();
    // To warm up.
    stage.round(0, time, &mut Rows::default());
    let mut rows = Rows::default();
    for round in 0..rounds {
        stage.round(round, time, &mut rows);
    }
    report.table(&table(&rows));

    let Rows {
        hello, bare, wrong, bare_check, check, bare_send, send, bare_scripts, bare_pairs, pairs, scripts, ..
    } = &rows;
    let mut goal = |what: &str, bound, reached| report.goal(Goal::new(what, bound, reached));
    goal("verify wrong, of the bare handler", Bound::AtLeast(0.80), wrong.rate.over(&bare.rate));
    goal("check wrong on /v1, of the bare handler", Bound::AtLeast(0.75), check.rate.over(&bare_check.rate));
    goal("verify wrong, of axum hello", Bound::AtLeast(0.40), wrong.rate.over(&hello.rate));
    goal("scripts in Redis for a code sent and verified", Bound::AtMost(3.0), scripts.median());
    let at_least = Bound::AtLeast(0.70);
    goal("verify right, of the bare handler for two verify scripts", at_least, 2.0 * pairs.rate.over(&bare.rate));
    goal("verify right, of the bare handler for the same two scripts", at_least, pairs.rate.over(&bare_scripts.rate));
    goal("verify right, of the bare handler that calls WhatsApp too", at_least, pairs.rate.over(&bare_pairs.rate));
    report.say(&format!("Send: {} of the bare handler's.\n", figure(send.rate.over(&bare_send.rate))));
}

fn table(rows: &Rows) -> Table {
    let Rows {
        hello,
        bare,
        wrong,
        bare_check,
        check,
        absent,
        wrong_append_only,
        bare_send,
        send,
        bare_scripts,
        bare_pairs,
        pairs,
        ..
    } = rows;
    let head =
        ["", "per second", "of hello", "of bare verify", "p50 ms", "p99 ms", "server µs", "Redis µs", "client µs"];
    let mut table = Table::new("Throughput, 64 connections, at full speed", &head);
    for (name, row) in [
        ("axum hello", hello),
        ("bare handler, find and check scripts", bare),
        ("**verify wrong**", wrong),
        ("bare handler, check script alone", bare_check),
        ("**check wrong on `/v1`**", check),
        ("**unknown phone**", absent),
        ("verify wrong, `appendonly everysec`", wrong_append_only),
        ("bare handler, create script and WhatsApp", bare_send),
        ("**send**", send),
        ("bare handler, the scripts without WhatsApp", bare_scripts),
        ("bare handler, send then verify", bare_pairs),
        ("**verify right**: send then verify", pairs),
    ] {
        let ratios = [row.rate.over(&hello.rate), row.rate.over(&bare.rate)].map(figure);
        let times = [&row.p50, &row.p99, &row.server_us, &row.redis_us, &row.client_us];
        let times = times.map(|rounds| figure(rounds.median()));
        table.row([name.to_owned(), figure(row.rate.median())].into_iter().chain(ratios).chain(times));
    }
    let raw = [("redis-benchmark, the check script", &rows.raw), ("the same, 16 in a pipeline", &rows.raw_pipelined)];
    for (name, rounds) in raw {
        let ratios = [rounds.over(&hello.rate), rounds.over(&bare.rate)].map(figure);
        let nothing = std::iter::repeat_n(String::new(), 5);
        table.row([name.to_owned(), figure(rounds.median())].into_iter().chain(ratios).chain(nothing));
    }
    table
}

/// Runs the script from redis-benchmark, and returns the calls per second.
fn redis_benchmark(redis: &Redis, pipeline: u32, time: Duration) -> f64 {
    let mut connection = redis.connection();
    // It generates the numbers in keys itself, with twelve digits, so the records are created to match.
    let record = format!("otp:v2:{{{}}}:verification:default", first_phone());
    let record_fields = ["max_attempts", "100"];
    redis::cmd("HSET").arg(&record).arg(&record_fields).exec(&mut connection).unwrap();
    let id: String = redis::cmd("HGET").arg(&record).arg("id").query(&mut connection).unwrap();
    for chunk in (0..BENCHMARK_KEYS).collect::<Vec<_>>().chunks(1_000) {
        let mut copies = redis::pipe();
        for number in chunk {
            copies
                .cmd("COPY")
                .arg(&record)
                .arg(format!("otp:v2:{{{number:012}}}:verification:default"))
                .arg("REPLACE")
                .ignore();
            copies.cmd("DEL").arg(format!("otp:v2:{{{number:012}}}:failures")).ignore();
        }
        copies.exec(&mut connection).unwrap();
    }
    let sha: String = redis::cmd("SCRIPT").arg("LOAD").arg(CHECK).query(&mut connection).unwrap();
    let calls = (time.as_secs_f64() * if pipeline == 1 { 60_000.0 } else { 120_000.0 }) as u64;
    let mut command = Command::new("redis-benchmark");
    command.args(["-h", "127.0.0.1", "-p", &redis.address.port().to_string(), "--csv"]);
    command.args(["-c", &CONNECTIONS.to_string(), "-P", &pipeline.to_string(), "-n", &calls.to_string()]);
    command.args(["-r", &BENCHMARK_KEYS.to_string(), "evalsha", &sha, "3"]);
    let names = ["verification:default", "failures", "guessers"];
    command.args(names.map(|name| format!("otp:v2:{{__rand_int__}}:{name}")));
    command.args(["0", "15", "86400000", "10", "", "15000", "", "", "", "", &id, &"0".repeat(64)]);
    let output = command.output().expect("redis-benchmark");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
    let figures: Vec<_> = text.lines().last().unwrap_or_default().split("\",\"").collect();
    figures.len().checked_sub(7).and_then(|rate| figures[rate].parse().ok()).unwrap_or_else(|| panic!("{text}"))
}
