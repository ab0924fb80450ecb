//! Degraded, not down: tests for the table in `docs/operations.md` of what still works when a dependency is in trouble.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;
use whatsapp_otp_simulator::{AccountState, Switches, TemplateStatus};

use crate::harness::app::{Instance, TestApp};
use crate::harness::proxy::{Mode, Proxy};
use crate::harness::redis::RedisServer;
use crate::harness::reply::says;
use crate::harness::{eventually, eventually_within};

const PHONE: &str = "15551234567";
const OTHER_PHONE: &str = "15557654321";
const TEMPLATE: &str = "300000000000001";

/// The rows of the table, with their tests, which are in this module unless they name another.
const ROWS: &[(&str, &[&str])] = &[
    ("Redis unreachable", &["without_redis_every_call_is_refused_in_time_and_nothing_is_sent"]),
    (
        "Redis full, read-only or short of replicas",
        &[
            "readiness::a_redis_whose_memory_is_full_is_not_ready",
            "readiness::a_redis_that_became_a_replica_is_not_ready",
            "readiness::a_redis_with_too_few_replicas_is_not_ready",
        ],
    ),
    (
        "WhatsApp unreachable or failing",
        &["while_whatsapp_is_unreachable_an_instance_starts_and_checks_codes_and_sends_once_it_is_back"],
    ),
    (
        "Template paused, disabled or not approved",
        &[
            "without_an_approved_template_an_instance_starts_and_checks_codes",
            "template::a_template_that_is_paused_later_is_noticed_by_the_first_refusal",
        ],
    ),
    (
        "Template not approved in one language",
        &[
            "languages::a_language_that_was_just_paused_is_replaced_by_the_next_of_the_chain_once",
            "languages::a_language_that_is_paused_is_named_and_the_others_are_sent",
        ],
    ),
    (
        "Account, number, template or country closed by WhatsApp",
        &[
            "suspensions::an_account_that_cannot_pay_sends_nothing_on_any_instance_and_checks_codes",
            "suspensions::a_closed_country_stops_its_own_numbers_for_its_time",
        ],
    ),
    ("Token refused", &["with_a_token_that_whatsapp_refuses_instances_start_and_check_codes"]),
    ("Disk of the log full", &["log_outages::requests_go_on_while_the_disk_of_the_log_is_full"]),
    (
        "Log pipe closed, or read by nobody",
        &[
            "log_outages::requests_go_on_when_whoever_read_the_log_is_gone",
            "log_outages::requests_go_on_while_nobody_reads_the_log_and_its_gap_is_told_of",
        ],
    ),
    ("Clock of an instance wrong", &["the_clock_of_an_instance_decides_nothing"]),
    (
        "Clock of Redis stepped",
        &[
            "codes_are_sent_and_checked_after_the_clock_of_redis_stepped",
            "store_contract::a_clock_that_was_set_back_does_not_stop_sending",
            "store_contract::a_clock_that_was_set_back_makes_nobody_wait_longer_than_is_said",
        ],
    ),
    ("DNS", &["a_name_that_does_not_resolve_is_an_unreachable_server"]),
];

#[test]
fn each_row_of_the_table_has_tests_and_names_alerts_that_exist() {
    let document = include_str!("../../docs/operations.md");
    let table = document.split("## Degraded, not down").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("| ")).skip(1).collect();
    let names: Vec<_> = rows.iter().map(|row| row.split(" |").next().unwrap()).collect();
    assert_eq!(names, ROWS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let alerts = include_str!("../../config/prometheus/alerts.yml");
    for alert in table.split(|c: char| !c.is_alphanumeric()).filter(|word| word.starts_with("Otp")) {
        assert!(alerts.contains(&format!("- alert: {alert}\n")), "{alert}");
    }
    let modules = [
        ("", include_str!("degraded.rs")),
        ("languages", include_str!("languages.rs")),
        ("log_outages", include_str!("log_outages.rs")),
        ("readiness", include_str!("readiness.rs")),
        ("store_contract", include_str!("store_contract.rs")),
        ("suspensions", include_str!("suspensions.rs")),
        ("template", include_str!("template.rs")),
    ];
    for test in ROWS.iter().flat_map(|(_, tests)| *tests) {
        let (module, name) = test.rsplit_once("::").unwrap_or(("", test));
        let (_, text) = modules.iter().find(|(name, _)| *name == module).unwrap();
        assert!(text.contains(&format!("fn {name}(")), "{test}");
    }
}

