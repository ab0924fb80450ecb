//! The cost of more codes, more connections and more guesses for one phone.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::figures::{Bound, Goal, Rounds, Table, figure};
use crate::load::{self, CONNECTIONS, Pace};
use crate::report::{Report, Scale};
use crate::sections::throughput::codes_for;
use crate::stage::{Redis, Service, WhatsApp};
use crate::workload::{HotPhone, Seeder, WrongGuesses};

/// The number of codes over which the bytes of one are averaged.
const WEIGHED: u64 = 100_000;
const FEW_CODES: u64 = 1_000;
const CONNECTION_COUNTS: [usize; 4] = [1, 64, 1_000, 10_000];

pub fn measure(scale: Scale, report: &mut Report) {
    let whatsapp = Arc::new(WhatsApp::start());
    live_codes(scale, &whatsapp, report);
    bytes_per_code(&whatsapp, report);
    connections(scale, &whatsapp, report);
    one_phone_or_many(scale, &whatsapp, report);
}

/// A Redis with this many live codes, and an instance on it.
struct Population {
    size: u64,
    redis: Redis,
    seeder: Seeder,
    service: Service,
    rate: Rounds,
    resident: Rounds,
    /// Codes without attempts left.
    used: u64,
}

impl Population {
    fn new(size: u64, whatsapp: &WhatsApp) -> Self {
        let redis = Redis::start(&format!("redis-{size}"), false);
        let seeder = Seeder::new(&redis, whatsapp);
        let service = Service::start(&format!("service-{size}"), &redis, whatsapp);
        seeder.codes(0..size);
        Self { size, redis, seeder, service, rate: Rounds::default(), resident: Rounds::default(), used: 0 }
    }

    /// Makes wrong guesses for about this long, three for each code. Few codes are soon used up, and stored again.
    fn guess(&mut self, time: Duration) -> f64 {
        let (mut done, mut elapsed) = (0, Duration::ZERO);
        let slice = codes_for(time).min(self.size);
        let began = Instant::now();
        while elapsed < time && began.elapsed() < 4 * time {
            if self.used + slice > self.size {
                self.redis.empty();
                self.seeder.codes(0..self.size);
                self.used = 0;
            }
            let codes = self.used..self.used + slice;
            self.used = codes.end;
            let pace = Pace::Closed { connections: CONNECTIONS };
            let outcome = load::run(self.service.address, pace, time - elapsed, WrongGuesses { codes });
            done += outcome.done;
            elapsed += outcome.elapsed;
        }
        self.service.process.forget_log();
        done as f64 / elapsed.as_secs_f64()
    }
}

fn live_codes(scale: Scale, whatsapp: &WhatsApp, report: &mut Report) {
    let mut populations = [FEW_CODES, 100_000, scale.most_codes].map(|size| Population::new(size, whatsapp));
    for round in 0..=scale.rounds {
        for population in &mut populations {
            let rate = population.guess(scale.time);
            if round > 0 {
                population.rate.push(rate);
                population.resident.push(population.service.process.resident());
            }
        }
    }
    let mut table =
        Table::new("Live codes in Redis: verify wrong", &["codes", "per second", "of 1000 codes", "instance, MiB"]);
    let [few, .., most] = &populations;
    for population in &populations {
        let figures = [population.rate.median(), population.rate.over(&few.rate), population.resident.median()];
        table.row(std::iter::once(population.size.to_string()).chain(figures.map(figure)));
    }
    report.table(&table);
    let what = format!("verify wrong with {} live codes, of that with {FEW_CODES}", most.size);
    report.goal(Goal::new(what, Bound::AtLeast(0.9), most.rate.over(&few.rate)));
    let what = format!("memory of an instance with {} live codes, of that with {FEW_CODES}", most.size);
    report.goal(Goal::new(what, Bound::AtMost(1.1), most.resident.over(&few.resident)));
}

