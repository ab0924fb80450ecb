//! Events of the account.

use reqwest::Method;
use serde_json::{Value, json};

use super::with_receiver;
use crate::{AccountState, Change, testing::RECIPIENT};

const TEMPLATE: &str = "300000000000001";

#[tokio::test]
async fn an_announced_event_happens_and_is_sent() {
    let (server, receiver) = with_receiver().await;
    let simulator = &server.simulator;
    simulator.announce(simulator.template_status_change(TEMPLATE, "PAUSED").unwrap());
    server.send_code(RECIPIENT, "1").await.refused(400, 132_015, None);
    simulator.announce(simulator.template_status_change(TEMPLATE, "REINSTATED").unwrap());
    simulator.webhooks_are_idle().await;
    let body = receiver.posts().remove(0).json();
    let entry = &body["entry"][0];
    assert!(entry["time"].is_i64(), "{entry}");
    assert_eq!(entry["changes"][0]["field"], "message_template_status_update");
    let value = &entry["changes"][0]["value"];
    assert_eq!(value["message_template_id"], 300_000_000_000_001_u64);
    assert_eq!((&value["event"], &value["message_template_name"]), (&json!("PAUSED"), &json!("otp_login")));
    assert_eq!(value["message_template_language"], "en_US");
    server.send_code(RECIPIENT, "1").await.ok();

    simulator.announce(simulator.account_restriction_change("RESTRICTED_BIZ_INITIATED_MESSAGING", 3_600));
    server.send_code(RECIPIENT, "1").await.refused(403, 368, None);
    simulator.announce(simulator.account_ban_change("REINSTATE"));
    server.send_code(RECIPIENT, "1").await.ok();
    simulator.announce(simulator.account_ban_change("DISABLE"));
    assert_eq!(simulator.switches().account, AccountState::Locked);
}

#[tokio::test]
async fn every_field_of_the_account_can_be_sent() {
    let (server, receiver) = with_receiver().await;
    let simulator = &server.simulator;
    let changes = [
        simulator.template_quality_change(TEMPLATE, "GREEN", "RED").unwrap(),
        simulator.template_components_change(TEMPLATE).unwrap(),
        simulator.template_category_change(TEMPLATE, "AUTHENTICATION", "UTILITY").unwrap(),
        simulator.template_category_warning(TEMPLATE, "AUTHENTICATION", "MARKETING").unwrap(),
        simulator.number_quality_change("THROUGHPUT_UPGRADE", "TIER_2K"),
        simulator.account_change("ACCOUNT_VIOLATION", json!({ "violation_info": { "violation_type": "SCAM" } })),
        simulator.account_alert_change("CRITICAL", "CREDIT_LINE"),
        simulator.security_change("PIN_CHANGED"),
        Change::capability(json!(250)),
        Change::account_review("DEFERRED"),
    ];
    let fields: Vec<_> = changes.iter().map(|change| change.field.clone()).collect();
    for change in changes {
        simulator.announce(change);
        simulator.webhooks_are_idle().await;
    }
    let posted: Vec<Value> =
        receiver.posts().iter().map(|post| post.json()["entry"][0]["changes"][0]["field"].take()).collect();
    assert_eq!(posted, fields);
    server.send_code(RECIPIENT, "1").await.ok();
    assert_eq!(simulator.template_status_change("1", "PAUSED"), None);
}

#[tokio::test]
async fn an_event_can_be_announced_over_http() {
    let (server, receiver) = with_receiver().await;
    let event = json!({ "field": "security", "value": { "event": "PIN_CHANGED" } });
    assert_eq!(server.own(Method::POST, "/webhooks", Some(event)).await.status, 202);
    server.simulator.webhooks_are_idle().await;
    assert_eq!(receiver.posts().len(), 1);
    let bad = server.own(Method::POST, "/webhooks", Some(json!({ "value": {} }))).await;
    assert_eq!(bad.status, 400);
    assert!(bad.json()["error"].as_str().unwrap().contains("PIN_CHANGED"));
}
