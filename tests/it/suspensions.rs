//! Suspensions of the account's parts: what WhatsApp closes stops sending on all instances, and never checking.

use std::time::Duration;

use serde_json::{Value, json};
use whatsapp_otp_simulator::{Behaviour, CanSend, DEFAULT_APP_SECRET, Order, SimulatorSettings};

use crate::harness::app::{Instance, TestApp};
use crate::harness::eventually;
use crate::harness::reply::says;

const PHONE: &str = "15551234567";
const OTHER_PHONE: &str = "15557654321";
const WABA: &str = "100000000000001";
const NUMBER: &str = "200000000000001";
const TEMPLATE: &str = "300000000000001";

/// Has WhatsApp refuse the next message with this error.
fn refuse_next(app: &TestApp, code: u32) {
    let behaviour = Behaviour::Error { code, http: None, retry_after: None };
    assert!(app.simulator.push_order(Order::once(behaviour)));
}

async fn account(instance: &Instance) -> Value {
    let (status, mut body) = instance.ready().await;
    assert_eq!((status, &body["status"]), (200, &json!("ready")), "{body}");
    body["dependencies"]["account"].take()
}

async fn is_suspended(instance: &Instance) -> bool {
    account(instance).await["status"] == "degraded"
}

/// Waits for the first look at the account of an instance that started alone.
async fn has_looked(app: &TestApp) {
    let looked = || app.simulator.requests().iter().any(|request| request.path.ends_with(TEMPLATE));
    eventually("the account is looked at", async || looked()).await;
}

