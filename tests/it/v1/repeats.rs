//! Calls that are repeated with the same `Idempotency-Key`, on two instances with one Redis.

use std::time::Duration;

use serde_json::json;
use whatsapp_otp_simulator::{Behaviour, Order};

use super::{DIGITS, TO, lasting, service};
use crate::harness::api::{Answer, check, resend};
use crate::harness::eventually;
use crate::harness::reply::wrong;

const CREATE: &str = "/v1/verifications";
const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

#[tokio::test]
async fn a_repeated_create_is_answered_as_the_first_one() {
    let app = service().instances(2).start().await;
    let (one, other) = (app.api("backend"), app.api_on(1, "backend"));
    let created = one.once(KEY, CREATE, &json!({"to": TO, "reference": "a"})).await;
    assert!(!is_replay(created.shows(201, "pending")));
    // The order of members and white space do not matter, nor do the quotes around the key.
    let quoted = format!("\"{KEY}\"");
    for body in [format!("{{\"reference\":\"a\",  \"to\":\"{TO}\"}}"), json!({"to": TO, "reference": "a"}).to_string()]
    {
        for key in [KEY, &quoted] {
            let repeated = other.send(other.posting(CREATE, body.as_str()).header("idempotency-key", key)).await;
            assert!(is_replay(repeated.shows(201, "pending")), "{repeated:?}");
            assert_eq!(lasting(&repeated), lasting(&created));
        }
    }
    // Long after the cooldown a repetition still sends nothing.
    app.age(Duration::from_secs(31)).await;
    assert_eq!(
        other.once(KEY, CREATE, &json!({"to": TO, "reference": "a"})).await.shows(201, "pending").id(),
        created.id()
    );
    assert_eq!(app.sends(), 1);
    // It is the first call's verification, whatever became of it.
    one.check(&created.id(), &app.code(DIGITS)).await.shows(200, "approved");
    let repeated = other.once(KEY, CREATE, &json!({"to": TO, "reference": "a"})).await;
    assert_eq!((repeated.status, repeated.text("status"), repeated.json.get("proof")), (201, "approved", None));
    for body in
        [json!({"to": TO}), json!({"to": TO, "reference": "b"}), json!({"to": "+15557654321", "reference": "a"})]
    {
        other.once(KEY, CREATE, &body).await.fails(422, "idempotency_key_reused");
    }
    assert_eq!(app.sends(), 1);
    app.finish().await;
}

#[tokio::test]
async fn the_same_key_of_another_caller_or_on_another_call_is_another_key() {
    let app = service().instances(2).start().await;
    let api = app.api("backend");
    let body = json!({"to": TO});
    let created = api.once(KEY, CREATE, &body).await;
    assert!(!is_replay(app.api_on(1, "mobile").once(KEY, CREATE, &body).await.shows(200, "pending")));
    assert!(!is_replay(app.api("ci").once(KEY, CREATE, &body).await.shows(201, "pending")));
    let (id, code) = (created.id(), app.code(DIGITS));
    api.once(KEY, &resend(&id), &json!({})).await.fails(429, "resend_too_soon");
    let approved = api.once(KEY, &check(&id), &json!({"code": code})).await;
    assert!(!is_replay(approved.shows(200, "approved")));
    app.finish().await;
}

#[tokio::test]
async fn a_repeated_check_has_the_verdict_of_the_first_one() {
    let app = service().instances(2).start().await;
    let (one, other) = (app.api("backend"), app.api_on(1, "backend"));
    let id = one.create(TO).await.id();
    let code = app.code(DIGITS);
    for api in [&one, &other, &one] {
        let refused = api.once("k-wrong", &check(&id), &json!({"code": wrong(&code)})).await;
        refused.fails(422, "code_incorrect");
        assert_eq!(refused["attempts_left"], 2);
    }
    other.once("k-wrong", &check(&id), &json!({"code": code})).await.fails(422, "idempotency_key_reused");
    assert!(!is_replay(one.once("k-right", &check(&id), &json!({"code": code})).await.shows(200, "approved")));
    for key in ["k-right", "\"k-right\""] {
        assert!(is_replay(other.once(key, &check(&id), &json!({"code": code})).await.shows(200, "approved")));
    }
    other.once("k-right", &check(&id), &json!({"code": wrong(&code)})).await.fails(422, "idempotency_key_reused");
    other.once("k-other", &check(&id), &json!({"code": code})).await.fails(409, "verification_not_pending");
    other.check(&id, &code).await.fails(409, "verification_not_pending");
    // Neither does the key of another caller get the answer.
    let mobile = app.api("mobile");
    mobile.once("k-right", &check(&id), &json!({"code": code})).await.fails(409, "verification_not_pending");
    app.finish().await;
}

