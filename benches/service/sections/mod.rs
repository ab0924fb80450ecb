//! The sections of the report, in order.

mod alternatives;
mod footprint;
mod growth;
mod latency;
mod throughput;
mod webhooks;

pub use self::footprint::print_plans;

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::ValueEnum;

use crate::report::{Report, Scale};

/// A section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Section {
    /// Each kind of request beside its floor, at 64 connections
    Throughput,
    /// Latency against offered load, one instance and two behind HAProxy
    Latency,
    /// More live codes, more open connections, one phone or many
    Growth,
    /// Checks beside webhooks from WhatsApp, and the largest webhook
    Webhooks,
    /// Startup, memory, sizes
    Footprint,
    /// Other numbers of worker threads and of connections to Redis, no log, another build
    Alternatives,
}

impl Section {
    /// The sections that have targets.
    pub fn usual() -> Vec<Self> {
        vec![Self::Throughput, Self::Latency, Self::Growth, Self::Webhooks, Self::Footprint]
    }

    pub fn measure(self, scale: Scale, against: Option<&Path>, report: &mut Report) {
        match self {
            Self::Throughput => throughput::measure(scale, report),
            Self::Latency => latency::measure(scale, report),
            Self::Growth => growth::measure(scale, report),
            Self::Webhooks => webhooks::measure(scale, report),
            Self::Footprint => footprint::measure(scale, report),
            Self::Alternatives => alternatives::measure(scale, against, report),
        }
    }
}

/// The machine and versions of the measurements.
pub fn machine() -> String {
    let first = |path: &str, start: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_default();
        line.rsplit(':').next().unwrap_or_default().trim().to_owned()
    };
    let says = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        let output = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        output.lines().next().unwrap_or("not there").to_owned()
    };
    format!(
        "{} x {}, {}; load before: {}\n{}; {}; {}\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        first("/proc/cpuinfo", "model name"),
        first("/proc/meminfo", "MemTotal"),
        fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
        says("rustc", "--version"),
        says("redis-server", "--version"),
        says("haproxy", "-v"),
    )
}
