//! The statuses that follow a message, and how they are sent.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Receiver, at_once, with_receiver};
use crate::{
    Change, MessageStatus, SimulatorSettings, WebhookSettings, WebhookTimes,
    testing::{RECIPIENT, Server, changed, message},
    webhook_signature,
};

impl Server {
    async fn send_with_data(&self, to: &str) {
        let body = changed(message(to, "482913"), "/biz_opaque_callback_data", Some(json!("v1.ver_x.1")));
        self.send(&body).await.ok();
        self.simulator.webhooks_are_idle().await;
    }
}

#[tokio::test]
async fn an_accepted_message_is_sent_delivered_and_read_when_its_chat_is_opened() {
    let (server, receiver) = with_receiver().await;
    server.send_with_data(RECIPIENT).await;
    assert_eq!(receiver.statuses(), ["sent", "delivered"]);
    let opened = server.own(Method::POST, "/inbox/+16315551234/read", None).await;
    assert_eq!(opened.status, 204);
    server.own(Method::POST, "/inbox/16315551234/read", None).await;
    server.simulator.webhooks_are_idle().await;
    assert_eq!(receiver.statuses(), ["sent", "delivered", "read"]);

    let sent = server.simulator.inbox().remove(0);
    assert!(sent.read_at.is_some());
    for post in receiver.posts() {
        let body = post.json();
        assert_eq!(body["object"], "whatsapp_business_account");
        assert_eq!(body["entry"][0]["id"], "100000000000001");
        assert_eq!(body["entry"][0].get("time"), None);
        assert_eq!(body["entry"][0]["changes"][0]["field"], "messages");
        let value = post.value();
        let metadata = json!({ "display_phone_number": "15557890100", "phone_number_id": "200000000000001" });
        assert_eq!((&value["messaging_product"], &value["metadata"]), (&json!("whatsapp"), &metadata));
        let status = &value["statuses"][0];
        assert_eq!(status["id"], sent.id);
        assert_eq!(status["recipient_id"], "16315551234");
        assert_eq!(status["biz_opaque_callback_data"], "v1.ver_x.1");
        assert!(status["timestamp"].as_str().unwrap().parse::<i64>().unwrap() > 1_700_000_000);
        let contact = &value["contacts"][0];
        assert_eq!(contact["wa_id"], "16315551234");
        assert_eq!(contact["user_id"], status["recipient_user_id"]);
        assert_eq!(contact["profile"].get("username").is_none(), status["status"] == "sent");
        assert_eq!(status.get("pricing").is_none(), status["status"] == "read");
        if let Some(pricing) = status.get("pricing") {
            let expected =
                json!({ "billable": true, "pricing_model": "PMP", "type": "regular", "category": "authentication" });
            assert_eq!(pricing, &expected);
        }
    }
}

#[tokio::test]
async fn the_exact_bytes_are_signed_and_escaped_as_meta_does() {
    let (server, receiver) = with_receiver().await;
    server.send_with_data(RECIPIENT).await;
    let post = receiver.posts().remove(0);
    assert_eq!(post.header("x-hub-signature-256"), webhook_signature("s3cret", &post.bytes));
    assert_eq!(post.header("user-agent"), "facebookexternalua");
    assert_eq!(post.header("content-type"), "application/json");
    assert!(!post.headers.contains_key("content-encoding"));
    let text = String::from_utf8(post.bytes).unwrap();
    assert!(text.is_ascii() && text.contains(r"Zo\u00eb \ud83d\ude00"), "{text}");
    // The ids of messages are base64, with slashes in some.
    assert!(!text.replace("\\/", "").contains('/'), "{text}");
}

#[tokio::test]
async fn a_webhook_is_tried_until_it_gets_200_and_redirects_are_not_followed() {
    let (server, receiver) = with_receiver().await;
    receiver.answer([500, 201, 204, 302]);
    let change = Change::new("security", json!({ "event": "PIN_CHANGED" }));
    server.simulator.send_webhook(server.simulator.webhook().with(change));
    server.simulator.webhooks_are_idle().await;
    let posts = receiver.posts();
    assert_eq!(posts.len(), 5);
    assert!(posts.iter().all(|post| post.bytes == posts[0].bytes));
}

#[tokio::test]
async fn a_webhook_that_is_never_taken_is_dropped() {
    let (server, receiver) = with_receiver().await;
    receiver.answer([500; 100]);
    server.simulator.send_webhook(server.simulator.webhook());
    server.simulator.webhooks_are_idle().await;
    assert_eq!(receiver.posts().len(), 6);
    drop(receiver);
    server.simulator.send_webhook(server.simulator.webhook());
    server.simulator.webhooks_are_idle().await;
}

