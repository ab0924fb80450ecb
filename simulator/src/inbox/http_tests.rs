//! The inbox over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::testing::{RECIPIENT, Server};

async fn inbox(server: &Server, query: &str) -> Vec<Value> {
    let path = format!("/inbox{query}");
    let listed = server.own(Method::GET, &path, None).await.ok();
    listed.as_array().unwrap().clone()
}

#[tokio::test]
async fn messages_are_listed_newest_first_and_can_be_deleted() {
    let server = Server::start().await;
    assert_eq!(inbox(&server, "").await, Vec::<Value>::new());
    for code in ["1", "2", "3"] {
        server.send_code(RECIPIENT, code).await.ok();
    }
    let listed = inbox(&server, "").await;
    let codes: Vec<_> = listed.iter().map(|message| &message["code"]).collect();
    assert_eq!(codes, ["3", "2", "1"]);
    assert_eq!(inbox(&server, "?limit=2").await, listed[..2]);
    let bad = server.own(Method::GET, "/inbox?limit=few", None).await;
    assert_eq!(bad.status, 400);
    assert_eq!(bad.json()["error"], "`limit` must be a number.");
    assert_eq!(server.own(Method::DELETE, "/inbox", None).await.status, 204);
    assert_eq!(inbox(&server, "").await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_latest_message_is_found_by_any_notation_of_the_number() {
    let server = Server::start().await;
    let sent = server.send_code(RECIPIENT, "482913").await.ok();
    for phone in ["16315551234", "+16315551234", "%2B16315551234", "+1%20(631)%20555-1234"] {
        let path = format!("/inbox/{phone}/latest");
        let answer = server.own(Method::GET, &path, None).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        let mut latest = answer.ok();
        let received_at = latest["received_at"].take();
        let received_at = received_at.as_str().unwrap();
        received_at.parse::<jiff::Timestamp>().unwrap();
        assert_eq!(received_at.len(), "2026-11-22T15:00:00.000Z".len());
        let expected = json!({
            "id": sent["messages"][0]["id"],
            "to": "+16315551234",
            "status": "delivered",
            "code": "482913",
            "template": "otp_login",
            "language": "en_US",
            "button": "copy_code",
            "button_text": "Copy code",
            "autofill_text": null,
            "body": "*482913* is your verification code. For your security, do not share this code.",
            "footer": "This code expires in 5 minutes.",
            "code_expiration_minutes": 5,
            "biz_opaque_callback_data": null,
            "received_at": null,
        });
        assert_eq!(latest, expected, "{phone}");
    }
    let none = server.own(Method::GET, "/inbox/16315551235/latest", None).await;
    assert_eq!(none.status, 404);
    assert_eq!(none.json()["error"], "No message has reached this phone number.");
}

#[tokio::test]
async fn new_messages_are_streamed_to_listeners() {
    let server = Server::start().await;
    server.send_code(RECIPIENT, "1").await.ok();
    let request = server.plain(Method::GET, "/inbox/events");
    let mut events = request.send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    server.send_code(RECIPIENT, "2").await.ok();
    server.send_code(RECIPIENT, "3").await.ok();
    let mut stream = String::new();
    while stream.matches("\n\n").count() < 2 {
        let chunk = events.chunk().await.unwrap().unwrap();
        stream.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let listed = inbox(&server, "").await;
    for (event, message) in stream.split("\n\n").zip(listed[..2].iter().rev()) {
        let (name, data) = event.split_once('\n').unwrap();
        assert_eq!(name, "event: message");
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(&data, message);
    }
}
