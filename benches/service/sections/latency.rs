//! The latency of wrong guesses at given rates, and the effect of HAProxy and a second instance.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::figures::{Bound, Goal, Rounds, Table, figure};
use crate::floor::Floor;
use crate::haproxy;
use crate::load::{self, CONNECTIONS, Pace};
use crate::process::Process;
use crate::report::{Report, Scale};
use crate::sections::throughput::codes_for;
use crate::stage::{PROGRAM, Redis, Service, WORKER_THREADS, WhatsApp, floor};
use crate::workload::{Seeder, WrongGuesses, in_turns};

/// The loads, as fractions of the bare handler's maximum.
const LOADS: [f64; 5] = [0.1, 0.25, 0.5, 0.65, 0.8];
/// The load at which the target is.
const HALF: f64 = 0.5;
/// The factor by which it is measured more often: a stall of the machine distorts a 99th percentile.
const OFTENER: usize = 4;
const QUANTILES: [f64; 3] = [0.5, 0.99, 0.999];

/// The setting of docker-compose.yml, where instances share a machine with each other, HAProxy and Redis as well.
const ONE_THREAD: &[(&str, &str)] = &[(WORKER_THREADS, "1")];
/// The number of rows with figures at each load.
const AT_LOADS: usize = 4;

/// A server that answers guesses.
struct Row {
    name: &'static str,
    address: SocketAddr,
    saturation: Rounds,
    /// For each load, the rate of answers in time and the quantiles.
    loads: [(Rounds, [Rounds; 3]); LOADS.len()],
}

impl Row {
    fn new(name: &'static str, address: SocketAddr) -> Self {
        Self { name, address, saturation: Rounds::default(), loads: Default::default() }
    }
}

pub fn measure(scale: Scale, report: &mut Report) {
    let whatsapp = Arc::new(WhatsApp::start());
    let redis = Redis::start("redis", false);
    let seeder = Seeder::new(&redis, &whatsapp);
    let (bare, bare_address) = floor(Floor::Script, &redis, &whatsapp);
    let service = Service::start("service", &redis, &whatsapp);
    let narrow = ["service-1", "service-2"]
        .map(|name| Service::start_program(Path::new(PROGRAM), name, &redis, &whatsapp, ONE_THREAD));
    let (haproxy_1, one_narrow) = haproxy::start("haproxy-1", &[&narrow[0]]);
    let (haproxy_2, two_narrow) = haproxy::start("haproxy-2", &[&narrow[0], &narrow[1]]);
    let (haproxy, one) = haproxy::start("haproxy", &[&service]);
    let services = [&service, &narrow[0], &narrow[1]].map(|service| &service.process);
    let logs: Vec<&Process> = services.into_iter().chain([&bare, &haproxy_1, &haproxy_2, &haproxy]).collect();

    let mut rows = [
        Row::new("bare handler", bare_address),
        Row::new("**one instance**", service.address),
        Row::new("one of one thread behind HAProxy", one_narrow),
        Row::new("two of one thread each behind HAProxy", two_narrow),
        Row::new("one of a thread for each core behind HAProxy", one),
    ];
    let time = scale.time;
    let guess_at = |row: &Row, codes: Range<u64>, pace: Pace, time: Duration| {
        let outcome = load::run(row.address, pace, time, WrongGuesses { codes });
        for process in &logs {
            process.forget_log();
        }
        outcome
    };
    let guesses = |row: &Row, pace: Pace, time: Duration| {
        let codes = 0..codes_for(time);
        redis.empty();
        seeder.codes(codes.clone());
        guess_at(row, codes, pace, time)
    };
    let halves = scale.in_halves();
    for round in 0..=halves.rounds {
        // In both orders, alternating.
        for place in 0..rows.len() {
            let row = if round % 2 == 0 { place } else { rows.len() - 1 - place };
            let rate = guesses(&rows[row], Pace::Closed { connections: CONNECTIONS }, halves.time).rate();
            // The first one warms up.
            if round > 0 {
                rows[row].saturation.push(rate);
            }
        }
    }
    let saturation = rows[0].saturation.median();
    for _ in 0..scale.rounds {
        for (index, load) in LOADS.iter().enumerate() {
            for row in &mut rows[..AT_LOADS] {
                let outcome = guesses(row, Pace::Open { per_second: load * saturation }, time);
                let (answered, quantiles) = &mut row.loads[index];
                answered.push(outcome.done as f64 / time.as_secs_f64());
                for (rounds, quantile) in quantiles.iter_mut().zip(QUANTILES) {
                    rounds.push(outcome.quantile_ms(quantile));
                }
            }
        }
    }
    let mut p99_at_half = [Rounds::default(), Rounds::default()];
    for turn in 0..OFTENER * scale.rounds {
        let codes = codes_for(halves.time);
        redis.empty();
        seeder.codes(0..2 * codes);
        for (who, codes) in in_turns(turn, codes) {
            let outcome = guess_at(&rows[who], codes, Pace::Open { per_second: HALF * saturation }, halves.time);
            p99_at_half[who].push(outcome.quantile_ms(0.99));
        }
    }

    let mut table =
        Table::new("Wrong guesses at full speed", &["", "per second", "of one instance", "of one of one thread"]);
    for row in &rows {
        let ratios = [1, 2].map(|other: usize| figure(row.saturation.over(&rows[other].saturation)));
        table.row([row.name.to_owned(), figure(row.saturation.median())].into_iter().chain(ratios));
    }
    report.table(&table);
    let loads: Vec<_> = LOADS.iter().map(|load| format!("{:.0}/s", load * saturation)).collect();
    let head: Vec<_> = std::iter::once("p50 / p99 / p99.9 in ms at").chain(loads.iter().map(String::as_str)).collect();
    let mut table = Table::new("Latency against offered load, from when a request was due", &head);
    for row in &rows[..AT_LOADS] {
        let cells = row.loads.iter().zip(LOADS).map(|((answered, quantiles), load)| {
            let text = quantiles.each_ref().map(|rounds| figure(rounds.median())).join(" / ");
            // Less than the offered load: the server is saturated.
            let kept = answered.median() >= 0.98 * load * saturation;
            if kept { text } else { format!("{text} ({}/s)", figure(answered.median())) }
        });
        table.row(std::iter::once(row.name.to_owned()).chain(cells));
    }
    report.table(&table);
    let [bare_p99, p99] = p99_at_half;
    report.say(&format!(
        "p99 at {:.0}/s, {} times one right after the other: {} ms and {} ms, {} of it.\n",
        HALF * saturation,
        OFTENER * scale.rounds,
        figure(bare_p99.median()),
        figure(p99.median()),
        figure(p99.over(&bare_p99)),
    ));
    report.goal(Goal::new("p99 at half the bare handler's most, of its p99", Bound::AtMost(1.5), p99.over(&bare_p99)));
    for (what, one) in [("two instances behind HAProxy, of one such", 2), ("the same, of one with as many threads", 4)]
    {
        let ratio = rows[3].saturation.over(&rows[one].saturation);
        report.goal(Goal::new(what, Bound::AtLeast(1.0), ratio));
    }
}
