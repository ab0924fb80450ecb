//! The template of a message, and its parameters.

use reqwest::Method;
use serde_json::json;

use super::{BODY_TEXT, BUTTON, BUTTON_TEXT, with_code};
use crate::{
    TemplateStatus,
    testing::{Answer, RECIPIENT, Server, message, message_with},
};

#[tokio::test]
async fn only_an_approved_template_in_exactly_that_language_exists() {
    let server = Server::start().await;
    for (pointer, value, details) in [
        ("/template/name", "other", "template name (other) does not exist in en_US"),
        ("/template/language/code", "en", "template name (otp_login) does not exist in en"),
        ("/template/language/code", "en_us", "template name (otp_login) does not exist in en_us"),
    ] {
        let answer = server.send(&message_with(pointer, Some(json!(value)))).await;
        let error = answer.refused(404, 132_001, None);
        let expected = "(#132001) Template name does not exist in the translation";
        assert_eq!(error["message"], expected);
        assert_eq!(error["error_data"]["details"], details);
    }
    for (status, http, code) in [
        (TemplateStatus::Pending, 404, 132_001),
        (TemplateStatus::Rejected, 404, 132_001),
        (TemplateStatus::InAppeal, 404, 132_001),
        (TemplateStatus::Archived, 404, 132_001),
        (TemplateStatus::PendingDeletion, 404, 132_001),
        (TemplateStatus::Paused, 400, 132_015),
        (TemplateStatus::Disabled, 400, 132_016),
    ] {
        assert!(server.simulator.set_template_status("300000000000001", status));
        server.send_code(RECIPIENT, "1").await.refused(http, code, None);
    }
    assert!(server.simulator.set_template_status("300000000000001", TemplateStatus::Approved));
    server.send_code(RECIPIENT, "1").await.ok();
}

#[tokio::test]
async fn the_body_takes_exactly_one_parameter() {
    let server = Server::start().await;
    let text = json!({ "type": "text", "text": "1" });
    for (given, parameters) in [(0, json!([])), (2, json!([text, text]))] {
        let body = message_with("/template/components/0/parameters", Some(parameters));
        let error = server.send(&body).await.refused(400, 132_000, None);
        let expected = "(#132000) Number of parameters does not match the expected number of params";
        assert_eq!(error["message"], expected);
        assert_eq!(
            error["error_data"]["details"],
            format!("body: number of localizable_params ({given}) does not match the expected number of params (1)")
        );
    }
    let without_body = message_with("/template/components/0", None);
    server.send(&without_body).await.refused(400, 132_000, None);
    let header = json!({ "type": "header", "parameters": [text] });
    let with_header = message_with("/template/components/2", Some(header));
    server.send(&with_header).await.refused(400, 132_000, None);
}

#[tokio::test]
async fn the_button_is_required_once_as_a_link_at_index_zero() {
    let server = Server::start().await;
    let missing = "buttons: Button at index 0 of type Url requires a parameter";
    let text = json!({ "type": "text", "text": "482913" });
    let button = message(RECIPIENT, "482913").pointer(BUTTON).unwrap().clone();
    for (pointer, value, code, details) in [
        (BUTTON, None, 131_008, missing),
        ("/template/components/1/index", None, 131_008, missing),
        ("/template/components/1/parameters", None, 131_008, missing),
        ("/template/components/1/parameters", Some(json!([])), 131_008, missing),
        ("/template/components/1/index", Some(json!("1")), 100, "no button at index"),
        ("/template/components/1/index", Some(json!("first")), 100, "no button at index"),
        ("/template/components/1/sub_type", Some(json!("copy_code")), 132_018, "sub_type COPY_CODE"),
        (
            "/template/components/1/parameters",
            Some(json!([text, text])),
            132_000,
            "buttons: number of localizable_params (2)",
        ),
        ("/template/components/2", Some(button), 132_000, "buttons: number of localizable_params (2)"),
    ] {
        let error = server.send(&message_with(pointer, value)).await.refused(400, code, None);
        let got = error["error_data"]["details"].as_str().unwrap();
        assert!(got.contains(details), "{pointer}: {got}");
    }
    let body = message_with("/template/components/1/sub_type", None);
    let error = server.send(&body).await.refused(400, 100, None);
    let expected = "(#100) The parameter template['components'][1]['sub_type'] is required.";
    assert_eq!(error["message"], expected);
}