#[tokio::test]
async fn every_url_gets_every_webhook_and_every_retry() {
    let (server, first) = with_receiver().await;
    let second = Receiver::start().await;
    server.simulator.send_webhooks_to(second.url(), "other");
    first.answer([503]);
    server.simulator.send_webhook(server.simulator.webhook());
    server.simulator.webhooks_are_idle().await;
    assert_eq!((first.posts().len(), second.posts().len()), (2, 2));
    let post = first.posts().remove(0);
    assert_eq!(post.header("x-hub-signature-256"), webhook_signature("other", &post.bytes));
}

#[tokio::test]
async fn no_webhook_is_sent_without_an_app_or_to_one_that_is_not_subscribed() {
    let receiver = Receiver::start().await;
    let server = Server::with(SimulatorSettings {
        webhooks: Some(WebhookSettings::to([receiver.url()])),
        webhook_times: WebhookTimes::zero(),
        ..SimulatorSettings::default()
    })
    .await;
    let switch = json!({ "app_subscribed": false });
    server.own(Method::PATCH, "/switches", Some(switch)).await.ok();
    server.send_with_data(RECIPIENT).await;
    server.own(Method::PATCH, "/switches", Some(json!({ "app_subscribed": true }))).await.ok();
    server.simulator.set_webhooks(None);
    server.send_with_data(RECIPIENT).await;
    assert_eq!(receiver.statuses(), Vec::<String>::new());
}

#[tokio::test]
async fn ordinary_webhooks_can_be_held_back() {
    let (server, receiver) = with_receiver().await;
    server.simulator.hold_webhooks();
    server.send_with_data(RECIPIENT).await;
    let held = server.simulator.held_webhooks();
    assert_eq!(held.len(), 2);
    assert_eq!(held[1].body["entry"][0]["changes"][0]["value"]["statuses"][0]["status"], "delivered");
    let bytes = held[1].bytes();
    for signature in [vec![], vec!["sha256=00"], vec!["sha1=1", "sha256=2"]] {
        let status = server.simulator.post_webhook(receiver.url(), bytes.clone(), &signature).await;
        assert_eq!(status, Ok(200));
        let given: Vec<_> =
            receiver.posts().pop().unwrap().headers.get_all("x-hub-signature-256").iter().cloned().collect();
        assert_eq!(given, signature);
    }
    assert_eq!(receiver.statuses(), ["delivered"; 3]);
    server.send_with_data(RECIPIENT).await;
    server.simulator.release_webhooks();
    server.simulator.webhooks_are_idle().await;
    assert_eq!(receiver.posts().len(), 5);
    server.send_with_data(RECIPIENT).await;
    assert_eq!(receiver.posts().len(), 7);
}

#[tokio::test]
async fn a_number_can_ask_for_a_course() {
    let (server, receiver) = with_receiver().await;
    for (to, expected, on_phone) in [
        ("+15551131026", &["failed"][..], false),
        ("+15552000000", &["sent", "delivered"], true),
        ("+15552100000", &["sent"], false),
        ("+15552200000", &[], false),
        ("+15552300000", &["read"], true),
        ("+15550920000", &["sent"], false),
        ("+15550930000", &["failed"], false),
    ] {
        let before = receiver.posts().len();
        server.send_with_data(to).await;
        assert_eq!(receiver.statuses()[before..], *expected, "{to}");
        assert_eq!(server.simulator.latest(&to[1..]).is_some(), on_phone, "{to}");
    }
    let of = |word: &str| {
        let value = |post: &super::receiver::Post| post.value();
        receiver.posts().iter().map(value).find(|value| value["statuses"][0]["status"] == word).unwrap()
    };
    let failed = of("failed");
    assert_eq!(failed.get("contacts"), None);
    let error = &failed["statuses"][0]["errors"][0];
    assert_eq!((&error["code"], &error["title"]), (&json!(131_026), &json!("Message undeliverable")));
    assert_eq!((&error["message"], &error["error_data"]["details"]), (&error["title"], &error["title"]));
    assert_eq!(of("read")["statuses"][0]["pricing"]["category"], "authentication", "the price is told once");
}

#[tokio::test]
async fn a_late_message_arrives_late() {
    let (server, receiver) = with_receiver().await;
    let order = json!({ "kind": "deliver_late", "milliseconds": 200 });
    server.own(Method::POST, "/orders", Some(order)).await;
    server.send(&message(RECIPIENT, "1")).await.ok();
    assert_eq!(server.simulator.inbox()[0].status, MessageStatus::OnItsWay);
    server.simulator.open_phone("16315551234");
    server.simulator.webhooks_are_idle().await;
    assert_eq!(receiver.statuses(), ["sent", "delivered"]);
    assert_eq!(server.simulator.latest("16315551234").unwrap().code.as_deref(), Some("1"));
}

