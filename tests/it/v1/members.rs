//! The members of bodies, and the fields of answers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{DIGITS, TO, service};
use crate::harness::api::check;

#[tokio::test]
async fn what_the_caller_says_about_a_verification_comes_back() {
    let app = service().start().await;
    let api = app.api("backend");
    let metadata = json!({"cart": "77", "näme": "välue"});
    let body = json!({
        "to": TO, "app": "default", "locale": "pt_BR", "channel": "whatsapp", "client": {"ip": "203.0.113.7"},
        "reference": "order-42", "metadata": metadata, "proof": {"nonce": "n-0S6_WzA2Mj"},
    });
    let created = api.create_with(&body).await;
    created.shows(201, "pending");
    let is_echo = |answer: &Value| answer["reference"] == "order-42" && answer["metadata"] == metadata;
    assert!(is_echo(&created.json), "{created:?}");
    assert_eq!(created["locale"], "en_US", "the language that the template has");
    let id = created.id();
    // A second create with other details goes on with the first ones.
    let resumed = api.create_with(&json!({"to": TO, "reference": "order-43"})).await;
    assert!(is_echo(&resumed.shows(200, "pending").json), "{resumed:?}");
    assert!(is_echo(&api.get(&id).await.json));
    app.age(Duration::from_secs(30)).await;
    assert!(is_echo(&api.resend(&id).await.json));
    assert!(is_echo(&api.check(&id, &app.code(DIGITS)).await.shows(200, "approved").json));
    let other = api.create("+15557654321").await;
    assert_eq!((other.json.get("reference"), other.json.get("metadata")), (None, None), "absent rather than null");
    app.finish().await;
}

#[tokio::test]
async fn what_no_call_takes_is_refused_with_its_place() {
    let app = service().start().await;
    let api = app.api("backend");
    let id = api.create("+15557654321").await.id();
    let long = "x".repeat(129);
    for (path, body, pointers) in [
        ("/v1/verifications", json!({"to": TO, "purpose": "login"}), vec!["#/purpose"]),
        ("/v1/verifications", json!({"to": TO, "client": {"ip": "203.0.113.7", "os": "x"}}), vec!["#/client/os"]),
        ("/v1/verifications", json!({"to": TO, "proof": {"aud": "x"}}), vec!["#/proof/aud"]),
        ("/v1/verifications", json!({"to": TO, "client": {"ip": "localhost"}}), vec!["#/client/ip"]),
        ("/v1/verifications", json!({"to": TO, "client": "203.0.113.7"}), vec!["#/client"]),
        ("/v1/verifications", json!({"to": TO, "locale": null}), vec!["#/locale"]),
        ("/v1/verifications", json!({"to": TO, "channel": "pigeon"}), vec!["#/channel"]),
        ("/v1/verifications", json!({"to": TO, "reference": long}), vec!["#/reference"]),
        ("/v1/verifications", json!({"to": TO, "metadata": {"a": 1}}), vec!["#/metadata/a"]),
        ("/v1/verifications", json!({"to": TO, "metadata": {"a": long}}), vec!["#/metadata"]),
        ("/v1/verifications", json!({"app": "Shop", "x": 1, "a/b": 2}), vec!["#/to", "#/app", "#/x", "#/a~1b"]),
        ("/v1/verifications", json!({"to": 15_551_234_567_u64}), vec!["#/to"]),
        ("/v1/verifications", json!([TO]), vec!["#", "#/to"]),
        ("/v1/verifications/check", json!({"to": TO}), vec!["#/code"]),
        ("/v1/verifications/check", json!({"to": TO, "code": "123456", "id": id}), vec!["#/id"]),
        (&check(&id), json!({"code": 123_456}), vec!["#/code"]),
        (&check(&id), json!({"code": "123456", "to": TO}), vec!["#/to"]),
        (&format!("/v1/verifications/{id}/resend"), json!({"channel": "sms"}), vec!["#/channel"]),
        (&format!("/v1/verifications/{id}/cancel"), json!({"reason": "x"}), vec!["#/reason"]),
    ] {
        let refused = api.post(path, &body).await;
        refused.fails(400, "invalid_request");
        let mut found = refused.pointers();
        found.sort_unstable();
        let mut expected = pointers.clone();
        expected.sort_unstable();
        assert_eq!(found, expected, "{path} {body}: {refused:?}");
    }
    let refused = api.create("15551234567").await;
    refused.fails(400, "invalid_phone_number");
    assert_eq!(refused.pointers(), ["#/to"]);
    assert_eq!((app.sends(), api.get(&id).await["attempts_left"].clone()), (1, json!(3)), "nothing was done");
    app.finish().await;
}

#[tokio::test]
async fn the_use_of_limits_is_said_where_a_message_is_sent_or_refused() {
    let app = service().set("limits.per_phone", "2/1h").set("limits.per_ip", "9/1h").start().await;
    let api = app.api("backend");
    let body = json!({"to": TO, "client": {"ip": "203.0.113.7"}});
    let created = api.create_with(&body).await;
    let policy = created.header("ratelimit-policy").unwrap();
    assert!(policy.contains("\"per_phone\";q=2;w=3600") && policy.contains("\"per_ip\";q=9;w=3600"), "{policy}");
    let left = created.header("ratelimit").unwrap();
    assert!(left.contains("\"per_phone\";r=1;t=") && left.contains("\"per_ip\";r=8;t="), "{left}");
    let id = created.id();
    for silent in [api.create_with(&body).await, api.get(&id).await, api.cancel(&id).await] {
        assert_eq!((silent.status, silent.header("ratelimit")), (200, None), "{silent:?}");
    }
    assert!(api.create_with(&body).await.shows(201, "pending").header("ratelimit").unwrap().contains("r=0"));
    let refused_resend = api.resend(&api.create_with(&body).await.id()).await;
    refused_resend.fails(429, "resend_too_soon");
    assert_eq!(refused_resend.header("ratelimit-policy"), Some("\"resend_cooldown\";q=1;w=30"));
    api.cancel(&api.create_with(&body).await.id()).await.shows(200, "canceled");
    let refused = api.create_with(&body).await;
    refused.fails(429, "too_many_sends");
    let expected = format!("\"per_phone\";r=0;t={}", refused.retry_after());
    assert_eq!((refused.text("limit"), refused.header("ratelimit")), ("per_phone", Some(expected.as_str())));
    // Every answer to a client key is checked to lack these fields.
    app.api("mobile").create(TO).await.fails(429, "too_many_sends");
    app.finish().await;
}

#[tokio::test]
async fn the_use_of_limits_is_kept_quiet_if_the_operator_says_so() {
    let app = service().set("server.rate_limit_fields", "false").set("limits.per_phone", "1/1h").start().await;
    let api = app.api("backend");
    let created = api.create(TO).await;
    api.cancel(&created.id()).await.shows(200, "canceled");
    let refused = api.create(TO).await;
    refused.fails(429, "too_many_sends");
    assert_eq!((created.header("ratelimit"), refused.header("ratelimit")), (None, None));
    app.finish().await;
}
