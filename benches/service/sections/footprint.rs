//! Startup time, idle memory, sizes.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use crate::figures::{Bound, Goal, Rounds, Table, figure};
use crate::process::resident;
use crate::report::{Report, Scale};
use crate::stage::{PROGRAM, Redis, Service, WhatsApp};

/// Startups are quick, so there are more of them than rounds.
const STARTS_PER_ROUND: usize = 2;

pub fn measure(scale: Scale, report: &mut Report) {
    let whatsapp = Arc::new(WhatsApp::start());
    let redis = Redis::start("redis", false);
    let (mut ready, mut idle) = (Rounds::default(), Rounds::default());
    for _ in 0..scale.rounds * STARTS_PER_ROUND {
        let service = Service::start("service", &redis, &whatsapp);
        ready.push(service.ready_after.as_secs_f64() * 1e3);
        idle.push(service.process.resident());
    }
    let plans = plans();
    let without = idle.median() - plans;
    let binary = fs::metadata(PROGRAM).unwrap().len() as f64 / 1_048_576.0;

    let mut table = Table::new("Footprint of an instance", &["", "figure"]);
    for (what, reached) in [
        ("ms from process start to ready: numbering plans loaded, template read, Redis connected", ready.median()),
        ("the slowest of them, ms", ready.most()),
        ("MiB resident when ready and idle", idle.median()),
        ("of which numbering plans, MiB", plans),
        ("binary, MiB", binary),
    ] {
        table.row([what.to_owned(), figure(reached)]);
    }
    table.row(["image `whatsapp-otp`, MB".to_owned(), image().unwrap_or_else(|| "not built here".to_owned())]);
    report.table(&table);
    report.goal(Goal::new("ms from process start to ready", Bound::AtMost(150.0), ready.median()));
    report.goal(Goal::new("MiB idle, without numbering plans", Bound::AtMost(15.0), without));
    report.goal(Goal::new("MiB idle, with numbering plans", Bound::AtMost(45.0), idle.median()));
}

/// Prints the memory of the numbering plans in MiB, loaded as the service loads them, in a fresh process.
pub fn print_plans() {
    let before = resident("/proc/self/status");
    whatsapp_otp::otp::load_numbering_plans();
    println!("{}", resident("/proc/self/status") - before);
}

fn plans() -> f64 {
    let output = Command::new(std::env::current_exe().unwrap()).arg("--plans").output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
}

fn image() -> Option<String> {
    let output =
        Command::new("docker").args(["image", "inspect", "--format", "{{.Size}}", "whatsapp-otp"]).output().ok()?;
    let size: f64 = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
    Some(figure(size / 1e6))
}