/// The bytes of a code in Redis, after it was sent and after a wrong guess.
fn bytes_per_code(whatsapp: &WhatsApp, report: &mut Report) {
    let redis = Redis::start("redis-bytes", false);
    let seeder = Seeder::new(&redis, whatsapp);
    seeder.codes(0..1);
    seeder.wrong_guesses(0..1);
    redis.empty();
    let used = || redis.info("memory", "used_memory");
    let empty = used();
    seeder.codes(0..WEIGHED);
    let sent = (used() - empty) / WEIGHED as f64;
    seeder.wrong_guesses(0..WEIGHED);
    let guessed = (used() - empty) / WEIGHED as f64;
    let mut table = Table::new(format!("Bytes in Redis for each of {WEIGHED} live codes"), &["key", "bytes"]);
    let keys =
        ["{15554000000}:verification:default", "{15554000000}:sends", "{15554000000}:failures", "{ip:10.0.0.0}:sends"];
    for (key, sharers) in keys.into_iter().zip([1, 1, 1, 10]) {
        let usage = redis::cmd("MEMORY").arg("USAGE").arg(format!("otp:v2:{key}")).query(&mut redis.connection());
        let usage: u64 = usage.unwrap_or_default();
        let name = if sharers > 1 { format!("`{key}`, a {sharers}th of {usage}") } else { format!("`{key}`") };
        table.row([name, figure(usage as f64 / f64::from(sharers))]);
    }
    table.row(["all, after the code was sent, with the tables that hold the keys".to_owned(), figure(sent)]);
    table.row(["all, after a wrong guess".to_owned(), figure(guessed)]);
    report.table(&table);
    report.goal(Goal::new("bytes in Redis per live code, sends counted", Bound::AtMost(400.0), sent));
    report.goal(Goal::new(
        "bytes in Redis per live code, sends and a wrong guess counted",
        Bound::AtMost(400.0),
        guessed,
    ));
}

fn connections(scale: Scale, whatsapp: &WhatsApp, report: &mut Report) {
    let redis = Redis::start("redis", false);
    let seeder = Seeder::new(&redis, whatsapp);
    let mut table = Table::new(
        "Open connections, 64 of them busy with wrong guesses (of 1: that one)",
        &["connections", "per second", "p50 ms", "p99 ms", "instance, MiB, all idle", "MiB, busy"],
    );
    // An instance for each number, as used memory is not fully released.
    let mut rows = CONNECTION_COUNTS.map(|count| {
        let service = Service::start(&format!("service-{count}"), &redis, whatsapp);
        (count, service, [(); 5].map(|()| Rounds::default()))
    });
    for round in 0..=scale.rounds {
        for (count, service, figures) in &mut rows {
            let codes = 0..codes_for(scale.time);
            redis.empty();
            seeder.codes(codes.clone());
            // Opened now, as the instance closes idle connections.
            let mut open = idle_connections(service, *count);
            let idle = service.process.resident();
            // These make room for the busy ones.
            let busy = (*count).min(CONNECTIONS);
            open.truncate(*count - busy);
            let pace = Pace::Closed { connections: busy };
            let outcome = load::run(service.address, pace, scale.time, WrongGuesses { codes });
            let resident = service.process.resident();
            assert!(open.iter().all(is_open), "the instance closed connections before the end");
            drop(open);
            service.process.forget_log();
            if round > 0 {
                figures[0].push(outcome.rate());
                figures[1].push(outcome.quantile_ms(0.5));
                figures[2].push(outcome.quantile_ms(0.99));
                figures[3].push(idle);
                figures[4].push(resident);
            }
        }
    }
    for (count, .., figures) in &rows {
        table.row(std::iter::once(count.to_string()).chain(figures.each_ref().map(|rounds| figure(rounds.median()))));
    }
    report.table(&table);
    let (.., figures) = &rows[3];
    report.goal(Goal::new("MiB resident with 10,000 open idle connections", Bound::AtMost(200.0), figures[3].median()));
}

/// Opens idle connections, each after one request.
fn idle_connections(service: &Service, count: usize) -> Vec<TcpStream> {
    use std::io::{Read, Write};
    let open = |_| {
        let mut stream = TcpStream::connect(service.address).expect("a connection");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n").unwrap();
        let mut answer = [0; 1024];
        assert!(stream.read(&mut answer).unwrap() > 0);
        stream
    };
    (0..count).map(open).collect()
}

/// Returns `true` if the peer has not closed it.
fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    matches!(stream.peek(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

fn one_phone_or_many(scale: Scale, whatsapp: &WhatsApp, report: &mut Report) {
    let redis = Redis::start("redis", false);
    let seeder = Seeder::new(&redis, whatsapp);
    let service = Service::start("service", &redis, whatsapp);
    let (mut one, mut many) = (Rounds::default(), Rounds::default());
    let pace = Pace::Closed { connections: CONNECTIONS };
    let take = |rounds: &mut Rounds, outcome: load::Outcome| {
        service.process.forget_log();
        rounds.push(outcome.rate());
    };
    for _ in 0..scale.rounds {
        let codes = 0..codes_for(scale.time);
        redis.empty();
        seeder.codes(codes.clone());
        take(&mut one, load::run(service.address, pace, scale.time, HotPhone { phone: 0 }));
        take(&mut many, load::run(service.address, pace, scale.time, WrongGuesses { codes: 1..codes.end }));
    }
    let mut table = Table::new("Wrong guesses for one phone or for many", &["", "per second", "of many"]);
    table.row(["many phones, each guess compared".to_owned(), figure(many.median()), figure(1.0)]);
    table.row(["one phone, locked after three".to_owned(), figure(one.median()), figure(one.over(&many))]);
    report.table(&table);
}
