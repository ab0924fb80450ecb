//! The feed over HTTP.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{FeedAnswer, FeedMessage, FeedRequest, FeedStep, KEPT, LONGEST_BODY, StepKind, masked};
use crate::{
    Behaviour, Order,
    testing::{RECIPIENT, Server, changed, message},
    webhooks::tests::with_receiver,
};

const REFERENCE: &str = "v1.ver_x.1";

async fn feed(server: &Server) -> Vec<Value> {
    server.own(Method::GET, "/feed", None).await.ok().as_array().unwrap().clone()
}

async fn send(server: &Server, to: &str) {
    let body = changed(message(to, "482913"), "/biz_opaque_callback_data", Some(json!(REFERENCE)));
    let _ = server.send(&body).await;
    server.simulator.webhooks_are_idle().await;
}

fn request(path: &str) -> FeedRequest {
    FeedRequest { id: "id-1".into(), method: "GET".into(), path: path.into(), shown: "/otp/1555*****67".into() }
}

/// Each step as `kind name outcome`.
fn steps(entry: &Value) -> Vec<String> {
    let steps = entry["steps"].as_array().unwrap().iter();
    steps.map(|step| ["kind", "name", "outcome"].map(|member| step[member].as_str().unwrap()).join(" ")).collect()
}

#[tokio::test]
async fn without_a_service_the_feed_shows_the_calls_and_the_webhooks_that_followed() {
    let (server, _receiver) = with_receiver().await;
    server.get("/300000000000001").await.ok();
    send(&server, RECIPIENT).await;
    send(&server, "+15550131026").await;
    let [refused, sent, read] = feed(&server).await.try_into().unwrap();
    assert_eq!((&read["about"], &read["method"], &read["status"]), (&json!("call"), &json!("GET"), &json!(200)));
    assert_eq!((&sent["phone"], &sent["outcome"]), (&json!("1631*****34"), &json!("accepted")));
    assert!(sent["request"]["body"].as_str().unwrap().contains("482913"), "{sent}");
    assert!(sent["response"]["body"].as_str().unwrap().contains("wamid."), "{sent}");
    assert_eq!(steps(&sent), ["webhook sent 200", "webhook delivered 200"]);
    assert_eq!((&refused["status"], &refused["outcome"]), (&json!(400), &json!("refused")));
    assert!(refused["reason"].as_str().unwrap().starts_with("error 131026: "), "{refused}");
    let token = &server.simulator.settings().access_token;
    assert!(!json!([refused, sent, read]).to_string().contains(token.as_str()), "the token is not shown");
}

#[tokio::test]
async fn a_webhook_that_no_message_caused_is_an_entry() {
    let (server, receiver) = with_receiver().await;
    receiver.answer([500]);
    let change = json!({ "field": "security", "value": { "event": "PIN_CHANGED" } });
    let given = server.own(Method::POST, "/webhooks", Some(change)).await;
    assert!(given.status < 300, "{given:?}");
    server.simulator.webhooks_are_idle().await;
    let [again, first] = feed(&server).await.try_into().unwrap();
    for (entry, status) in [(&first, 500), (&again, 200)] {
        assert_eq!((&entry["about"], &entry["outcome"]), (&json!("webhook"), &json!("security")));
        assert_eq!(entry["status"], status);
    }
}