#[tokio::test]
async fn parameters_are_positional_texts() {
    let server = Server::start().await;
    for parameter in [
        json!({ "type": "payload", "payload": "1" }),
        json!({ "type": "image", "image": { "id": "1" } }),
        json!({ "type": "text", "text": "482913", "parameter_name": "code" }),
    ] {
        for place in [0, 1] {
            let pointer = format!("/template/components/{place}/parameters/0");
            let body = message_with(&pointer, Some(parameter.clone()));
            server.send(&body).await.refused(400, 132_012, None);
        }
    }
}

#[tokio::test]
async fn an_empty_code_counts_as_missing() {
    let server = Server::start().await;
    for pointer in [BODY_TEXT, BUTTON_TEXT] {
        let body = message_with(pointer, Some(json!("")));
        server.send(&body).await.refused(400, 131_008, None);
        let body = message_with(pointer, None);
        server.send(&body).await.refused(400, 131_008, None);
    }
}

#[tokio::test]
async fn texts_that_cannot_be_codes_are_refused() {
    let server = Server::start().await;
    for (code, details) in [
        ("12\n34", "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"),
        ("12\t34", "more than 4 consecutive spaces"),
        ("12     34", "more than 4 consecutive spaces"),
        ("1234567890123456", "exceeds the maximum length in the AUTHENTICATION category (15 characters)."),
        ("https://a.io/1", "URLs"),
        ("12😀", "emojis"),
    ] {
        let error = server.send(&with_code(code)).await.refused(400, 132_018, None);
        let got = error["error_data"]["details"].as_str().unwrap();
        assert!(got.contains(details), "{code}: {got}");
    }
}

#[tokio::test]
async fn before_v23_parameter_errors_had_another_code() {
    let server = Server::start().await;
    let token = "EAASIMULATOR0SYSTEM0USER0TOKEN";
    for (version, code) in [("v21.0", 132_012), ("v22.0", 132_012), ("v23.0", 132_018)] {
        let path = format!("/{version}{}", server.messages());
        let request = server.plain(Method::POST, &path).bearer_auth(token);
        let answer = Answer::to(request.json(&with_code("12\n34"))).await;
        answer.refused(400, code, None);
    }
}

#[tokio::test]
async fn body_and_button_must_carry_the_same_code() {
    let server = Server::start().await;
    let body = message_with(BUTTON_TEXT, Some(json!("482914")));
    server.send(&body).await.refused(400, 132_018, None);
    assert_eq!(server.simulator.inbox(), []);
}

#[tokio::test]
async fn other_templates_take_the_parameters_of_their_own_text() {
    let server = Server::start().await;
    let text = |text: &str| json!({ "type": "text", "text": text });
    let mut body = message_with("/template/name", Some(json!("order_shipped")));
    server.send(&body).await.refused(400, 132_000, None);
    let parameters = json!([text("number 1234567890123456"), text("Monday")]);
    body["template"]["components"] = json!([{ "type": "body", "parameters": parameters }]);
    server.send(&body).await.ok();
    let received = server.simulator.latest("16315551234").unwrap();
    assert_eq!(received.body, "Your order number 1234567890123456 is on its way and arrives on Monday.");
    assert_eq!((received.code, received.button), (None, None));

    let mut body = message_with("/template/name", Some(json!("hello_world")));
    let button = body["template"]["components"][1].take();
    body["template"]["components"] = json!([button]);
    server.send(&body).await.refused(400, 100, None);
    body["template"].as_object_mut().unwrap().remove("components");
    server.send(&body).await.ok();
}
