//! The service's use of the template: at a start that requires it, and when it changes later.

use std::time::{Duration, Instant};

use reqwest::header::AUTHORIZATION;
use serde_json::json;
use whatsapp_otp_simulator::{AccountState, Simulator, SimulatorSettings, Switches, TemplateStatus};

use crate::harness::app::{TestApp, serve_simulator};
use crate::harness::reply::says;
use crate::harness::{eventually, free_port};

const PHONE: &str = "15551234567";
const TEMPLATE: &str = "300000000000001";

fn simulator() -> Simulator {
    Simulator::new(SimulatorSettings::default())
}

/// Creates templates until the account has more than a page of a hundred, all listed before the first.
async fn fill(simulator: &Simulator, count: usize) {
    whatsapp_otp::cli::install_tls_provider();
    let address = serve_simulator(simulator).await;
    let account = simulator.settings();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for n in 0..count {
        // Spread out, so that neither limit of Meta, on templates or on calls an hour, is reached.
        simulator.advance(Duration::from_mins(2));
        let created = client
            .post(format!("http://{address}/v21.0/{}/message_templates", account.waba_id))
            .header(AUTHORIZATION, format!("Bearer {}", account.access_token))
            .json(&json!({
                "name": format!("notice_{n}"), "language": "en_US", "category": "UTILITY",
                "components": [{ "type": "BODY", "text": "Your order has arrived." }],
            }))
            .send()
            .await
            .unwrap();
        assert_eq!(created.status(), 200, "{}", created.text().await.unwrap());
    }
}

#[tokio::test]
async fn the_template_is_found_on_a_later_page() {
    let simulator = simulator();
    fill(&simulator, 230).await;
    let before = simulator.requests().len();
    let app = TestApp::builder().start_on(simulator).await.unwrap();
    let pages = app.simulator.requests().iter().filter(|request| request.method == "GET").count();
    assert!(pages >= 3, "{pages} pages were read, {before} requests before");
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_missing_template_is_told() {
    let error = TestApp::builder().require_whatsapp().set("whatsapp.template_id", "999").start_fails(simulator()).await;
    assert_eq!(error, "Could not find template with ID 999 for WABA 100000000000001.");
}

#[tokio::test]
async fn a_template_that_is_not_approved_is_told_with_its_status() {
    for status in [
        TemplateStatus::Pending,
        TemplateStatus::Rejected,
        TemplateStatus::Paused,
        TemplateStatus::Disabled,
        TemplateStatus::InAppeal,
    ] {
        let simulator = simulator();
        assert!(simulator.set_template_status(TEMPLATE, status));
        let error = TestApp::builder().require_whatsapp().start_fails(simulator).await;
        let status = status.as_str();
        let expected = format!(
            "Please wait until the template with ID {TEMPLATE} is approved before running this program: its status is {status}."
        );
        assert_eq!(error, expected);
    }
}

#[tokio::test]
async fn a_language_that_the_template_has_not_is_told_with_those_it_has() {
    let error = TestApp::builder().require_whatsapp().set("whatsapp.languages", "de").start_fails(simulator()).await;
    assert!(error.ends_with("has no translation into de: set whatsapp.languages to some of en_US."), "{error}");
}

#[tokio::test]
async fn a_template_of_another_kind_is_told() {
    // A template that every simulated account has.
    let error = TestApp::builder()
        .require_whatsapp()
        .set("whatsapp.template_id", "310000000000002")
        .start_fails(simulator())
        .await;
    assert!(error.contains("is a template for UTILITY, not for AUTHENTICATION"), "{error}");
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_told_without_it() {
    for (token, code) in [
        ("WRONG0TOKEN", "WhatsApp error 190"),
        ("EAASIMULATOR0EXPIRED0TOKEN", "WhatsApp error 190/463"),
        ("EAASIMULATOR0NO0MANAGEMENT0SCOPE", "WhatsApp error 200"),
    ] {
        let service =
            TestApp::builder().require_whatsapp().set("whatsapp.access_token", token).set("whatsapp.max_retries", "0");
        let error = service.start_fails(simulator()).await;
        assert!(error.starts_with(code) && !error.contains(token), "{error}");
    }
}

#[tokio::test]
async fn a_whatsapp_that_cannot_be_reached_is_told() {
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let service =
        TestApp::builder().require_whatsapp().set("whatsapp.base_url", &nowhere).set("whatsapp.max_retries", "0");
    let began = Instant::now();
    let error = service.start_fails(simulator()).await;
    assert!(error.starts_with("WhatsApp is unreachable"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_passing_fault_at_the_start_is_waited_for() {
    let simulator = simulator();
    simulator.set_switches(Switches { account: AccountState::AppBudgetSpent, ..Switches::default() });
    let restored = simulator.clone();
    tokio::spawn(async move {
        while restored.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        restored.set_switches(Switches::default());
    });
    let app = TestApp::builder().start_on(simulator).await.unwrap();
    app.request(PHONE).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_template_that_is_paused_later_is_noticed_by_the_first_refusal() {
    for status in [TemplateStatus::Paused, TemplateStatus::Disabled] {
        let app = TestApp::start().await;
        let code = app.code_for(PHONE).await;
        assert!(app.simulator.set_template_status(TEMPLATE, status));
        app.request("15557654321").await.is(500, says::SEND_FAILED);
        let refused = async || app.request("15557654321").await.status == 503;
        eventually("sends are refused before they reach WhatsApp", refused).await;
        let sent = app.sends();
        app.request("15557654321").await.is(503, says::UNAVAILABLE);
        assert_eq!(app.sends(), sent);
        app.verify(PHONE, &code).await.is(200, "OK");
        app.finish().await;
    }
}

#[tokio::test]
async fn the_translation_into_the_configured_language_is_sent() {
    let app = TestApp::builder().simulator(|simulator| simulator.languages = vec!["pt_BR".to_owned()]);
    let app = app.set("whatsapp.languages", "pt_BR").start().await;
    app.request("5511987654321").await.is(200, "OK");
    assert_eq!(app.simulator.inbox()[0].language, "pt_BR");
    app.finish().await;
}
