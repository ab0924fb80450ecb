//! Registering a number.

use std::time::Duration;

use serde_json::json;

use crate::{
    SimulatorSettings, Switches,
    testing::{RECIPIENT, Server},
};

const PATH: &str = "/200000000000001/register";

/// A server whose number is not registered.
async fn unregistered(two_step_pin: Option<&str>) -> Server {
    let server = Server::start().await;
    let two_step_pin = two_step_pin.map(str::to_owned);
    server.simulator.set_switches(Switches { sender_registered: false, two_step_pin, ..Switches::default() });
    server
}

#[tokio::test]
async fn a_number_without_a_pin_takes_the_given_one_and_can_send() {
    let server = unregistered(None).await;
    let body = json!({ "messaging_product": "whatsapp", "pin": "212834" });
    assert_eq!(server.post(PATH, &body).await.ok(), json!({ "success": true }));
    let number = server.get("/200000000000001?fields=status").await.ok();
    assert_eq!(number["status"], "CONNECTED");
    server.send_code(RECIPIENT, "1").await.ok();
    let another = json!({ "messaging_product": "whatsapp", "pin": "000000" });
    server.post(PATH, &another).await.refused(400, 133_005, None);
}

#[tokio::test]
async fn a_number_with_a_pin_wants_that_one() {
    let server = unregistered(Some("212834")).await;
    let with = |pin: &str| json!({ "messaging_product": "whatsapp", "pin": pin });
    let error = server.post(PATH, &with("123456")).await.refused(400, 133_005, None);
    assert_eq!(error["message"], "(#133005) Two step verification PIN Mismatch");
    server.send_code(RECIPIENT, "1").await.refused(400, 133_010, None);
    server.post(PATH, &with("212834")).await.ok();
}

#[tokio::test]
async fn ten_requests_are_allowed_in_72_hours() {
    let server = unregistered(Some("212834")).await;
    let wrong = json!({ "messaging_product": "whatsapp", "pin": "123456" });
    for _ in 0..10 {
        server.post(PATH, &wrong).await.refused(400, 133_005, None);
    }
    server.post(PATH, &wrong).await.refused(400, 133_016, None);
    server.simulator.advance(Duration::from_hours(72));
    server.post(PATH, &wrong).await.refused(400, 133_005, None);
}

#[tokio::test]
async fn incomplete_requests_and_unverified_numbers_are_refused() {
    let unregistered_numbers = vec![("200000000000002".to_owned(), "+1 555-789-0199".to_owned())];
    let server = Server::with(SimulatorSettings { unregistered_numbers, ..SimulatorSettings::default() }).await;
    server.post(PATH, &json!({ "pin": "212834" })).await.refused(400, 100, None);
    server.post(PATH, &json!({ "messaging_product": "whatsapp" })).await.refused(400, 100, None);
    for pin in ["12345", "1234567", "12345a"] {
        server.post(PATH, &json!({ "messaging_product": "whatsapp", "pin": pin })).await.refused(400, 131_009, None);
    }
    let fine = json!({ "messaging_product": "whatsapp", "pin": "212834" });
    server.post("/200000000000002/register", &fine).await.refused(400, 133_006, None);
    let number = server.get("/200000000000002?fields=code_verification_status").await.ok();
    assert_eq!(number["code_verification_status"], "NOT_VERIFIED");
    server.post("/5/register", &fine).await.refused(400, 100, Some(33));
}