async fn metrics(instance: &Instance) -> String {
    instance.ops().call(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn an_account_that_cannot_pay_sends_nothing_on_any_instance_and_checks_codes() {
    let app = TestApp::builder().instances(2).start().await;
    let code = app.code_for(PHONE).await;
    refuse_next(&app, 131_042);
    app.request(OTHER_PHONE).await.is(500, says::SEND_FAILED);
    for instance in [app.on(0), app.on(1)] {
        eventually("the suspension is known", async || is_suspended(instance).await).await;
        let account = account(instance).await;
        assert_eq!(account["reason"], "Nothing is sent: WhatsApp cannot bill the account.");
        assert_eq!(account["suspended"][0]["cause"], "payment_problem");
        assert_eq!(account["suspended"][0]["scope"], "account");
        let sends = app.sends();
        instance.request(OTHER_PHONE).await.is(500, says::SEND_FAILED);
        assert_eq!(app.sends(), sends, "WhatsApp is not asked");
        assert!(metrics(instance).await.contains("\nwhatsapp_otp_suspended{scope=\"account\",of=\"\"} 1\n"));
    }
    app.on(1).verify(PHONE, &code).await.is(200, "OK");
    assert!(!app.keys.list().await.iter().any(|key| key.contains(OTHER_PHONE)), "nothing is stored or charged");
    app.finish().await;
}

#[tokio::test]
async fn what_no_webhook_closed_is_closed_by_the_next_instance_that_looks() {
    let mut app = TestApp::start().await;
    has_looked(&app).await;
    for id in [WABA, NUMBER, TEMPLATE] {
        app.simulator.set_health(id, Some(CanSend::Blocked));
    }
    app.start_another().await;
    let count = async |app: &TestApp| account(app).await["suspended"].as_array().unwrap().len();
    eventually("the suspensions are known", async || count(&app).await == 3).await;
    for id in [WABA, NUMBER, TEMPLATE] {
        app.simulator.set_health(id, None);
    }
    app.request(PHONE).await.is(500, says::SEND_FAILED);
    app.age(Duration::from_mins(1)).await;
    let another = app.start_another().await;
    eventually("the account is asked", async || !is_suspended(app.on(another)).await).await;
    eventually("the others learn of it", async || !is_suspended(&app).await).await;
    for instance in [app.on(0), app.on(another)] {
        instance.request(PHONE).await.is(200, "OK");
    }
    assert!(metrics(&app).await.contains("\nwhatsapp_otp_suspended{scope=\"account\",of=\"\"} 0\n"));
    app.finish().await;
}

#[tokio::test]
async fn what_no_webhook_opened_is_opened_by_the_first_look() {
    for (id, scope) in [(WABA, "account"), (NUMBER, "sender"), (TEMPLATE, "template")] {
        let mut app = TestApp::start().await;
        has_looked(&app).await;
        app.simulator.set_health(id, Some(CanSend::Blocked));
        let another = app.start_another().await;
        eventually("the suspension is known", async || is_suspended(&app).await).await;
        assert_eq!(account(&app).await["suspended"][0]["scope"], scope);
        for instance in [app.on(0), app.on(another)] {
            instance.request(PHONE).await.is(500, says::SEND_FAILED);
        }
        app.finish().await;
    }
}

#[tokio::test]
async fn a_closed_country_stops_its_own_numbers_for_its_time() {
    let app = TestApp::start().await;
    refuse_next(&app, 130_497);
    app.request("4915123456789").await.is(500, says::SEND_FAILED);
    eventually("the suspension is known", async || is_suspended(&app).await).await;
    assert_eq!(
        account(&app).await["reason"],
        "Nothing is sent to numbers of DE: the account may not send to numbers of this country."
    );
    let sends = app.sends();
    app.request("4915123456788").await.is(500, says::SEND_FAILED);
    assert_eq!(app.sends(), sends, "WhatsApp is not asked");
    app.request("33612345678").await.is(200, "OK");
    app.request(PHONE).await.is(200, "OK");
    app.age(Duration::from_mins(61)).await;
    eventually("it is over", async || !is_suspended(&app).await).await;
    app.request("4915123456788").await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_language_that_is_suspended_is_replaced_by_the_nearest_other() {
    let languages = vec!["en_US".to_owned(), "de".to_owned()];
    let mut app = TestApp::builder()
        .simulator(|simulator| *simulator = SimulatorSettings { languages, ..simulator.clone() })
        .set("whatsapp.languages", "en_US,de")
        .start()
        .await;
    app.request(PHONE).await.is(200, "OK");
    assert_eq!(app.simulator.latest(PHONE).unwrap().language, "en_US");
    app.simulator.set_health(TEMPLATE, Some(CanSend::Blocked));
    let another = app.start_another().await;
    eventually("the suspension is known", async || is_suspended(&app).await).await;
    for instance in [app.on(0), app.on(another)] {
        instance.request(PHONE).await.is(200, "OK");
        assert_eq!(app.simulator.latest(PHONE).unwrap().language, "de");
    }
    app.finish().await;
}

#[tokio::test]
async fn the_quality_of_the_number_and_the_template_and_the_tier_are_measured() {
    let app = TestApp::start().await;
    eventually("the account is asked", async || {
        let metrics = metrics(&app).await;
        metrics.contains(&format!("\nwhatsapp_otp_number_quality{{sender=\"{NUMBER}\"}} 3\n"))
            && metrics.contains(&format!("\nwhatsapp_otp_template_quality{{template=\"{TEMPLATE}\"}} 0\n"))
            && metrics.contains("\nwhatsapp_otp_messaging_tier 2000\n")
    })
    .await;
    app.finish().await;
}

/// Two instances, the first of which gets WhatsApp's webhooks.
async fn told_by_webhooks() -> TestApp {
    let app = TestApp::builder().instances(2).set("whatsapp.app_secret", DEFAULT_APP_SECRET).start().await;
    let url = format!("http://{}/webhooks/whatsapp", app.on(0).address());
    app.simulator.send_webhooks_to(url.parse().unwrap(), DEFAULT_APP_SECRET);
    app
}

#[tokio::test]
async fn a_webhook_about_the_account_stops_every_instance_until_whatsapp_allows_sending() {
    let mut app = told_by_webhooks().await;
    let code = app.code_for(PHONE).await;
    app.simulator.announce(app.simulator.account_ban_change("DISABLE"));
    for instance in [app.on(0), app.on(1)] {
        eventually("the suspension is known", async || is_suspended(instance).await).await;
        assert_eq!(account(instance).await["suspended"][0]["cause"], "account_banned");
        instance.request(OTHER_PHONE).await.is(500, says::SEND_FAILED);
    }
    app.on(1).verify(PHONE, &code).await.is(200, "OK");
    app.simulator.announce(app.simulator.account_ban_change("REINSTATE"));
    app.age(Duration::from_mins(1)).await;
    app.start_another().await;
    for instance in [app.on(0), app.on(1)] {
        eventually("it is over", async || !is_suspended(instance).await).await;
        instance.request(OTHER_PHONE).await.is(200, "OK");
    }
    app.finish().await;
}
