//! WhatsApp's webhooks, from outside: signed bodies over real HTTP, to two instances on one Redis.

mod account;
mod denials;
mod handshake;
mod order;
mod outages;
mod payloads;
mod receipt;
mod signatures;
mod storms;

use std::time::Duration;

use data_encoding::BASE64;
use reqwest::Method;
use serde_json::{Value, json};
use whatsapp_otp::otp::KeyKind;
use whatsapp_otp_simulator::{Change, DEFAULT_APP_SECRET, Webhook, webhook_signature};

use crate::harness::app::{Instance, TestApp, TestAppBuilder};
use crate::harness::endpoint::Endpoint;
use crate::harness::logs::LogMark;
use crate::harness::reply::{Reply, send};
use crate::harness::{eventually, eventually_within};

const PATH: &str = "/webhooks/whatsapp";
/// The secret of the app before a rotation.
const OLD_SECRET: &str = "the-app-secret-before-the-rotation";
const TOKEN: &str = "the-token-of-the-handshake";
const TO: &str = "+15551234567";

/// Two instances that receive webhooks, and a key `backend`.
fn service() -> TestAppBuilder {
    TestApp::builder()
        .instances(2)
        .key("backend", KeyKind::Server, "default")
        .set("whatsapp.app_secret", &format!("{DEFAULT_APP_SECRET},{OLD_SECRET}"))
        .set("whatsapp.webhook_verify_token", &format!("another-token,{TOKEN}"))
        .set("whatsapp.messages_per_second", "0")
        .set("limits.resend_cooldown", "0s")
        .set("limits.per_phone", "off")
}

/// The same, with an endpoint that is told of these types of events.
fn telling(endpoint: &Endpoint, types: &str) -> TestAppBuilder {
    service()
        .set("events.url", &endpoint.url)
        .set("events.secret", &format!("whsec_{}", BASE64.encode(&[1; 32])))
        .set("events.types", types)
        .set("events.timeout", "1s")
        .set("events.allow_http", "true")
        .set("events.allow_networks", "127.0.0.0/8")
}

/// Waits until the endpoint was told of as many events, and asserts that there are no more.
async fn is_told(endpoint: &Endpoint, types: &[&str]) {
    // An instance that lost Redis while it took one keeps it until its lease is over.
    let patience = Duration::from_secs(20);
    eventually_within(patience, "the events came", async || endpoint.count() >= types.len()).await;
    // Another would have come with them.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut told: Vec<_> = endpoint.types();
    told.sort();
    assert_eq!(told, types);
}

/// Posts a body that is signed with the app's secret.
async fn post_bytes(instance: &Instance, body: Vec<u8>) -> Reply {
    let signature = webhook_signature(DEFAULT_APP_SECRET, &body);
    send(instance.call(Method::POST, PATH).header("x-hub-signature-256", signature).body(body)).await
}

async fn post(instance: &Instance, webhook: &Webhook) -> Reply {
    post_bytes(instance, webhook.bytes()).await
}

/// Returns the name of the outcome that the log has for this answer.
fn outcome(log: &LogMark, reply: &Reply) -> String {
    let id = reply.header("x-request-id").unwrap();
    let lines = log.lines_with(id);
    let line = lines.iter().find(|line| line.contains("answered")).expect("a line about the request");
    let (_, rest) = line.split_once("outcome=\"").expect("an outcome");
    rest.split('"').next().unwrap().to_owned()
}

/// Returns the status of a message, as WhatsApp reports it.
fn status_of(id: &str, delivery: u32, status: &str) -> Value {
    json!({
        "id": format!("wamid.{id}.{delivery}"),
        "status": status,
        "timestamp": jiff::Timestamp::now().as_second().to_string(),
        "biz_opaque_callback_data": format!("v1.{id}.{delivery}"),
    })
}

fn failed_with(id: &str, errors: &Value) -> Value {
    let mut status = status_of(id, 1, "failed");
    status["errors"] = errors.clone();
    status
}

/// Returns a webhook with these statuses.
fn statuses(app: &TestApp, statuses: Vec<Value>) -> Webhook {
    app.simulator.webhook().with(app.simulator.statuses_change(statuses))
}

/// Returns a webhook with one status of the verification's first message.
fn status(app: &TestApp, id: &str, status: &str) -> Webhook {
    statuses(app, vec![status_of(id, 1, status)])
}

/// Reports a status to the first instance, which takes it.
async fn report(app: &TestApp, id: &str, word: &str) {
    post(app.on(0), &status(app, id, word)).await.is(200, "");
}

/// Returns the status and the reason of a verification's delivery.
async fn delivery(app: &TestApp, id: &str, number: usize) -> (String, Option<String>) {
    let found = app.api("backend").get(id).await;
    let delivery = &found["deliveries"][number - 1];
    let text = |member: &str| delivery[member].as_str().map(str::to_owned);
    (text("status").unwrap_or_else(|| panic!("no status: {found:?}")), text("reason"))
}

/// Asserts the status of a verification's first message.
async fn is(app: &TestApp, id: &str, status: &str) {
    assert_eq!(delivery(app, id, 1).await.0, status);
}

/// Creates a verification, whose message is accepted.
async fn created(app: &TestApp, to: &str) -> String {
    let created = app.api("backend").create(to).await;
    assert_eq!(created.status, 201, "{created:?}");
    created.id()
}

/// Returns a webhook with this change.
fn about(app: &TestApp, change: Change) -> Webhook {
    app.simulator.webhook().with(change)
}