/// Asserts that the instance checks codes, and reports why it sends none.
async fn assert_only_checks(instance: &Instance, code: &str, reason: &str) {
    instance.verify(PHONE, code).await.is(200, "OK");
    instance.request(OTHER_PHONE).await.is(503, says::UNAVAILABLE);
    let (status, body) = instance.ready().await;
    assert_eq!((status, &body["status"]), (200, &json!("ready")), "{body}");
    let template = &body["dependencies"]["template"];
    assert_eq!(template["status"], "degraded", "{body}");
    assert!(template["reason"].as_str().unwrap().contains(reason), "{body}");
    let metrics = instance.ops().call(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("\nwhatsapp_otp_template_approved{app=\"default\",language=\"en_US\"} 0\n"), "{metrics}");
    assert!(metrics.contains("\nwhatsapp_otp_sends_total{outcome=\"sending_unavailable\"}"), "{metrics}");
}

#[tokio::test]
async fn without_an_approved_template_an_instance_starts_and_checks_codes() {
    let mut app = TestApp::start().await;
    for status in [TemplateStatus::Paused, TemplateStatus::Disabled, TemplateStatus::Pending] {
        assert!(app.simulator.set_template_status(TEMPLATE, TemplateStatus::Approved));
        let code = app.code_for(PHONE).await;
        assert!(app.simulator.set_template_status(TEMPLATE, status));
        let (another, sent) = (app.start_another().await, app.sends());
        assert_only_checks(app.on(another), &code, status.as_str()).await;
        assert_eq!((app.sends(), app.messages_to(OTHER_PHONE)), (sent, 0));
    }
    assert!(!app.keys.list().await.iter().any(|key| key.contains(OTHER_PHONE)), "nothing is stored or charged");
    app.finish().await;
}

#[tokio::test]
async fn with_a_token_that_whatsapp_refuses_instances_start_and_check_codes() {
    let mut app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    app.simulator.set_switches(Switches { account: AccountState::TokenRevoked, ..Switches::default() });
    let another = app.start_another().await;
    assert_only_checks(app.on(another), &code, "WhatsApp error 190").await;
    // A running instance has its template, and WhatsApp refuses its sends.
    app.simulator.set_switches(Switches::default());
    let code = app.code_for(PHONE).await;
    app.simulator.set_switches(Switches { account: AccountState::TokenRevoked, ..Switches::default() });
    app.request(OTHER_PHONE).await.is(500, says::SEND_FAILED);
    app.verify(PHONE, &code).await.is(200, "OK");
    assert_eq!(app.ready().await.0, 200);
    app.finish().await;
}

#[tokio::test]
async fn while_whatsapp_is_unreachable_an_instance_starts_and_checks_codes_and_sends_once_it_is_back() {
    // However much there is to ask WhatsApp about, starting waits once.
    let another_template = ("apps.shop.whatsapp.template_id", "300000000000009");
    let service = TestApp::builder().set("whatsapp.max_retries", "0").set(another_template.0, another_template.1);
    let mut app = service.simulator_proxied().start().await;
    let code = app.code_for(PHONE).await;
    let upstream = app.simulator_proxy.as_ref().unwrap().upstream();
    app.simulator_proxy.as_ref().unwrap().set(Mode::Cut).await;
    let began = Instant::now();
    let another = app.start_another().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_only_checks(app.on(another), &code, "WhatsApp is unreachable").await;
    app.request(OTHER_PHONE).await.is(500, says::SEND_FAILED);

    app.simulator_proxy.as_ref().unwrap().set(upstream).await;
    let sends = async || app.on(another).request(OTHER_PHONE).await.status == 200;
    // The pauses between looks for the template grow to 30 s.
    eventually_within(Duration::from_secs(40), "codes are sent", sends).await;
    assert_eq!(app.on(another).ready().await.1["dependencies"]["template"]["status"], "ok");
    app.finish().await;
}

