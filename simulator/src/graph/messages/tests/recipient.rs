//! The recipient of a message.

use serde_json::json;

use crate::{
    Switches,
    testing::{RECIPIENT, Server, message_with},
};

#[tokio::test]
async fn a_recipient_that_is_not_a_phone_number_is_invalid() {
    let server = Server::start().await;
    for to in [
        json!("0016315551234"),
        json!("+16315551234,+16315551235"),
        json!("+1.631.555.1234"),
        json!("+123456"),
        json!("+1234567890123456"),
        json!(16_315_551_234_u64),
        json!(["+16315551234"]),
    ] {
        let answer = server.send(&message_with("/to", Some(to))).await;
        let error = answer.refused(400, 100, None);
        assert_eq!(error["message"], "(#100) Invalid parameter");
        assert_eq!(error["error_data"]["details"], "Parameter Invalid");
        assert_eq!(error["error_data"]["messaging_product"], "whatsapp");
    }
}

#[tokio::test]
async fn without_a_plus_the_message_goes_to_the_senders_own_country() {
    let server = Server::start().await;
    let answer = server.send_code("5511900000001", "482913").await.ok();
    assert_eq!(answer["contacts"][0]["wa_id"], "15511900000001");
    assert_eq!(server.simulator.latest("5511900000001"), None);
    assert!(server.simulator.latest("15511900000001").is_some());
}

#[tokio::test]
async fn a_sender_cannot_write_to_itself() {
    let server = Server::start().await;
    server.send_code("+1 555-789-0100", "1").await.refused(400, 131_021, None);
}

#[tokio::test]
async fn a_test_number_writes_only_to_its_allowed_recipients() {
    let server = Server::start().await;
    server
        .simulator
        .set_switches(Switches { allowed_recipients: Some(vec![RECIPIENT.to_owned()]), ..Switches::default() });
    server.send_code(RECIPIENT, "1").await.ok();
    let error = server.send_code("+16315551235", "1").await.refused(400, 131_030, None);
    let details = error["error_data"]["details"].as_str().unwrap();
    assert!(details.starts_with("Recipient phone number not in allowed list: Add"), "{details}");
}

#[tokio::test]
async fn a_code_cannot_be_sent_to_a_user_id() {
    let server = Server::start().await;
    let mut body = message_with("/to", None);
    body["recipient"] = json!("US.13491208655302741918");
    let error = server.send(&body).await.refused(400, 131_062, None);
    assert_eq!(
        error["error_data"]["details"],
        "Business-scoped User ID (BSUID) recipients are not supported for this message."
    );
    body["to"] = json!(RECIPIENT);
    server.send(&body).await.ok();
}
