//! The account, its sender, and their possible faults.

use reqwest::Method;
use serde_json::json;

use crate::{
    AccountState, SimulatorSettings, Switches, ThrottleStatus,
    testing::{RECIPIENT, Server},
};

#[tokio::test]
async fn an_unregistered_sender_cannot_send() {
    let server = Server::start().await;
    server.simulator.set_switches(Switches { sender_registered: false, ..Switches::default() });
    let error = server.send_code(RECIPIENT, "1").await.refused(400, 133_010, None);
    assert_eq!(error["message"], "(#133010) Account not registered");
    let number = server.get("/200000000000001?fields=status").await.ok();
    assert_eq!(number["status"], "DISCONNECTED");
}

#[tokio::test]
async fn further_numbers_are_listed_but_cannot_send() {
    let unregistered_numbers = vec![("200000000000002".to_owned(), "+1 555-789-0199".to_owned())];
    let server = Server::with(SimulatorSettings { unregistered_numbers, ..SimulatorSettings::default() }).await;
    let list = server.get(&server.account("phone_numbers?fields=status")).await.ok();
    assert_eq!(list["data"][0], json!({ "id": "200000000000002", "status": "DISCONNECTED" }));
    assert_eq!(list["data"][1], json!({ "id": "200000000000001", "status": "CONNECTED" }));
    let number = server.get("/200000000000002").await.ok();
    assert_eq!(number["display_phone_number"], "+1 555-789-0199");
    let message = json!({ "messaging_product": "whatsapp" });
    server.post("/200000000000002/messages", &message).await.refused(400, 133_010, None);
    server.send_code(RECIPIENT, "1").await.ok();
}

#[tokio::test]
async fn the_accounts_state_can_stop_sends() {
    let server = Server::start().await;
    for (account, http, code) in [
        (AccountState::Locked, 403, 131_031),
        (AccountState::Blocked, 403, 368),
        (AccountState::Unpaid, 400, 131_042),
        (AccountState::Maintenance, 500, 131_057),
    ] {
        server.simulator.set_switches(Switches { account, ..Switches::default() });
        server.send_code(RECIPIENT, "1").await.refused(http, code, None);
        server.get("/100000000000001").await.ok();
    }
}

#[tokio::test]
async fn a_revoked_token_stops_every_call() {
    let server = Server::start().await;
    server.simulator.set_switches(Switches { account: AccountState::TokenRevoked, ..Switches::default() });
    server.send_code(RECIPIENT, "1").await.refused(401, 190, Some(460));
    server.get("/100000000000001").await.refused(401, 190, Some(460));
}

#[tokio::test]
async fn spent_budgets_stop_calls_under_the_configured_status() {
    for (throttle_status, http) in [(ThrottleStatus::BadRequest, 400), (ThrottleStatus::TooManyRequests, 429)] {
        let server = Server::with(SimulatorSettings { throttle_status, ..SimulatorSettings::default() }).await;
        let set = |account| {
            server.simulator.set_switches(Switches { account, ..Switches::default() });
        };
        set(AccountState::AppBudgetSpent);
        let error = server.send_code(RECIPIENT, "1").await;
        let error = error.refused(http, 4, Some(2_446_079));
        assert_eq!(error["is_transient"], true);
        server.get("/100000000000001").await.refused(http, 4, Some(2_446_079));
        set(AccountState::AccountBudgetSpent);
        server.send_code(RECIPIENT, "1").await.ok();
        server.get("/100000000000001").await.refused(http, 80_007, None);
    }
}

#[tokio::test]
async fn switches_are_changed_over_http() {
    let server = Server::start().await;
    let change = json!({ "account": "locked" });
    let answer = server.own(Method::PATCH, "/switches", Some(change)).await;
    assert_eq!(answer.ok()["account"], "locked");
    server.send_code(RECIPIENT, "1").await.refused(403, 131_031, None);
    let bad = server.own(Method::PATCH, "/switches", Some(json!({ "acount": 1 }))).await;
    assert_eq!(bad.status, 400);
    assert!(bad.json()["error"].as_str().unwrap().contains("acount"));
    let shown = server.own(Method::GET, "/switches", None).await;
    assert_eq!(shown.ok()["account"], "locked");

    let path = "/switches/templates/300000000000001";
    let status = |status| Some(json!({ "status": status }));
    assert_eq!(server.own(Method::PUT, path, status("PAUSED")).await.status, 204);
    assert_eq!(server.own(Method::PUT, path, status("paused")).await.status, 400);
    let unknown = "/switches/templates/1";
    assert_eq!(server.own(Method::PUT, unknown, status("PAUSED")).await.status, 404);
    let template = server.get("/300000000000001?fields=status").await.ok();
    assert_eq!(template["status"], "PAUSED");
}

#[tokio::test]
async fn the_sender_is_listed_and_read() {
    let server = Server::start().await;
    let list = server.get(&server.account("phone_numbers")).await.ok();
    let number = &list["data"][0];
    assert_eq!(number["id"], "200000000000001");
    assert_eq!(number["display_phone_number"], "+1 555-789-0100");
    assert_eq!(number["verified_name"], "Simulated Business");
    assert_eq!(number["quality_rating"], "GREEN");
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert!(list["paging"]["cursors"]["after"].is_string());
    assert!(list["paging"].get("next").is_none());

    let read = server.get("/200000000000001?fields=throughput{level},status").await.ok();
    let expected = json!({
        "id": "200000000000001",
        "status": "CONNECTED",
        "throughput": { "level": "STANDARD" },
    });
    assert_eq!(read, expected);
    let unknown = server.get("/200000000000001?fields=colour").await;
    let error = unknown.refused(400, 100, None);
    assert!(error["message"].as_str().unwrap().contains("nonexisting field (colour)"));
}

#[tokio::test]
async fn the_account_is_read() {
    let server = Server::start().await;
    let account = server.get("/100000000000001?fields=name,currency").await.ok();
    let expected = json!({ "id": "100000000000001", "name": "Simulated Business", "currency": "USD" });
    assert_eq!(account, expected);
}

#[tokio::test]
async fn management_calls_have_an_hourly_budget() {
    let server = Server::start().await;
    let spent = {
        let now = server.simulator.shared.clock.instant();
        let mut world = server.simulator.world();
        (0..5_000).filter(|_| world.management_calls.admit(now, 5_000)).count()
    };
    assert_eq!(spent, 5_000);
    server.get("/100000000000001").await.refused(400, 80_007, None);
    server.simulator.advance(std::time::Duration::from_hours(1));
    server.get("/100000000000001").await.ok();
}