#[tokio::test]
async fn a_repeated_resend_sends_once_and_a_refused_one_may_be_tried_again() {
    let app = service().instances(2).start().await;
    let (one, other) = (app.api("backend"), app.api_on(1, "backend"));
    let id = one.create(TO).await.id();
    one.once(KEY, &resend(&id), &json!({})).await.fails(429, "resend_too_soon");
    app.age(Duration::from_secs(30)).await;
    assert!(!is_replay(other.once(KEY, &resend(&id), &json!({})).await.shows(200, "pending")));
    app.age(Duration::from_secs(30)).await;
    let repeated = one.once(KEY, &resend(&id), &json!({})).await;
    assert!(is_replay(repeated.shows(200, "pending")));
    assert_eq!((app.messages_to(DIGITS), repeated["sends_left"].clone()), (2, json!(1)));
    let body = json!({"client": {"ip": "203.0.113.7"}});
    one.once(KEY, &resend(&id), &body).await.fails(422, "idempotency_key_reused");
    assert!(!is_replay(one.once("another", &resend(&id), &json!({})).await.shows(200, "pending")));
    assert_eq!(app.messages_to(DIGITS), 3);
    app.finish().await;
}

#[tokio::test]
async fn a_result_outlives_its_verification() {
    let app = service().start().await;
    let api = app.api("backend");
    let created = api.once(KEY, CREATE, &json!({"to": TO})).await;
    created.shows(201, "pending");
    // Its lifetime, and then the time for which it can be read.
    app.age(Duration::from_mins(5)).await;
    assert!(is_replay(api.once(KEY, CREATE, &json!({"to": TO})).await.shows(201, "expired")));
    app.age(Duration::from_mins(10)).await;
    api.get(&created.id()).await.fails(404, "verification_not_found");
    api.once(KEY, CREATE, &json!({"to": TO})).await.fails(410, "verification_expired");
    assert_eq!(app.sends(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_call_that_failed_runs_again() {
    let app = service().instances(2).start().await;
    let (one, other) = (app.api("backend"), app.api_on(1, "backend"));
    let order = Order::once(Behaviour::Error { code: 131_026, http: None, retry_after: None });
    assert!(app.simulator.push_order(order.to(DIGITS)));
    one.once(KEY, CREATE, &json!({"to": TO})).await.fails(502, "send_failed");
    let created = other.once(KEY, CREATE, &json!({"to": TO})).await;
    assert!(!is_replay(created.shows(201, "pending")));
    assert_eq!(app.messages_to(DIGITS), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_equal_calls_at_once_one_runs() {
    let app = service().instances(2).start().await;
    assert!(app.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 300 }).to(DIGITS)));
    let calls: Vec<_> = (0..20)
        .map(|n| app.api_on(n % 2, "backend"))
        .map(|api| tokio::spawn(async move { api.once(KEY, CREATE, &json!({"to": TO})).await }))
        .collect();
    let mut created = 0;
    for call in calls {
        let answer = call.await.unwrap();
        match answer.status {
            201 => created += u32::from(!is_replay(&answer)),
            _ => assert_eq!(answer.fails(409, "idempotency_in_progress").retry_after(), 1),
        }
    }
    assert_eq!((created, app.sends()), (1, 1));
    let other = app.api_on(1, "backend");
    let repeated = other.once(KEY, CREATE, &json!({"to": TO})).await;
    assert!(is_replay(repeated.shows(201, "pending")));
    app.finish().await;
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_before_anything_happens() {
    let app = service().start().await;
    let api = app.api("backend");
    let long = "k".repeat(256);
    for key in ["", "\"\"", "\"open", "a b", "\"a\" ", "a\tb", &long].map(str::to_owned) {
        let expected = if key.trim() == "\"a\"" { 201 } else { 400 };
        let answer = api.once(&key, CREATE, &json!({"to": TO})).await;
        assert_eq!(answer.status, expected, "{key:?}: {answer:?}");
        if expected == 400 {
            answer.fails(400, "idempotency_key_invalid");
        }
    }
    let twice = api.posting(CREATE, json!({"to": "+15557654321"}).to_string());
    let twice = twice.header("idempotency-key", "a").header("idempotency-key", "a");
    api.send(twice).await.fails(400, "idempotency_key_invalid");
    assert_eq!(app.sends(), 1);
    // On calls that ignore it, it does no harm.
    let id = api.create(TO).await.id();
    let answer = api.once("a b", &format!("/v1/verifications/{id}/cancel"), &json!({})).await;
    answer.shows(200, "canceled");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_hangs_up_gets_the_result_when_it_comes_back() {
    let app = service().instances(2).start().await;
    assert!(app.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 500 }).to(DIGITS)));
    let (one, other) = (app.api("backend"), app.api_on(1, "backend"));
    let call = one.posting(CREATE, json!({"to": TO}).to_string()).header("idempotency-key", KEY);
    let hung_up = one.try_send(call.timeout(Duration::from_millis(200))).await;
    assert!(hung_up.unwrap_err().is_timeout());
    let mut last = None;
    eventually("the first call is done", async || {
        let answer = other.once(KEY, CREATE, &json!({"to": TO})).await;
        let is_done = answer.status == 201;
        if !is_done {
            answer.fails(409, "idempotency_in_progress");
        }
        last = Some(answer);
        is_done
    })
    .await;
    assert!(is_replay(&last.unwrap()));
    assert_eq!(app.messages_to(DIGITS), 1);
    app.finish().await;
}