#[tokio::test]
async fn webhooks_can_come_before_the_answer_or_despite_an_error() {
    let (server, receiver) = with_receiver().await;
    let order = json!({ "kind": "answer_late", "milliseconds": 1_000 });
    server.own(Method::POST, "/orders", Some(order)).await;
    let send = server.graph(Method::POST, &server.messages()).json(&message(RECIPIENT, "1"));
    let answer = tokio::spawn(send.send());
    while receiver.posts().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(!answer.is_finished());
    assert_eq!(answer.await.unwrap().unwrap().status(), 200);

    server.own(Method::POST, "/orders", Some(json!({ "kind": "answer_wrong", "code": 131_000 }))).await;
    server.send_code(RECIPIENT, "2").await.refused(500, 131_000, None);
    server.simulator.webhooks_are_idle().await;
    assert_eq!(receiver.statuses(), ["sent", "delivered", "sent", "delivered"]);
}

#[tokio::test]
async fn a_message_that_was_read_first_is_not_reported_as_delivered() {
    let receiver = Receiver::start().await;
    let times = WebhookTimes { delivered: std::time::Duration::from_millis(300), ..WebhookTimes::zero() };
    let server = Server::with(SimulatorSettings { webhook_times: times, ..at_once() }).await;
    server.simulator.send_webhooks_to(receiver.url(), "s3cret");
    server.send(&message(RECIPIENT, "1")).await.ok();
    server.simulator.open_phone("16315551234");
    server.simulator.webhooks_are_idle().await;
    let mut statuses = receiver.statuses();
    statuses.sort();
    assert_eq!(statuses, ["read", "sent"]);
    assert!(receiver.posts().iter().all(|post| post.value()["statuses"][0]["pricing"].is_object()));
}

#[tokio::test]
async fn a_tap_says_that_the_person_did_not_ask() {
    let (server, receiver) = with_receiver().await;
    let id = server.send_code(RECIPIENT, "1").await.ok()["messages"][0]["id"].as_str().unwrap().to_owned();
    server.simulator.webhooks_are_idle().await;
    let path = |id: &str| {
        let mut url: url::Url = "http://x/inbox/messages".parse().unwrap();
        url.path_segments_mut().unwrap().extend([id, "did-not-request"]);
        url.path().to_owned()
    };
    assert_eq!(server.own(Method::POST, &path(&id), None).await.status, 204);
    assert_eq!(server.own(Method::POST, &path("wamid.other"), None).await.status, 404);
    server.simulator.webhooks_are_idle().await;
    let value = receiver.posts().pop().unwrap().value();
    let tap = &value["messages"][0];
    assert_eq!((&tap["type"], &tap["from"]), (&json!("button"), &json!("16315551234")));
    assert_eq!(tap["button"]["payload"], "DID_NOT_REQUEST_CODE");
    assert_eq!(tap["context"], json!({ "from": "15557890100", "id": id }));
    assert_eq!(value["contacts"][0]["wa_id"], "16315551234");
}

#[tokio::test]
async fn a_test_can_build_any_batch() {
    let (server, _receiver) = with_receiver().await;
    let simulator = &server.simulator;
    server.send_with_data(RECIPIENT).await;
    let message = simulator.message_with("v1.ver_x.1").unwrap();
    assert_eq!(simulator.message_with("v1.ver_y.1"), None);
    let mut odd = simulator.status(&message, "warned");
    odd["timestamp"] = json!(7);
    let failed = simulator.failed_status(&message, &[131_026, 131_049]);
    let webhook = simulator
        .webhook()
        .with(simulator.statuses_change(vec![odd, failed, Value::Null]))
        .with_entry([simulator.text_change("+1 631 555 1234", "hi"), simulator.changed_number_change("1", "2")]);
    let entries = webhook.body["entry"].as_array().unwrap();
    let statuses = &entries[0]["changes"][0]["value"]["statuses"];
    assert_eq!((&statuses[0]["status"], &statuses[2]), (&json!("warned"), &Value::Null));
    assert_eq!(statuses[1]["errors"][1]["code"], 131_049);
    let text = &entries[1]["changes"][0]["value"]["messages"][0];
    assert_eq!((&text["from"], &text["text"]["body"]), (&json!("16315551234"), &json!("hi")));
    let system = &entries[1]["changes"][1]["value"];
    assert_eq!((&system["messages"][0]["system"]["wa_id"], system.get("contacts")), (&json!("2"), None));
}