#[tokio::test]
async fn without_redis_every_call_is_refused_in_time_and_nothing_is_sent() {
    let server = RedisServer::shared();
    let proxy = Proxy::start(server.address());
    let service = TestApp::builder().redis(&server).redis_through(&proxy).set("redis.timeout", "800ms");
    let app = service.start().await;
    let code = app.code_for(PHONE).await;
    for mode in [Mode::Cut, Mode::Frozen] {
        proxy.set(mode).await;
        let bound = Duration::from_millis(if mode == Mode::Cut { 500 } else { 800 + 500 });
        let sent = app.sends();
        app.request(OTHER_PHONE).await.is(503, says::UNAVAILABLE).within(bound);
        app.verify(PHONE, "000000").await.is(503, says::UNAVAILABLE).within(bound);
        assert_eq!(app.sends(), sent);
        eventually("it is not ready", async || app.ready().await.0 == 503).await;
        assert_eq!(app.ready().await.1["dependencies"]["redis"]["status"], "failed");
        assert_eq!(app.ops().json("/health/live").await.0, 200);
        proxy.set(Mode::Pass(server.address())).await;
        eventually("it is ready again", async || app.ready().await.0 == 200).await;
    }
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn codes_are_sent_and_checked_after_the_clock_of_redis_stepped() {
    let app = TestApp::start().await;
    let (code, other) = (app.code_for(PHONE).await, app.code_for(OTHER_PHONE).await);
    app.age(Duration::from_mins(2)).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    app.age(Duration::from_mins(4)).await;
    app.verify(OTHER_PHONE, &other).await.is(401, says::EXPIRED);
    for phone in [PHONE, OTHER_PHONE] {
        let code = app.code_for(phone).await;
        app.verify(phone, &code).await.is(200, "OK");
    }
    assert_eq!(app.ready().await.0, 200);
    app.finish().await;
}

/// A test cannot set a machine's clock, so this looks for code that reads it. Only the log, warnings, the sandbox's
/// embedded store, the choice of the key that signs proofs, the last day of reviewers' numbers, the metric of the age
/// of webhooks, and the time in the signature of an event and in its endpoint's `Retry-After` may.
#[test]
fn the_clock_of_an_instance_decides_nothing() {
    let warnings = ["app/proof_check.rs", "app/warnings.rs", "cli/proof_key.rs"];
    let measured = ["telemetry/", "whatsapp/webhook/receiver.rs"];
    let events = ["events/client.rs", "events/deliverer.rs"];
    let allowed = [&warnings[..], &measured, &events, &["otp/reviewers.rs", "proof/", "store/clock.rs"]].concat();
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            let name = path.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.extend((name != "simulator").then_some(path));
            } else if is_rust && !allowed.iter().any(|allowed| name.starts_with(allowed)) {
                let text = std::fs::read_to_string(&path).unwrap();
                let reads = ["SystemTime", "Zoned::now", "Timestamp::now"].iter().find(|clock| text.contains(**clock));
                assert_eq!(reads, None, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_an_unreachable_server() {
    let mut app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    // The name is reserved: it never resolves.
    let another = app.start_another_with("whatsapp.base_url", "http://whatsapp.invalid").await;
    assert_only_checks(app.on(another), &code, "WhatsApp is unreachable").await;
    let another = app.start_another_with("redis.url", "redis://redis.invalid:6379/0").await;
    let within = Duration::from_millis(2_000 + 500);
    app.on(another).request(PHONE).await.is(503, says::UNAVAILABLE).within(within);
    app.on(another).verify(PHONE, "000000").await.is(503, says::UNAVAILABLE).within(within);
    assert_eq!(app.on(another).ready().await.0, 503);
    app.finish().await;
}
