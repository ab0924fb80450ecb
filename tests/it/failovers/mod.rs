//! More than one Redis, and servers that crash, hang and come back, under steady traffic on two instances.
//!
//! [`traffic`] makes requests and records them, [`faults`] strike meanwhile, and [`checker`] reads the record for promises
//! that were broken. `TOPOLOGY_SEED` runs the schedule of one seed again, `TOPOLOGY_SCHEDULES=50` as many as that.

mod checker;
mod faults;
mod history;
mod traffic;

use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;

use self::checker::{Promises, Violation, violations};
use self::faults::{Fault, Schedule};
use self::history::{Answer, History, Moment};
use self::traffic::{INSTANCES, Parts, Traffic};
use crate::harness::app::TestApp;
use crate::harness::logs::last_warnings;
use crate::harness::setting;
use crate::harness::topology::{Kind, Topology};

/// How soon both instances serve all phones again once the servers have agreed on a primary and its replicas follow it.
const BACK_WITHIN: Duration = Duration::from_secs(2);
const MAX_ATTEMPTS: u32 = 3;
const PER_PHONE: usize = 5;
const PER_ADDRESS: usize = 20;
const FAILURES_PER_PHONE: usize = 10;
/// `server.request_timeout`.
const ANSWERED_WITHIN: Duration = Duration::from_secs(4);
/// The windows of all limits: longer than any history.
const WINDOW: Duration = Duration::from_mins(60);

/// How the service is told to protect itself.
#[derive(Debug, Clone, Copy)]
struct Protection {
    acknowledgements: usize,
    after_failover: &'static str,
}

impl Protection {
    const NONE: Self = Self { acknowledgements: 0, after_failover: "accept" };
    /// What holds if nothing is set.
    const DEFAULT: Self = Self { acknowledgements: 1, after_failover: "reject" };
    const FENCE: Self = Self { acknowledgements: 0, after_failover: "reject" };

    /// Every replica acknowledges.
    fn acknowledgements(kind: Kind) -> Self {
        let acknowledgements = match kind {
            Kind::Sentinel => 2,
            Kind::Cluster => 1,
        };
        Self { acknowledgements, after_failover: "accept" }
    }

    fn both(kind: Kind) -> Self {
        Self { after_failover: "reject", ..Self::acknowledgements(kind) }
    }
}

/// What came of a schedule.
struct Report {
    history: History,
    violations: Vec<Violation>,
    recoveries: Vec<Duration>,
}

async fn run(kind: Kind, schedule: &Schedule, protection: Protection) -> Report {
    let topology = Topology::start(kind).await;
    let mut service = TestApp::builder()
        .instances(INSTANCES)
        .set("server.trusted_proxies", "127.0.0.1")
        .set("server.request_timeout", &format!("{}s", ANSWERED_WITHIN.as_secs()))
        .set("otp.max_verification_attempts", &MAX_ATTEMPTS.to_string())
        .set("limits.per_phone", &format!("{PER_PHONE}/1h"))
        .set("limits.per_ip", &format!("{PER_ADDRESS}/1h"))
        .set("limits.failures_per_phone", &format!("{FAILURES_PER_PHONE}/1h"))
        .set("whatsapp.messages_per_second", "400")
        .set("redis.timeout", "1s")
        .set("redis.min_replicas_ack", &protection.acknowledgements.to_string())
        .set("redis.after_failover", protection.after_failover)
        .set("redis.allow_unsafe", "true");
    for (key, value) in topology.settings() {
        service = service.set(&key, &value);
    }
    let app = service.start().await;
    let phones = traffic::phones();
    let parts = Parts { of: topology.parts(&phones).await, count: topology.part_count() };
    let traffic = Traffic::start(&app, parts, schedule.seed);
    serves(&app, &traffic, Duration::ZERO).await;
    let mut recoveries = Vec::new();
    for &fault in &schedule.faults {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let since = fault.strike(&topology, &traffic, protection.acknowledgements).await;
        topology.whole().await;
        recoveries.push(serves(&app, &traffic, since).await.saturating_sub(since));
    }
    // Codes from before the last fault are tried again after it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(traffic.now() < WINDOW);
    let history = traffic.finish().await;
    app.finish().await;

    // If not every replica has to acknowledge, what is decided on the old primary while another is promoted is lost when
    // it hears of that: each time a limit may be used up once more. Codes are not concerned, as they are fenced.
    let behind_the_back = |fault: &&Fault| fault.promotes_behind_the_back(kind);
    let lossy = protection.acknowledgements < topology.replicas_per_primary();
    let times = 1 + if lossy { schedule.faults.iter().filter(behind_the_back).count() } else { 0 };
    let promises = Promises {
        max_attempts: MAX_ATTEMPTS,
        per_phone: PER_PHONE * times,
        per_address: PER_ADDRESS * times,
        failures_per_phone: FAILURES_PER_PHONE * times,
        answered_within: ANSWERED_WITHIN,
    };
    let violations = violations(&history, &promises, traffic::address_of);
    let report = Report { history, violations, recoveries };
    report.print(kind, schedule, protection);
    report
}

