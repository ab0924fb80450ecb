//! What else could be done with the same program: how it is run decides about all of these.

use std::sync::Arc;

use crate::figures::{Rounds, Table, figure};
use crate::load::{self, CONNECTIONS, Pace};
use crate::report::{Report, Scale};
use crate::sections::throughput::codes_for;
use crate::stage::{Redis, Service, WhatsApp};
use crate::workload::{Seeder, WrongGuesses};

const POOL: &str = "WHATSAPP_OTP__REDIS__POOL_SIZE";
const WORKERS: &str = "TOKIO_WORKER_THREADS";
const PRELOAD: &str = "LD_PRELOAD";
const VARIANTS: [(&str, &[(&str, &str)]); 8] = [
    ("as it is: 1 connection, 2 workers, glibc's allocator, log at info", &[]),
    ("2 connections to Redis", &[(POOL, "2")]),
    ("4 connections to Redis", &[(POOL, "4")]),
    ("1 worker thread", &[(WORKERS, "1")]),
    ("4 worker threads", &[(WORKERS, "4")]),
    ("jemalloc (Debian's libjemalloc2, preloaded)", &[(PRELOAD, "libjemalloc.so.2")]),
    ("mimalloc (Debian's libmimalloc2.0, preloaded)", &[(PRELOAD, "libmimalloc.so.2")]),
    ("no request log", &[("WHATSAPP_OTP__LOG__LEVEL", "warn")]),
];

pub fn measure(scale: Scale, report: &mut Report) {
    let whatsapp = Arc::new(WhatsApp::start());
    let redis = Redis::start("redis", false);
    let seeder = Seeder::new(&redis, &whatsapp);
    let services = VARIANTS.map(|(_, more)| Service::start_with("service", &redis, &whatsapp, more));
    let mut rows = VARIANTS.map(|_| [const { Vec::<f64>::new() }; 4].map(|_| Rounds::default()));
    for round in 0..=scale.rounds {
        for (service, figures) in services.iter().zip(&mut rows) {
            let codes = 0..codes_for(scale.time);
            redis.empty();
            seeder.codes(codes.clone());
            let before = service.process.cpu();
            let pace = Pace::Closed { connections: CONNECTIONS };
            let outcome = load::run(service.address, pace, scale.time, WrongGuesses { codes });
            let used = service.process.cpu() - before;
            service.process.forget_log();
            if round > 0 {
                figures[0].push(outcome.rate());
                figures[1].push(outcome.quantile_ms(0.99));
                figures[2].push(used.as_secs_f64() * 1e6 / outcome.done as f64);
                figures[3].push(service.process.resident());
            }
        }
    }
    let head = ["verify wrong", "per second", "of as it is", "p99 ms", "instance, µs", "MiB"];
    let mut table = Table::new("Alternatives, 64 connections", &head);
    for ((name, _), figures) in VARIANTS.iter().zip(&rows) {
        let ratio = figures[0].over(&rows[0][0]);
        let [rate, p99, cpu, resident] = figures.each_ref().map(|rounds| figure(rounds.median()));
        table.row([(*name).to_owned(), rate, figure(ratio), p99, cpu, resident]);
    }
    report.table(&table);
}
