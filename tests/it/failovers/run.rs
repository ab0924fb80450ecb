//! One schedule of faults on one topology, from the start of the servers to the checker's verdict.

use std::time::Duration;

use super::api;
use super::checker::{Promises, Violation, violations};
use super::faults::{Fault, Schedule};
use super::history::{Answer, History, Moment};
use super::traffic::{self, INSTANCES, Parts, Traffic};
use crate::harness::app::TestApp;
use crate::harness::logs::last_warnings;
use crate::harness::topology::{Kind, Topology};

/// The time within which both instances serve all phones again, once the servers have agreed on a primary and its
/// replicas follow it.
const BACK_WITHIN: Duration = Duration::from_secs(2);
const MAX_ATTEMPTS: u32 = 3;
const PER_PHONE: usize = 5;
const PER_ADDRESS: usize = 20;
const FAILURES_PER_PHONE: usize = 10;
/// `server.request_timeout`.
const ANSWERED_WITHIN: Duration = Duration::from_secs(4);
/// The windows of all limits: longer than any history.
const WINDOW: Duration = Duration::from_hours(1);

/// The protections that the service is set to use.
#[derive(Debug, Clone, Copy)]
pub struct Protection {
    acknowledgements: usize,
    after_failover: &'static str,
}

impl Protection {
    pub const NONE: Self = Self { acknowledgements: 0, after_failover: "accept" };
    /// The defaults.
    pub const DEFAULT: Self = Self { acknowledgements: 1, after_failover: "reject" };
    pub const FENCE: Self = Self { acknowledgements: 0, after_failover: "reject" };

    /// Every replica acknowledges.
    pub fn acknowledgements(kind: Kind) -> Self {
        let acknowledgements = match kind {
            Kind::Sentinel => 2,
            Kind::Cluster => 1,
        };
        Self { acknowledgements, after_failover: "accept" }
    }

    pub fn both(kind: Kind) -> Self {
        Self { after_failover: "reject", ..Self::acknowledgements(kind) }
    }
}

/// The result of a schedule.
pub struct Report {
    history: History,
    api: api::history::History,
    pub violations: Vec<Violation>,
    /// The times from each fault until all phones were served again.
    pub recoveries: Vec<Duration>,
}

/// Starts the servers and the service, lets the faults strike, and checks what callers saw.
pub async fn run(kind: Kind, schedule: &Schedule, protection: Protection) -> Report {
    let topology = Topology::start(kind).await;
    let mut service = api::traffic::configured(TestApp::builder())
        .instances(INSTANCES)
        .set("server.trusted_proxies", "127.0.0.1")
        .set("server.request_timeout", &format!("{}s", ANSWERED_WITHIN.as_secs()))
        .set("otp.max_verification_attempts", &MAX_ATTEMPTS.to_string())
        .set("limits.per_phone", &format!("{PER_PHONE}/1h"))
        .set("limits.per_ip", &format!("{PER_ADDRESS}/1h"))
        .set("limits.checks_per_ip", "off")
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
    // Codes from before the last fault are retried after it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(traffic.now() < WINDOW);
    let (history, api) = traffic.finish().await;
    app.finish().await;

    // Unless every replica must acknowledge, decisions of the old primary while another is promoted are lost when it
    // learns of that: each time, a limit may be used up once more. Codes are not affected, as they are fenced.
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
    let mut violations = violations(&history, &promises, traffic::address_of);
    let of_api = api::checker::Promises {
        max_attempts: MAX_ATTEMPTS,
        max_sends: api::traffic::MAX_SENDS,
        resend_cooldown: api::traffic::RESEND_COOLDOWN,
        per_phone: promises.per_phone,
        per_address: promises.per_address,
        answered_within: ANSWERED_WITHIN,
        keeps_decisions: !lossy,
    };
    violations.extend(api::checker::violations(&api, &of_api, api::traffic::address_of));
    let report = Report { history, api, violations, recoveries };
    report.print(kind, schedule, protection);
    report
}

/// Waits until both instances serve all phones, judging by requests after `since`, and returns the moment when they
/// did.
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
    /// Returns the number of calls of the verification API.
    pub fn api_calls(&self) -> usize {
        self.api.requests.len()
    }

    fn print(&self, kind: Kind, schedule: &Schedule, protection: Protection) {
        let answers = |is: fn(Answer) -> bool| self.history.count(is);
        println!(
            "{kind:?} seed {} {protection:?} {:?}: {} requests, {} sent, {} accepted, {} wrong, {} locked, {} limited, \
             {} expired, {} absent, {} unknown; at most {} to a phone and {} for an address; {}; back after {:?}; \
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
            self.api,
            self.recoveries,
            self.violations,
        );
        for violation in &self.violations {
            println!("{violation:?}");
            for request in self.history.of(violation.of()) {
                println!("    {request}");
            }
            for request in self.api.of(violation.of()) {
                println!("    {request}");
            }
        }
    }
}
