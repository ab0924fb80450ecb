//! Answers that are lost: instances that die halfway, and connections that are cut before the answer arrives.

use std::time::Duration;

use serde_json::json;
use whatsapp_otp_simulator::{Behaviour, Order};

use super::proofs::{claims, with_proofs};
use super::{DIGITS, TO, service};
use crate::harness::api::check;
use crate::harness::eventually;
use crate::harness::proxy::{Mode, Proxy};
use crate::harness::reply::Client;

const CREATE: &str = "/v1/verifications";
/// `server.request_timeout`, for which a key is held.
const HOLD: Duration = Duration::from_secs(15);
const COOLDOWN: Duration = Duration::from_secs(30);

/// Kills an instance while it creates a verification. `behaviour` is WhatsApp's, and `taken` the messages that arrive.
async fn kill_while_creating(behaviour: Behaviour, taken: usize) {
    let app = service().start().await;
    let mut doomed = app.program().start();
    let client = Client::new(doomed.printed(r#""public":"http://"#).await.parse().unwrap());
    assert!(app.simulator.push_order(Order::once(behaviour).to(DIGITS)));
    let (calling, body) = (app.api("backend").at(client), json!({"to": TO, "reference": "order-42"}));
    let call = calling.posting(CREATE, body.to_string()).header("idempotency-key", "k");
    let call = tokio::spawn(async move { calling.try_send(call).await });
    eventually("WhatsApp has the message", async || app.sends() == 1).await;
    doomed.signal("KILL");
    assert!(call.await.unwrap().is_err(), "no answer");
    drop(doomed);

    let api = app.api("backend");
    for _ in 0..3 {
        api.once("k", CREATE, &body).await.fails(409, "idempotency_in_progress");
    }
    app.age(HOLD).await;
    let repeated = api.once("k", CREATE, &body).await;
    repeated.shows(200, "pending");
    assert_eq!(repeated["reference"], "order-42");
    assert_eq!(repeated["sends_left"], 2);
    assert_eq!((app.messages_to(DIGITS), app.sends()), (taken, 1), "one message in a cooldown");
    assert_eq!(api.once("k", CREATE, &body).await.shows(200, "pending").id(), repeated.id());
    assert_eq!(api.create(TO).await.shows(200, "pending").id(), repeated.id());
    assert_eq!(app.sends(), 1);

    // The code of both messages is the same one.
    let first = app.simulator.latest(DIGITS).and_then(|message| message.code);
    app.age(COOLDOWN).await;
    api.resend(&repeated.id()).await.shows(200, "pending");
    assert_eq!(app.messages_to(DIGITS), taken + 1);
    let code = app.code(DIGITS);
    assert!(first.is_none_or(|first| first == code));
    api.check(&repeated.id(), &code).await.shows(200, "approved");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_dies_before_its_message_is_sent_leaves_nothing_stuck() {
    kill_while_creating(Behaviour::Slow { milliseconds: 20_000 }, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_dies_after_its_message_is_sent_does_not_send_another() {
    kill_while_creating(Behaviour::Hang { taken: true }, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_whose_answer_was_lost_is_repeated_with_its_key_alone() {
    let (app, _keys) = with_proofs();
    let app = app.instances(2).start().await;
    let proxy = Proxy::start(app.address());
    let (api, other) = (app.api("backend").at(Client::new(proxy.address())), app.api_on(1, "backend"));
    let id = api.create(TO).await.id();
    let code = app.code(DIGITS);
    // Over a connection of its own: the proxy has just closed the earlier ones.
    proxy.set(Mode::Deaf(app.address())).await;
    let body = json!({"code": code});
    let calling = api.at(Client::new(proxy.address()));
    let call = calling.posting(&check(&id), body.to_string()).header("idempotency-key", "k");
    let call = tokio::spawn(async move { calling.try_send(call).await });
    let status = async || app.keys.of_verification(DIGITS, "status").await;
    eventually("the check is decided", async || status().await.as_deref() == Some("approved")).await;
    proxy.set(Mode::Cut).await;
    assert!(call.await.unwrap().is_err(), "the answer is lost");

    other.check(&id, &code).await.fails(409, "verification_not_pending");
    other.once("another", &check(&id), &body).await.fails(409, "verification_not_pending");
    proxy.set(proxy.upstream()).await;
    let mut stated = Vec::new();
    for api in [&other, &api] {
        let answer = api.once("k", &check(&id), &body).await;
        answer.shows(200, "approved");
        assert_eq!(answer.header("idempotent-replayed"), Some("true"));
        stated.push(claims(&app, "/.well-known/jwks.json", &answer).await);
    }
    assert!(stated[0]["jti"].is_string() && stated[0] == stated[1], "{stated:?}");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_check_and_a_resend_whose_answers_were_lost_count_once() {
    let app = service().instances(2).start().await;
    let proxy = Proxy::start(app.address());
    let (api, other) = (app.api("backend").at(Client::new(proxy.address())), app.api_on(1, "backend"));
    let id = api.create(TO).await.id();
    let code = app.code(DIGITS);
    let wrong = json!({"code": crate::harness::reply::wrong(&code)});
    let resend = crate::harness::api::resend(&id);
    let lost = async |path: String, body: String, key: &str, field: &'static str, value: &'static str| {
        proxy.set(Mode::Deaf(app.address())).await;
        let calling = api.at(Client::new(proxy.address()));
        let call = calling.posting(&path, body).header("idempotency-key", key.to_owned());
        let call = tokio::spawn(async move { calling.try_send(call).await });
        let stored = async || app.keys.of_verification(DIGITS, field).await;
        eventually("the call is decided", async || stored().await.as_deref() == Some(value)).await;
        proxy.set(Mode::Cut).await;
        assert!(call.await.unwrap().is_err(), "the answer is lost");
    };
    lost(check(&id), wrong.to_string(), "c", "attempts", "1").await;
    let repeated = other.once("c", &check(&id), &wrong).await;
    assert_eq!(repeated.fails(422, "code_incorrect")["attempts_left"], 2);

    app.age(COOLDOWN).await;
    lost(resend.clone(), String::new(), "r", "sends", "2").await;
    eventually("the resend is done", async || other.once("r", &resend, &json!({})).await.status == 200).await;
    assert_eq!((app.messages_to(DIGITS), other.get(&id).await["sends_left"].clone()), (2, json!(1)));
    other.check(&id, &code).await.shows(200, "approved");
    app.finish().await;
}
