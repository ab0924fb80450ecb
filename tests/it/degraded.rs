//! Degraded, not down: what goes on while something outside is in trouble, a test for each row of the table in
//! `docs/operations.md`.

use std::time::{Duration, Instant};

use serde_json::json;
use whatsapp_otp::simulator::{AccountState, Switches, TemplateStatus};

use crate::harness::app::{Instance, TestApp};
use crate::harness::eventually;
use crate::harness::proxy::Mode;
use crate::harness::reply::says;

const PHONE: &str = "15551234567";
const OTHER_PHONE: &str = "15557654321";
const TEMPLATE: &str = "300000000000001";

/// The instance checks codes, and says why it sends none.
async fn assert_only_checks(instance: &Instance, code: &str, reason: &str) {
    instance.verify(PHONE, code).await.is(200, "OK");
    instance.request(OTHER_PHONE).await.is(503, says::UNAVAILABLE);
    let (status, body) = instance.ready().await;
    assert_eq!((status, &body["status"]), (200, &json!("ready")), "{body}");
    let template = &body["dependencies"]["template"];
    assert_eq!(template["status"], "degraded", "{body}");
    assert!(template["reason"].as_str().unwrap().contains(reason), "{body}");
    let metrics = instance.ops().call(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains("\nwhatsapp_otp_template_approved 0\n"), "{metrics}");
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
async fn with_a_token_that_whatsapp_refuses_an_instance_starts_and_checks_codes() {
    let mut app = TestApp::start().await;
    let code = app.code_for(PHONE).await;
    app.simulator.set_switches(Switches { account: AccountState::TokenRevoked, ..Switches::default() });
    // One that runs has its template, so its sends are refused by WhatsApp.
    app.request(OTHER_PHONE).await.is(500, says::SEND_FAILED);
    let another = app.start_another().await;
    assert_only_checks(app.on(another), &code, "WhatsApp error 190").await;
    app.finish().await;
}

#[tokio::test]
async fn while_whatsapp_is_unreachable_an_instance_starts_checks_codes_and_sends_them_once_it_is_back() {
    let mut app = TestApp::builder().set("whatsapp.max_retries", "0").simulator_proxied().start().await;
    let code = app.code_for(PHONE).await;
    let upstream = app.simulator_proxy.as_ref().unwrap().upstream();
    app.simulator_proxy.as_ref().unwrap().set(Mode::Cut).await;
    let began = Instant::now();
    let another = app.start_another().await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_only_checks(app.on(another), &code, "WhatsApp cannot be reached").await;
    app.request(OTHER_PHONE).await.is(500, says::SEND_FAILED);

    app.simulator_proxy.as_ref().unwrap().set(upstream).await;
    let sends = async || app.on(another).request(OTHER_PHONE).await.status == 200;
    eventually("codes are sent", sends).await;
    assert_eq!(app.on(another).ready().await.1["dependencies"]["template"], json!({ "status": "ok" }));
    app.finish().await;
}
