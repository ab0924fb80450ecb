//! Reviewers' numbers: an agreed code in place of a message, until a day.

use serde_json::json;
use whatsapp_otp_simulator::{Simulator, SimulatorSettings, TemplateStatus};

use crate::harness::app::{TestApp, TestAppBuilder};
use crate::harness::backend::{post, with_backend};
use crate::harness::reply::says;

const PHONE: &str = "12025550123";
const CODE: &str = "424242";

/// A service with one reviewer until far from now, and one whose last day has passed.
fn service() -> TestAppBuilder {
    let entries = "+12025550123 424242 2999-01-31,+447700900123 131313 2026-01-31";
    TestApp::builder().set("otp.reviewers", entries).set("limits.per_phone", "3/1h")
}

async fn counted(app: &TestApp, outcome: &str) -> u64 {
    let metrics = app.ops().call(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let series = format!("\nwhatsapp_otp_sends_total{{outcome=\"{outcome}\"}} ");
    let (_, rest) = metrics.split_once(&series).unwrap_or_else(|| panic!("no {series} in {metrics}"));
    rest.lines().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_reviewer_signs_in_with_the_agreed_code_and_gets_no_message() {
    let app = service().start().await;
    let before = counted(&app, "reviewer").await;
    app.request(PHONE).await.is(200, "OK");
    assert!(counted(&app, "reviewer").await > before);
    app.verify(PHONE, "424243").await.is(401, &says::incorrect(2));
    app.verify(PHONE, CODE).await.is(200, "OK");
    app.verify(PHONE, CODE).await.is(404, &says::no_active_code(PHONE));
    assert_eq!(app.sends(), 0);
    // The limits are those of any number.
    app.request(PHONE).await.is(200, "OK");
    app.request(PHONE).await.is(200, "OK");
    assert_eq!(app.request(PHONE).await.status, 429);
    app.finish().await;
}

#[tokio::test]
async fn after_the_last_day_it_is_an_ordinary_number() {
    let app = service().start().await;
    let phone = "447700900123";
    let code = app.code_for(phone).await;
    if code != "131313" {
        app.verify(phone, "131313").await.is(401, &says::incorrect(2));
    }
    app.verify(phone, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn other_numbers_and_other_apps_have_codes_of_their_own() {
    let app = service().set("apps.default.otp.reviewers", "+12025550199 111111 2999-01-31").start().await;
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    app.request("12025550199").await.is(200, "OK");
    app.verify("12025550199", "111111").await.is(200, "OK");
    assert_eq!(app.sends(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_reviewer_needs_neither_a_template_nor_an_allowed_country() {
    let simulator = Simulator::new(SimulatorSettings::default());
    assert!(simulator.set_template_status("300000000000001", TemplateStatus::Paused));
    let app = service().set("limits.countries", "+DE").start_on(simulator).await.unwrap();
    app.request(PHONE).await.is(200, "OK");
    app.verify(PHONE, CODE).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_verification_of_a_reviewer_is_resumed_resent_and_approved_without_a_message() {
    let service = with_backend(service(), "default").set("limits.resend_cooldown", "0s");
    let app = service.start().await;
    let before = counted(&app, "reviewer").await;
    let (status, verification) = post(&app, "", &json!({ "to": "+12025550123" })).await;
    assert_eq!((status, &verification["status"], &verification["test"]), (201, &json!("pending"), &json!(false)));
    assert_eq!(verification["locale"], "en_US");
    let path = |action: &str| format!("/{}/{action}", verification["id"].as_str().unwrap());
    let (status, resent) = post(&app, &path("resend"), &json!({})).await;
    assert_eq!((status, &resent["id"]), (200, &verification["id"]), "{resent}");
    assert!(counted(&app, "reviewer").await >= before + 2);
    let (status, problem) = post(&app, &path("check"), &json!({ "code": "424243" })).await;
    assert_eq!((status, &problem["attempts_left"]), (422, &json!(2)), "{problem}");
    let (status, approved) = post(&app, &path("check"), &json!({ "code": CODE })).await;
    assert_eq!((status, &approved["status"]), (200, &json!("approved")), "{approved}");
    assert_eq!(app.sends(), 0);
    app.finish().await;
}
