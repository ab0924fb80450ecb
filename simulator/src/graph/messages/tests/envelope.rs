//! Accepted messages, and faults in the envelope around the template.

use reqwest::Method;
use serde_json::{Value, json};

use super::with_code;
use crate::{
    OtpButton,
    testing::{Answer, Server, changed, message, message_with},
};

#[tokio::test]
async fn a_valid_message_is_accepted_and_arrives() {
    let server = Server::start().await;
    let to = "+55 (11) 90000-0001";
    let body = changed(message(to, "482913"), "/biz_opaque_callback_data", Some(json!("ch_1")));
    let answer = server.send(&body).await.ok();
    assert_eq!(answer["messaging_product"], "whatsapp");
    assert_eq!(answer["contacts"], json!([{ "input": to, "wa_id": "5511900000001" }]));
    assert_eq!(answer["messages"][0]["message_status"], "accepted");
    let id = answer["messages"][0]["id"].as_str().unwrap();
    assert!(id.starts_with("wamid.HBgN"), "{id}");

    let received = server.simulator.latest("5511900000001").unwrap();
    assert_eq!(received.id, id);
    assert_eq!(received.to, "+5511900000001");
    assert_eq!(received.code.as_deref(), Some("482913"));
    assert_eq!((&*received.template, &*received.language), ("otp_login", "en_US"));
    assert_eq!(received.button, Some(OtpButton::CopyCode));
    assert_eq!(received.button_text.as_deref(), Some("Copy code"));
    assert_eq!(received.body, "*482913* is your verification code. For your security, do not share this code.");
    assert_eq!(received.footer.as_deref(), Some("This code expires in 5 minutes."));
    assert_eq!(received.biz_opaque_callback_data.as_deref(), Some("ch_1"));
}

#[tokio::test]
async fn variations_that_meta_tolerates_are_accepted() {
    let server = Server::start().await;
    for (what, body) in [
        ("no recipient_type", message_with("/recipient_type", None)),
        ("no policy", message_with("/template/language/policy", None)),
        ("upper-case body", message_with("/template/components/0/type", Some(json!("BODY")))),
        ("upper-case button", message_with("/template/components/1/type", Some(json!("BUTTON")))),
        ("upper-case sub_type", message_with("/template/components/1/sub_type", Some(json!("URL")))),
        ("numeric index", message_with("/template/components/1/index", Some(json!(0)))),
        ("unknown field", message_with("/preview_url", Some(json!(false)))),
        ("letters and symbols", with_code("J$FpnYnP")),
        ("fifteen characters", with_code("123456789012345")),
        ("the longest callback data", message_with("/biz_opaque_callback_data", Some(json!("x".repeat(512))))),
    ] {
        let answer = server.send(&body).await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
    }
    let mut reversed = with_code("1");
    reversed["template"]["components"].as_array_mut().unwrap().reverse();
    server.send(&reversed).await.ok();
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_has_no_parameters() {
    let server = Server::start().await;
    let good = with_code("1").to_string();
    for (content_type, body) in [
        ("application/json", ""),
        ("application/json", "{"),
        ("application/json", "[]"),
        ("application/json", "\"whatsapp\""),
        ("text/plain", &*good),
        ("application/x-www-form-urlencoded", &*good),
    ] {
        let request = server.graph(Method::POST, &server.messages());
        let request = request.header("content-type", content_type).body(body.to_owned());
        let error = Answer::to(request).await.refused(400, 100, None);
        let expected = "(#100) The parameter messaging_product is required.";
        assert_eq!(error["message"], expected, "{content_type} {body}");
    }
    let request = server.graph(Method::POST, &server.messages());
    let request = request.header("content-type", "application/json; charset=utf-8").body(good);
    Answer::to(request).await.ok();
}

#[tokio::test]
async fn an_oversized_body_is_refused() {
    let server = Server::start().await;
    let body = message_with("/biz_opaque_callback_data", Some(json!("x".repeat(300_000))));
    server.send(&body).await.refused(413, 100, None);
}

#[tokio::test]
async fn faults_in_the_envelope_are_named() {
    let server = Server::start().await;
    let types = "AUDIO, CONTACTS, DOCUMENT, IMAGE, INTERACTIVE, LOCATION, REACTION, STICKER, TEMPLATE, TEXT, VIDEO";
    for (pointer, value, message) in [
        ("/messaging_product", None, "The parameter messaging_product is required.".to_owned()),
        (
            "/messaging_product",
            Some(json!("sms")),
            "Param messaging_product must be one of {WHATSAPP} - got \"sms\".".to_owned(),
        ),
        ("/to", None, "The parameter to is required.".to_owned()),
        ("/to", Some(Value::Null), "The parameter to is required.".to_owned()),
        (
            "/recipient_type",
            Some(json!("everyone")),
            "Param recipient_type must be one of {INDIVIDUAL, GROUP} - got \"everyone\".".to_owned(),
        ),
        ("/type", None, "The parameter type is required.".to_owned()),
        ("/type", Some(json!("otp")), format!("Param type must be one of {{{types}}} - got \"otp\".")),
        ("/template", None, "The parameter template is required.".to_owned()),
        ("/template/name", None, "The parameter template['name'] is required.".to_owned()),
        ("/template/language", None, "The parameter template['language'] is required.".to_owned()),
        (
            "/template/language/code",
            None,
            "The parameter template['language']['code'] is required.".to_owned(),
        ),
        (
            "/template/language/policy",
            Some(json!("fallback")),
            "Param template['language']['policy'] must be one of {DETERMINISTIC} - got \"fallback\".".to_owned(),
        ),
        (
            "/template/components/1/sub_type",
            Some(json!("phone_number")),
            "Param template['components'][1]['sub_type'] must be one of {BOOKING_CONFIRMATION, CATALOG, COPY_CODE, FLOW, MPM, ORDER_DETAILS, QUICK_REPLY, REMINDER, URL, VOICE_CALL} - got \"phone_number\".".to_owned(),
        ),
        (
            "/biz_opaque_callback_data",
            Some(json!("x".repeat(513))),
            "Param biz_opaque_callback_data must be at most 512 characters long.".to_owned(),
        ),
        (
            "/biz_opaque_callback_data",
            Some(json!(7)),
            "Param biz_opaque_callback_data must be a string.".to_owned(),
        ),
        ("/template/components", Some(json!({})), "Param template['components'] must be an array.".to_owned()),
    ] {
        let error = server.send(&message_with(pointer, value)).await.refused(400, 100, None);
        assert_eq!(error["message"], format!("(#100) {message}"), "{pointer}");
    }
}

#[tokio::test]
async fn kinds_of_message_that_only_users_send_are_unsupported() {
    let server = Server::start().await;
    let body = message_with("/type", Some(json!("order")));
    server.send(&body).await.refused(400, 131_051, None);
}

#[tokio::test]
async fn free_text_is_refused_without_a_conversation() {
    let server = Server::start().await;
    let mut body = message_with("/type", Some(json!("text")));
    let error = server.send(&body).await.refused(400, 100, None);
    assert_eq!(error["message"], "(#100) The parameter text is required.");
    body["text"] = json!({ "body": "hello" });
    server.send(&body).await.refused(400, 131_047, None);
    assert_eq!(server.simulator.inbox(), []);
}
