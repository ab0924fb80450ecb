//! Every problem that the verification API can answer with.

use std::collections::BTreeMap;

use regex::Regex;
use reqwest::Method;
use serde_json::json;
use whatsapp_otp_simulator::{Behaviour, Order};

use super::{DIGITS, TO, service};
use crate::harness::api::{Answer, check};
use crate::harness::eventually;
use crate::harness::proxy::{Mode, Proxy};
use crate::harness::redis::RedisServer;
use crate::harness::reply::wrong;

/// The problem of a fault of ours, which no request may cause.
const OURS: &str = "internal_error";

/// Returns the status and the title of every code, as the source has them.
fn table() -> BTreeMap<String, (u16, String)> {
    let source = include_str!("../../../src/http/v1/problem_code.rs");
    let row = Regex::new(r#"(?m)^ +[A-Z]\w+ "([a-z_]+)" ([A-Z_]+) "([^"]+)",$"#).unwrap();
    let status = |name: &str| {
        let all = (400..600).filter_map(|status| reqwest::StatusCode::from_u16(status).ok());
        let named = |status: &reqwest::StatusCode| {
            status.canonical_reason().is_some_and(|reason| reason.to_uppercase().replace(' ', "_") == name)
        };
        all.into_iter().find(named).unwrap_or_else(|| panic!("{name} is no status")).as_u16()
    };
    row.captures_iter(source).map(|row| (row[1].to_owned(), (status(&row[2]), row[3].to_owned()))).collect()
}

/// The problems that were answered.
#[derive(Default)]
struct Seen(BTreeMap<String, (u16, String)>);

impl Seen {
    /// Notes a problem, whose type and title must be the same each time.
    #[track_caller]
    fn note(&mut self, answer: &Answer, status: u16, code: &str) {
        answer.fails(status, code);
        assert_eq!(answer.text("type"), format!("https://otp.example.com/problems/{code}"));
        let seen = (status, answer.text("title").to_owned());
        let first = self.0.entry(code.to_owned()).or_insert_with(|| seen.clone());
        assert_eq!(*first, seen);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_problem_of_the_table_can_happen_and_no_other() {
    let server = RedisServer::shared();
    let proxy = Proxy::start(server.address());
    let app = service()
        .redis(&server)
        .redis_through(&proxy)
        .set("server.public_url", "https://otp.example.com")
        .set("server.request_timeout", "4s")
        .set("redis.timeout", "800ms")
        .set("limits.countries", "-DE")
        .set("limits.per_ip", "1/1h")
        .set("limits.per_phone", "9/1h")
        .set("limits.failures_per_phone", "4/1h")
        .start()
        .await;
    let (api, mobile, mut seen) = (app.api("backend"), app.api("mobile"), Seen::default());
    let create = "/v1/verifications";

    seen.note(&api.create_with(&json!({})).await, 400, "invalid_request");
    seen.note(&api.create("+1555").await, 400, "invalid_phone_number");
    seen.note(&api.once("a b", create, &json!({"to": TO})).await, 400, "idempotency_key_invalid");
    seen.note(&app.api_without_key().create(TO).await, 401, "unauthenticated");
    seen.note(&api.create("+4915112345678").await, 403, "destination_not_allowed");
    seen.note(&api.get("ver_01js7whh8m7m9a9s94qzrj8k0w").await, 404, "verification_not_found");
    seen.note(&api.send(api.call(Method::GET, "/v1/nothing")).await, 404, "not_found");
    let deleted = api.send(api.call(Method::DELETE, create)).await;
    seen.note(&deleted, 405, "method_not_allowed");
    assert_eq!(deleted.header("allow"), Some("POST"));
    let large = json!({"to": TO, "reference": "x".repeat(5_000)});
    seen.note(&api.create_with(&large).await, 413, "content_too_large");
    let plain = api.call(Method::POST, create).header("content-type", "text/plain").body("{\"to\":\"+15551234567\"}");
    seen.note(&api.send(plain).await, 415, "unsupported_media_type");
    let head = "Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{";
    seen.note(&api.raw("POST /v1/verifications", head).await, 408, "request_timeout");
    assert_eq!(app.traces().await, Vec::<String>::new(), "nothing was stored for any of these");

    let id = api.once("k-1", create, &json!({"to": TO})).await.shows(201, "pending").id();
    seen.note(&api.once("k-1", create, &json!({"to": "+15557654321"})).await, 422, "idempotency_key_reused");
    seen.note(&mobile.get(&id).await, 403, "forbidden");
    seen.note(&api.resend(&id).await, 429, "resend_too_soon");
    let code = app.code(DIGITS);
    let guesses = [wrong(&code), wrong(&wrong(&code)), wrong(&wrong(&wrong(&code)))];
    seen.note(&api.check(&id, &guesses[0]).await, 422, "code_incorrect");
    seen.note(&api.check(&id, &guesses[1]).await, 422, "code_incorrect");
    seen.note(&api.check(&id, &guesses[2]).await, 422, "attempts_exhausted");
    seen.note(&api.check(&id, &code).await, 409, "verification_not_pending");
    let second = api.create(TO).await.shows(201, "pending").id();
    api.check(&second, &wrong(&app.code(DIGITS))).await.fails(422, "code_incorrect");
    let locked = api.check(&second, &app.code(DIGITS)).await;
    seen.note(&locked, 429, "too_many_failures");
    assert_eq!(locked["limit"], "failures_per_phone");

    seen.note(&app.api("ci").create("+15555550105").await, 429, "too_many_sends");
    seen.note(&app.api("ci").create("+15555550103").await, 502, "send_failed");
    let expired = app.api("ci").create("+15555550106").await.id();
    seen.note(&app.api("ci").check(&expired, "123456").await, 410, "verification_expired");
    mobile.create("+15557654321").await.shows(201, "pending");
    seen.note(&mobile.create("+15557654322").await, 429, "rate_limited");

    let slow = "15557654323";
    assert!(app.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 1_000 }).to(slow)));
    let (first, sends) = (api.clone(), app.sends());
    let body = json!({"to": format!("+{slow}")});
    let first = tokio::spawn({
        let body = body.clone();
        async move { first.once("k-2", create, &body).await }
    });
    eventually("the first call sends", async || app.sends() > sends).await;
    seen.note(&api.once("k-2", create, &body).await, 409, "idempotency_in_progress");
    first.await.unwrap().shows(201, "pending");

    proxy.set(Mode::Cut).await;
    seen.note(&api.check(&id, &code).await, 503, "unavailable");
    proxy.set(proxy.upstream()).await;
    eventually("Redis is back", async || api.get(&id).await.status == 200).await;

    let mut expected = table();
    assert!(expected.len() >= 25 && expected.remove(OURS).is_some());
    assert_eq!(seen.0, expected);
    app.finish().await;
}

#[tokio::test]
async fn without_a_public_url_the_type_of_a_problem_is_a_path() {
    let app = service().start().await;
    let answer = app.api("backend").check("ver_01js7whh8m7m9a9s94qzrj8k0w", "123456").await;
    answer.fails(404, "verification_not_found");
    assert_eq!(answer["type"], "/problems/verification_not_found");
    let refused = app.api("backend").post(&check("no-id"), &json!({"code": "123456"})).await;
    assert_eq!(
        (refused.fails(404, "verification_not_found").json.get("id"), refused.json.get("instance")),
        (None, None)
    );
    app.finish().await;
}