/// Waits until both instances serve all phones, and returns since when they do, looking at what was asked after `since`.
async fn serves(app: &TestApp, traffic: &Traffic, since: Moment) -> Moment {
    let whole = traffic.now();
    loop {
        if let Some(served) = traffic.served_since(since) {
            return served;
        }
        if traffic.now() > whole + BACK_WITHIN {
            let ready = (app.on(0).ready().await, app.on(1).ready().await);
            println!("{ready:#?}\n{}", last_warnings(60));
            panic!("not served within {BACK_WITHIN:?} of the servers being whole again");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

impl Report {
    fn print(&self, kind: Kind, schedule: &Schedule, protection: Protection) {
        let answers = |is: fn(Answer) -> bool| self.history.count(is);
        println!(
            "{kind:?} seed {} {protection:?} {:?}: {} requests, {} sent, {} accepted, {} wrong, {} locked, {} limited, \
             {} expired, {} absent, {} unknown; at most {} to a phone and {} for an address; back after {:?}; \
             violations: {:?}",
            schedule.seed,
            schedule.faults,
            self.history.requests.len(),
            answers(|answer| answer == Answer::Sent),
            answers(|answer| answer == Answer::Accepted),
            answers(|answer| matches!(answer, Answer::Wrong { .. })),
            answers(|answer| answer == Answer::Locked),
            answers(|answer| answer == Answer::Limited),
            answers(|answer| answer == Answer::Expired),
            answers(|answer| answer == Answer::Absent),
            answers(|answer| answer == Answer::Unknown),
            self.history.most(|message| message.phone.clone()),
            self.history.most(|message| traffic::address_of(&message.phone)),
            self.recoveries,
            self.violations,
        );
        for violation in &self.violations {
            println!("{violation:?}");
            for request in self.history.of(violation.of()) {
                println!("    {request}");
            }
        }
    }
}

/// Runs random schedules, and those of seeds that once found something.
async fn random_schedules(kind: Kind, regressions: &[u64]) {
    let number = |name| setting(name).map(|text| text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is a number")));
    let schedules = number("TOPOLOGY_SCHEDULES").unwrap_or(1);
    let seeds: Vec<u64> = match number("TOPOLOGY_SEED") {
        Some(first) => (first..first + schedules).collect(),
        None => {
            let first = u64::from(SysRng.try_next_u32().unwrap());
            regressions.iter().copied().chain(first..first + schedules).collect()
        }
    };
    let (mut recoveries, mut broken) = (Vec::new(), Vec::new());
    for seed in seeds {
        println!("TOPOLOGY_SEED={seed}");
        let schedule = Schedule::random(kind, seed);
        // Each that promises as much as the checker asks for.
        let protections = [Protection::DEFAULT, Protection::both(kind), Protection::acknowledgements(kind)];
        let protection = protections[(seed % 3) as usize];
        let report = run(kind, &schedule, protection).await;
        recoveries.extend(report.recoveries);
        if !report.violations.is_empty() {
            broken.push(seed);
        }
    }
    assert_eq!(broken, Vec::<u64>::new(), "TOPOLOGY_SEED of schedules that broke a promise");
    recoveries.sort_unstable();
    println!("{kind:?}: back after {:?} (median), {:?} (worst)", recoveries[recoveries.len() / 2], recoveries.last());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_schedule_of_faults_breaks_a_promise_with_sentinels() {
    // 100: decisions that one of two replicas had acknowledged were lost, as a primary that was started again served
    // while another was promoted.
    random_schedules(Kind::Sentinel, &[100]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_schedule_of_faults_breaks_a_promise_in_a_cluster() {
    random_schedules(Kind::Cluster, &[]).await;
}

/// Nothing reaches the replicas for a while, then the primary is lost.
async fn lose_what_was_decided(kind: Kind, protection: Protection) -> Vec<Violation> {
    let cut = Duration::from_millis(1_500);
    let schedule = Schedule { seed: 1, faults: vec![Fault::CutThenKill { shard: 0, cut }] };
    run(kind, &schedule, protection).await.violations
}

async fn in_either(protection: fn(Kind) -> Protection, check: fn(&[Violation])) {
    let violations = |kind| lose_what_was_decided(kind, protection(kind));
    let (with_sentinels, in_a_cluster) = tokio::join!(violations(Kind::Sentinel), violations(Kind::Cluster));
    check(&with_sentinels);
    check(&in_a_cluster);
}

/// The checker sees it, so that its silence means something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_protection_used_codes_come_back() {
    in_either(
        |_| Protection::NONE,
        |violations| {
            let twice = |violation: &Violation| matches!(violation, Violation::AcceptedTwice { .. });
            assert!(violations.iter().any(twice), "{violations:?}");
        },
    )
    .await;
}

/// What limits had counted may be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fence_alone_saves_codes() {
    in_either(
        |_| Protection::FENCE,
        |violations| {
            let of_limits = |violation: &Violation| {
                matches!(violation, Violation::TooManySends { .. } | Violation::TooManyFailures { .. })
            };
            assert!(violations.iter().all(of_limits), "{violations:?}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledgements_of_all_replicas_alone_save_whatever_was_answered() {
    in_either(Protection::acknowledgements, |violations| assert_eq!(violations, [])).await;
}
