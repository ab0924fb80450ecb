//! The performance of the service, relative to its floors. `scripts/bench` runs this; benches/README.md explains it.

#![allow(unreachable_pub, reason = "modules are public only to each other")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unchecked_time_subtraction,
    reason = "a benchmark prints, rounds, and stops when it cannot run"
)]

mod figures;
mod floor;
mod haproxy;
mod load;
mod process;
mod report;
mod sections;
mod stage;
mod wire;
mod workload;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;

use self::floor::Floor;
use self::report::{Report, Scale};
use self::sections::Section;

/// The service's allocator, for comparable floors.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the service on this machine: real Redis, simulated WhatsApp, the release build.
#[derive(Debug, Parser)]
struct Arguments {
    /// Sections to measure (default: all but `alternatives`)
    #[arg(value_enum)]
    sections: Vec<Section>,
    /// Take a rough look in a few minutes instead of exact figures in a quarter of an hour
    #[arg(long)]
    quick: bool,
    /// Another build of the service, measured among the alternatives
    #[arg(long, value_name = "PROGRAM")]
    against: Option<PathBuf>,
    /// Run one of the servers that the service is compared with
    #[arg(long, hide = true, value_enum, requires_all = ["listen", "redis", "whatsapp"])]
    floor: Option<Floor>,
    #[arg(long, hide = true)]
    listen: Option<SocketAddr>,
    #[arg(long, hide = true)]
    redis: Option<String>,
    #[arg(long, hide = true)]
    whatsapp: Option<String>,
    /// Measure the memory of the numbering plans, in this process
    #[arg(long, hide = true)]
    plans: bool,
    /// Passed by cargo to benchmarks
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    if let (Some(kind), Some(listen), Some(redis), Some(whatsapp)) =
        (arguments.floor, arguments.listen, arguments.redis, arguments.whatsapp)
    {
        return floor::serve(kind, listen, redis, whatsapp);
    }
    if arguments.plans {
        return sections::print_plans();
    }
    let began = Instant::now();
    let scale = if arguments.quick {
        Scale { rounds: 5, time: Duration::from_millis(250), most_codes: 100_000 }
    } else {
        // Many short rounds, so that the machine's other load affects only some of them.
        Scale { rounds: 11, time: Duration::from_secs(1), most_codes: 1_000_000 }
    };
    let mut report = Report::default();
    report.say(&sections::machine());
    let sections = if arguments.sections.is_empty() { Section::usual() } else { arguments.sections };
    for section in sections {
        section.measure(scale, arguments.against.as_deref(), &mut report);
    }
    let text = report.finish();
    let path = process::scratch("report.md");
    fs::write(&path, text).unwrap();
    println!("in {:.0} s; also in {}", began.elapsed().as_secs_f64(), path.display());
}
