//! Each behaviour, as a client sees it.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    Behaviour, MessageStatus, Order,
    testing::{RECIPIENT, Server, message},
};

impl Server {
    async fn order(&self, order: Value) {
        let answer = self.own(Method::POST, "/orders", Some(order)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// Returns `true` if the send is still unanswered after a while.
    async fn goes_unanswered(&self, to: &str) -> bool {
        let request = self.graph(Method::POST, &self.messages());
        let request = request.json(&message(to, "482913")).timeout(Duration::from_millis(300));
        request.send().await.is_err_and(|error| error.is_timeout())
    }
}

#[tokio::test]
async fn a_number_can_ask_for_any_error() {
    let server = Server::start().await;
    for (to, http, code, title) in [
        ("+1 5550 131026", 400, 131_026, "(#131026) Message undeliverable"),
        ("+15550131000", 500, 131_000, "(#131000) Something went wrong"),
        ("+15550000004", 400, 4, "(#4) Application request limit reached"),
        ("+15550000002", 503, 2, "Service temporarily unavailable"),
        ("+15550777777", 400, 777_777, "(#777777) Unknown error"),
    ] {
        let error = server.send_code(to, "1").await.refused(http, code, None);
        assert_eq!(error["message"], title, "{to}");
    }
    assert_eq!(server.simulator.inbox(), []);
}

#[tokio::test]
async fn a_number_is_an_order_only_in_an_otherwise_valid_send() {
    let server = Server::start().await;
    let mut body = message("+15550131026", "1");
    body["template"]["name"] = json!("other");
    server.send(&body).await.refused(404, 132_001, None);
}

#[tokio::test]
async fn a_number_can_ask_for_a_late_answer() {
    let server = Server::start().await;
    let asked = Instant::now();
    server.send_code("+15550900001", "1").await.ok();
    assert!(asked.elapsed() >= Duration::from_secs(1));
    assert!(server.simulator.latest("15550900001").is_some());
}

#[tokio::test]
async fn a_number_can_ask_for_no_answer() {
    let server = Server::start().await;
    assert!(server.goes_unanswered("+15550910000").await);
    assert!(server.simulator.latest("15550910000").is_some());
    assert!(server.goes_unanswered("+15550911000").await);
    assert!(server.simulator.latest("15550911000").is_none());
}

#[tokio::test]
async fn a_number_can_ask_not_to_be_delivered_to() {
    let server = Server::start().await;
    server.send_code("+15550920000", "1").await.ok();
    server.send_code("+15550930000", "1").await.ok();
    assert_eq!(server.simulator.latest("15550920000"), None);
    assert_eq!(server.simulator.latest("15550930000"), None);
    let inbox = server.simulator.inbox();
    assert_eq!(inbox[1].status, MessageStatus::Undelivered);
    assert_eq!(inbox[0].status, MessageStatus::Failed);
    assert_eq!(inbox[0].failure.as_ref().unwrap().code, 131_026);
}

#[tokio::test]
async fn a_number_can_ask_for_a_proxys_page() {
    let server = Server::start().await;
    let answer = server.send_code("+15550940000", "1").await;
    assert_eq!(answer.status, 502);
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(answer.text.contains("<html>"));
    assert_eq!(server.simulator.inbox(), []);
}

#[tokio::test]
async fn an_ordered_error_occurs_once() {
    let server = Server::start().await;
    server.order(json!({ "kind": "error", "code": 131_000, "http": 503, "retry_after": 7, "times": 2 })).await;
    for _ in 0..2 {
        let answer = server.send_code(RECIPIENT, "1").await;
        answer.refused(503, 131_000, None);
        assert_eq!(answer.header("retry-after"), "7");
    }
    let answer = server.send_code(RECIPIENT, "1").await;
    answer.ok();
    assert!(!answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn an_order_for_one_recipient_leaves_others_alone() {
    let server = Server::start().await;
    server.order(json!({ "kind": "error", "code": 131_026, "to": RECIPIENT })).await;
    server.send_code("+16315551235", "1").await.ok();
    server.send_code(RECIPIENT, "1").await.refused(400, 131_026, None);
}

#[tokio::test]
async fn a_queued_order_takes_precedence_over_the_numbers() {
    let server = Server::start().await;
    server.order(json!({ "kind": "undelivered" })).await;
    server.send_code("+15550131026", "1").await.ok();
    server.send_code("+15550131026", "1").await.refused(400, 131_026, None);
}

#[tokio::test]
async fn a_refused_send_consumes_no_order() {
    let server = Server::start().await;
    server.order(json!({ "kind": "html", "http": 503 })).await;
    server.send(&json!({})).await.refused(400, 100, None);
    assert_eq!(server.send_code(RECIPIENT, "1").await.status, 503);
}

#[tokio::test]
async fn every_kind_can_be_ordered() {
    let server = Server::start().await;
    server.order(json!({ "kind": "slow", "milliseconds": 200 })).await;
    let asked = Instant::now();
    server.send_code(RECIPIENT, "1").await.ok();
    assert!(asked.elapsed() >= Duration::from_millis(200));

    server.order(json!({ "kind": "hang" })).await;
    assert!(server.goes_unanswered("+16315550001").await);
    assert_eq!(server.simulator.latest("16315550001"), None);
    server.order(json!({ "kind": "hang", "taken": true })).await;
    assert!(server.goes_unanswered("+16315550001").await);
    assert!(server.simulator.latest("16315550001").is_some());

    server.order(json!({ "kind": "fail_later", "code": 137_000 })).await;
    server.send_code("+16315550002", "1").await.ok();
    let failed = server.simulator.inbox().remove(0);
    assert_eq!(failed.failure.unwrap().title, "Recipient identity key hash mismatch");

    server.order(json!({ "kind": "undelivered" })).await;
    server.send_code("+16315550003", "1").await.ok();
    assert_eq!(server.simulator.inbox()[0].status, MessageStatus::Undelivered);
}

#[tokio::test]
async fn a_client_that_disconnects_early_has_sent_nothing() {
    let server = Server::start().await;
    server.order(json!({ "kind": "slow", "milliseconds": 1500 })).await;
    assert!(server.goes_unanswered(RECIPIENT).await);
    // Ordered after the first, so it answers after the first would have been accepted.
    server.order(json!({ "kind": "slow", "milliseconds": 1500 })).await;
    server.send_code("+16315551235", "1").await.ok();
    assert_eq!(server.simulator.latest("16315551234"), None);
}

#[tokio::test]
async fn orders_are_listed_and_removed() {
    let server = Server::start().await;
    server.order(json!({ "kind": "error", "code": 1, "to": "+1 631 555 1234" })).await;
    server.order(json!({ "kind": "slow", "milliseconds": 5, "times": 3 })).await;
    let listed = server.own(Method::GET, "/orders", None).await.ok();
    let expected = json!([
        { "kind": "error", "code": 1, "times": 1, "to": "16315551234" },
        { "kind": "slow", "milliseconds": 5, "times": 3 },
    ]);
    assert_eq!(listed, expected);
    assert_eq!(server.own(Method::DELETE, "/orders", None).await.status, 204);
    assert_eq!(server.simulator.orders(), []);
    server.send_code(RECIPIENT, "1").await.ok();
}

#[tokio::test]
async fn the_errors_that_can_be_ordered_are_listed_with_their_titles() {
    let server = Server::start().await;
    let errors = server.own(Method::GET, "/orders/errors", None).await.ok();
    let errors = errors.as_array().unwrap();
    assert!(errors.contains(&json!({ "code": 131_026, "http": 400, "title": "Message undeliverable" })));
    server.order(json!({ "kind": "error", "code": errors[0]["code"] })).await;
    server.send_code(RECIPIENT, "1").await.refused(401, 0, None);
}

#[tokio::test]
async fn invalid_orders_and_too_many_are_refused_with_a_sentence() {
    let server = Server::start().await;
    let bad = server.own(Method::POST, "/orders", Some(json!({ "kind": "explode" }))).await;
    assert_eq!(bad.status, 400);
    assert!(bad.json()["error"].as_str().unwrap().contains("expected one of `error`"));
    while server.simulator.push_order(Order::once(Behaviour::Undelivered {})) {}
    let order = Some(json!({ "kind": "undelivered" }));
    let full = server.own(Method::POST, "/orders", order).await;
    assert_eq!(full.status, 429);
    assert_eq!(full.json()["error"], "100 orders are already waiting.");
    server.simulator.clear_orders();
    assert_eq!(server.simulator.orders(), []);
}
