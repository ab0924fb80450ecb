//! Alternative ways to run the same program.

use std::path::Path;
use std::sync::Arc;

use crate::figures::{Rounds, Table, figure};
use crate::load::{self, CONNECTIONS, Pace};
use crate::report::{Report, Scale};
use crate::sections::throughput::codes_for;
use crate::stage::{PROGRAM, Redis, Service, WORKER_THREADS, WhatsApp};
use crate::workload::{Seeder, WrongGuesses};

const POOL: &str = "WHATSAPP_OTP__REDIS__POOL_SIZE";

/// A way to run a program.
type Variant<'v> = (&'v str, &'v Path, &'v [(&'v str, &'v str)]);

/// `against` is another build of the service.
pub fn measure(scale: Scale, against: Option<&Path>, report: &mut Report) {
    let program = Path::new(PROGRAM);
    let mut variants: Vec<Variant> = vec![
        ("as it is: 1 connection to Redis, a worker thread for each core, log at info", program, &[]),
        ("2 connections to Redis", program, &[(POOL, "2")]),
        ("4 connections to Redis", program, &[(POOL, "4")]),
        ("1 worker thread", program, &[(WORKER_THREADS, "1")]),
        ("4 worker threads", program, &[(WORKER_THREADS, "4")]),
        ("no request log", program, &[("WHATSAPP_OTP__LOG__LEVEL", "warn")]),
    ];
    variants.extend(against.map(|other| ("the other build", other, [].as_slice())));

    let whatsapp = Arc::new(WhatsApp::start());
    let redis = Redis::start("redis", false);
    let seeder = Seeder::new(&redis, &whatsapp);
    let start = |(number, &(_, program, more)): (usize, &Variant)| {
        Service::start_program(program, &format!("service-{number}"), &redis, &whatsapp, more)
    };
    let services: Vec<_> = variants.iter().enumerate().map(start).collect();
    let mut rows = vec![[(); 4].map(|()| Rounds::default()); variants.len()];
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
    for ((name, ..), figures) in variants.iter().zip(&rows) {
        let ratio = figures[0].over(&rows[0][0]);
        let [rate, p99, cpu, resident] = figures.each_ref().map(|rounds| figure(rounds.median()));
        table.row([(*name).to_owned(), rate, figure(ratio), p99, cpu, resident]);
    }
    report.table(&table);
}
