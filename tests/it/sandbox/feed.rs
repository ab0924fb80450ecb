//! The feed of the page: every request to the service, with its story.

use reqwest::Method;
use serde_json::{Value, json};

use super::Sandbox;
use crate::harness::reply::send;

const PHONE: &str = "15551234567";

impl Sandbox {
    async fn feed(&self) -> Vec<Value> {
        self.page(Method::GET, "/feed").await.1.as_array().unwrap().clone()
    }

    /// Returns the newest entry once its story has this step.
    async fn story_with(&self, kind: &str, name: &str) -> Value {
        for _ in 0..500 {
            let entry = self.feed().await.remove(0);
            if steps(&entry).iter().any(|step| step.starts_with(&format!("{kind} {name} "))) {
                return entry;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("no {kind} {name} in {:#}", self.feed().await[0]);
    }

    async fn v1(&self, path: &str, body: &Value) -> Value {
        let call = self.service.call(Method::POST, &format!("/v1/verifications{path}"));
        let call = call.bearer_auth(&self.key).header("user-agent", "an-app/1").json(body);
        call.send().await.unwrap().json().await.unwrap()
    }
}

/// Each step as `kind name outcome`.
fn steps(entry: &Value) -> Vec<String> {
    let steps = entry["steps"].as_array().unwrap().iter();
    steps.map(|step| ["kind", "name", "outcome"].map(|member| step[member].as_str().unwrap()).join(" ")).collect()
}

#[tokio::test]
async fn a_request_for_a_code_unfolds_into_its_story() {
    let sandbox = Sandbox::start(&[]).await;
    let created = sandbox.v1("", &json!({ "to": format!("+{PHONE}") })).await;
    let entry = sandbox.story_with("webhook", "delivered").await;
    assert_eq!(entry["shown"], "/v1/verifications");
    assert_eq!(
        (&entry["method"], &entry["status"], &entry["outcome"]),
        (&json!("POST"), &json!(201), &json!("created"))
    );
    assert_eq!((&entry["phone"], &entry["app"]), (&json!("1555*****67"), &json!("default")));
    assert_eq!((&entry["key"], &entry["verification"]), (&json!("sandbox-server"), &created["id"]));
    assert!(entry["took_ms"].as_f64().unwrap() > 0.0, "{entry}");
    assert_eq!(entry["request"]["body"], format!("{{\"to\":\"+{PHONE}\"}}"));
    let of_request = entry["request"]["headers"].as_array().unwrap();
    assert!(of_request.contains(&json!(["user-agent", "an-app/1"])), "{entry}");
    assert!(of_request.contains(&json!(["authorization", "Bearer …"])), "{entry}");
    assert!(entry["response"]["headers"].to_string().contains("ratelimit"), "{entry}");
    let answered: Value = serde_json::from_str(entry["response"]["body"].as_str().unwrap()).unwrap();
    assert_eq!(answered, created);
    let expected = [
        "decision create created",
        "call POST …/messages 200",
        "send message 1 accepted",
        "decision delivery recorded",
        "webhook sent 200",
        "webhook delivered 200",
    ];
    // Webhooks may be faster than the answer.
    let mut found = steps(&entry);
    assert_eq!(found[..2], expected[..2]);
    found.sort();
    let mut sorted = expected;
    sorted.sort_unstable();
    assert_eq!(found, sorted);
    assert!(!json!(sandbox.feed().await).to_string().contains(&sandbox.key), "no key is shown");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_guess_is_shown_with_what_the_store_decided() {
    let sandbox = Sandbox::start(&[]).await;
    sandbox.service.request(PHONE).await.is(200, "OK");
    sandbox.service.verify(PHONE, "000000").await;
    let entry = sandbox.feed().await.remove(0);
    assert_eq!((&entry["shown"], &entry["path"]), (&json!("/otp/1555*****67"), &json!(format!("/otp/{PHONE}"))));
    assert_eq!((&entry["status"], &entry["outcome"]), (&json!(401), &json!("wrong")));
    assert_eq!(entry["request"]["body"], "{\"code\":\"000000\"}");
    assert_eq!((&entry["key"], &entry["id"].is_string()), (&Value::Null, &true));
    let [step] = entry["steps"].as_array().unwrap().as_slice() else { panic!("{entry}") };
    assert_eq!((&step["name"], &step["outcome"]), (&json!("check"), &json!("wrong")));
    assert_eq!((&step["detail"], &step["is_good"]), (&json!("attempts left: 2"), &json!(false)));
    assert!(step["took_ms"].is_number(), "{step}");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_refusal_of_whatsapp_is_in_the_story() {
    let sandbox = Sandbox::start(&[]).await;
    sandbox.service.request("15550131026").await;
    let entry = sandbox.feed().await.remove(0);
    assert_eq!((&entry["status"], &entry["outcome"]), (&json!(500), &json!("send_failed")));
    let expected = [
        "decision create created",
        "call POST …/messages 400",
        "decision take_back taken_back",
        "send message 1 recipient",
    ];
    let mut found = steps(&entry);
    found.sort();
    let mut sorted = expected;
    sorted.sort_unstable();
    assert_eq!(found, sorted);
    let call = entry["steps"].as_array().unwrap().iter().find(|step| step["kind"] == "call").unwrap();
    assert!(call["detail"].as_str().unwrap().starts_with("error 131026: "), "{call}");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_retry_is_a_second_call_of_the_same_request() {
    let sandbox = Sandbox::start(&[]).await;
    let order = json!({ "kind": "error", "code": 131_000, "times": 1 });
    let ordered = sandbox.page.call(Method::POST, "/orders").json(&order).send().await.unwrap();
    assert!(ordered.status().is_success());
    sandbox.service.request(PHONE).await.is(200, "OK");
    let entry = sandbox.feed().await.remove(0);
    let calls: Vec<_> = steps(&entry).into_iter().filter(|step| step.starts_with("call")).collect();
    assert_eq!(calls, ["call POST …/messages 500", "call POST …/messages 200"]);
    sandbox.stop().await;
}

#[tokio::test]
async fn what_no_program_asked_for_is_left_out() {
    let sandbox = Sandbox::start(&[]).await;
    let preflight = sandbox.service.call(Method::OPTIONS, "/v1/verifications").header("origin", "http://localhost:1");
    send(preflight.header("access-control-request-method", "POST")).await;
    sandbox.service.request(PHONE).await.is(200, "OK");
    sandbox.story_with("webhook", "delivered").await;
    sandbox.service.get("/nothing/15551234567").await;
    let shown: Vec<_> = sandbox.feed().await.iter().map(|entry| entry["shown"].clone()).collect();
    assert_eq!(shown, ["/nothing/*******", "/otp/1555*****67"]);
    let cleared = sandbox.page(Method::DELETE, "/feed").await;
    assert_eq!((cleared.0, sandbox.feed().await), (204, vec![]));
    sandbox.stop().await;
}

#[tokio::test]
async fn other_web_pages_cannot_read_it() {
    let sandbox = Sandbox::start(&[]).await;
    for path in ["/feed", "/feed/stream"] {
        let call = sandbox.page.call(Method::GET, path).header("origin", "http://localhost:5173");
        assert_eq!(call.send().await.unwrap().status(), 403, "{path}");
    }
    sandbox.stop().await;
}