#[tokio::test]
async fn calls_and_webhooks_join_the_story_of_the_request_that_caused_them() {
    let (server, _receiver) = with_receiver().await;
    let feed_of_service = server.simulator.feed_of_service();
    let number = feed_of_service.begin(request("/otp/15551234567"));
    let decision = FeedStep {
        kind: StepKind::Decision,
        name: "create".into(),
        outcome: "created".into(),
        detail: None,
        is_good: true,
        took: Some(Duration::from_micros(1_230)),
    };
    feed_of_service.step(number, decision);
    feed_of_service.causes(number, REFERENCE.to_owned());
    server.get("/300000000000001").await.ok();
    send(&server, RECIPIENT).await;
    let response = FeedMessage::new(vec![("content-type".into(), "text/plain".into())], b"OK");
    feed_of_service.end(number, FeedAnswer { response: Some((200, response)), ..FeedAnswer::default() });

    let [entry] = feed(&server).await.try_into().unwrap();
    assert_eq!((&entry["about"], &entry["status"]), (&json!("request"), &json!(200)));
    assert_eq!((&entry["path"], &entry["shown"]), (&json!("/otp/15551234567"), &json!("/otp/1555*****67")));
    assert_eq!(entry["response"]["body"], "OK");
    assert_eq!(entry["steps"][0]["took_ms"], 1.2);
    let expected = ["decision create created", "call POST …/messages 200", "webhook sent 200", "webhook delivered 200"];
    assert_eq!(steps(&entry), expected);
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_when_its_caller_gives_up() {
    let server = Server::start().await;
    let number = server.simulator.feed_of_service().begin(request("/"));
    server.simulator.feed_of_service().causes(number, REFERENCE.to_owned());
    let hang = Behaviour::Hang { taken: false };
    assert!(server.simulator.push_order(Order { behaviour: hang, to: None, times: 1 }));
    let body = changed(message(RECIPIENT, "1"), "/biz_opaque_callback_data", Some(json!(REFERENCE)));
    let call = server.graph(Method::POST, &server.messages()).json(&body).timeout(Duration::from_millis(200));
    call.send().await.unwrap_err();
    let ended = async || {
        loop {
            let step = feed(&server).await[0]["steps"][0].take();
            if step["took_ms"].is_number() {
                return step;
            }
            tokio::task::yield_now().await;
        }
    };
    let step = tokio::time::timeout(Duration::from_secs(10), ended()).await.unwrap();
    assert_eq!((&step["outcome"], &step["is_good"]), (&json!("no answer"), &json!(false)));
}

#[tokio::test]
async fn every_change_is_streamed_and_the_feed_can_be_cleared() {
    let server = Server::start().await;
    let mut stream = server.plain(Method::GET, "/feed/stream").send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let feed_of_service = server.simulator.feed_of_service();
    let number = feed_of_service.begin(request("/otp/1"));
    feed_of_service.end(number, FeedAnswer { response: Some((400, FeedMessage::default())), ..FeedAnswer::default() });
    assert_eq!(server.own(Method::DELETE, "/feed", None).await.status, 204);
    let mut text = String::new();
    while text.matches("\n\n").count() < 3 {
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    let events: Vec<_> = text.split("\n\n").filter_map(|event| event.split_once('\n')).collect();
    let status = |at: usize| -> Value {
        serde_json::from_str::<Value>(events[at].1.strip_prefix("data: ").unwrap()).unwrap()["status"].take()
    };
    assert_eq!([events[0].0, events[1].0, events[2].0], ["event: entry", "event: entry", "event: cleared"]);
    assert_eq!([status(0), status(1)], [Value::Null, json!(400)]);
    assert_eq!(feed(&server).await, Vec::<Value>::new());
    // A step of an entry that is gone changes nothing.
    feed_of_service.causes(number, "x".to_owned());
    assert_eq!(feed(&server).await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_feed_is_bounded() {
    let server = Server::start().await;
    let feed_of_service = server.simulator.feed_of_service();
    for n in 0..=KEPT {
        let _ = feed_of_service.begin(request(&format!("/{n}{}", "x".repeat(10_000))));
    }
    let listed = feed(&server).await;
    assert_eq!(listed.len(), KEPT);
    assert!(listed[0]["path"].as_str().unwrap().len() < 2_000);
    assert!(listed[KEPT - 1]["path"].as_str().unwrap().starts_with("/1x"));
}

#[test]
fn long_bodies_and_those_that_are_no_text_are_cut() {
    let whole = FeedMessage::new(Vec::new(), b"{}");
    assert_eq!((whole.body.as_str(), whole.is_cut), ("{}", false));
    let long = FeedMessage::new(Vec::new(), &[b'x'; LONGEST_BODY + 1]);
    assert_eq!((long.body.len(), long.is_cut), (LONGEST_BODY, true));
    assert!(FeedMessage::new(Vec::new(), &[0xff, 0xfe]).is_cut);
}

#[test]
fn numbers_are_masked() {
    assert_eq!([masked("+15551234567"), masked("+1 234"), masked("")], ["1555*****67", "****", ""]);
}
