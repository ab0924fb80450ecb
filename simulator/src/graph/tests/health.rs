//! `health_status` of the number, the account and templates.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{AccountState, CanSend, Switches, testing::Server};

const NUMBER: &str = "200000000000001";
const ACCOUNT: &str = "100000000000001";
const TEMPLATE: &str = "300000000000001";

async fn health(server: &Server, id: &str) -> Value {
    server.get(&format!("/{id}?fields=health_status")).await.ok()["health_status"].take()
}

async fn can_send(server: &Server) -> [Value; 3] {
    let mut all = [Value::Null, Value::Null, Value::Null];
    for (slot, id) in all.iter_mut().zip([NUMBER, ACCOUNT, TEMPLATE]) {
        *slot = health(server, id).await["can_send_message"].take();
    }
    all
}

#[tokio::test]
async fn health_follows_the_state() {
    let server = Server::start().await;
    assert_eq!(can_send(&server).await, ["AVAILABLE"; 3]);
    let number = health(&server, NUMBER).await;
    let kinds: Vec<_> = number["entities"].as_array().unwrap().iter().map(|entity| &entity["entity_type"]).collect();
    assert_eq!(kinds, ["PHONE_NUMBER", "WABA", "BUSINESS", "APP"]);

    let simulator = &server.simulator;
    simulator.announce(simulator.template_status_change(TEMPLATE, "PAUSED").unwrap());
    assert_eq!(can_send(&server).await, ["AVAILABLE", "AVAILABLE", "BLOCKED"]);
    let entity = health(&server, TEMPLATE).await["entities"][0].take();
    assert_eq!((&entity["entity_type"], &entity["id"]), (&json!("MESSAGE_TEMPLATE"), &json!(TEMPLATE)));
    assert_eq!(entity["errors"][0]["error_code"], 132_015);
    simulator.announce(simulator.template_status_change(TEMPLATE, "REINSTATED").unwrap());

    simulator.set_switches(Switches { sender_registered: false, ..Switches::default() });
    assert_eq!(can_send(&server).await, ["BLOCKED", "AVAILABLE", "AVAILABLE"]);
    simulator.set_switches(Switches { account: AccountState::Unpaid, ..Switches::default() });
    assert_eq!(can_send(&server).await, ["BLOCKED"; 3]);
}

#[tokio::test]
async fn health_can_be_set() {
    let server = Server::start().await;
    server.simulator.set_health(NUMBER, Some(CanSend::Limited));
    assert_eq!(can_send(&server).await, ["LIMITED", "AVAILABLE", "AVAILABLE"]);
    let path = format!("/switches/health/{ACCOUNT}");
    let set = async |health| server.own(Method::PUT, &path, Some(json!({ "can_send_message": health }))).await.status;
    assert_eq!(set(json!("BLOCKED")).await, 204);
    assert_eq!(can_send(&server).await, ["BLOCKED"; 3]);
    assert_eq!(set(json!("blocked")).await, 400);
    assert_eq!(set(Value::Null).await, 204);
    server.simulator.set_health(NUMBER, None);
    assert_eq!(can_send(&server).await, ["AVAILABLE"; 3]);
}
