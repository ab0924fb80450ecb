//! Outages of Redis and of WhatsApp, as callers of the verification API see them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{DIGITS, TO, service};
use crate::harness::api::{check, resend};
use crate::harness::eventually;
use crate::harness::proxy::{Mode, Proxy};
use crate::harness::redis::RedisServer;
use crate::harness::reply::wrong;

/// `redis.timeout` of these tests, and half a second.
const ANSWER_WITHIN: Duration = Duration::from_millis(800 + 500);

#[tokio::test]
async fn without_redis_every_call_says_so_in_time_and_nothing_is_sent() {
    let server = Arc::new(RedisServer::start());
    let proxy = Proxy::start(server.address());
    let app = service().redis(&server).redis_through(&proxy).set("redis.timeout", "800ms").start().await;
    let api = app.api("backend");
    for (mode, number) in [(Mode::Cut, TO), (Mode::Frozen, "+15557654321")] {
        let id = api.create(number).await.shows(201, "pending").id();
        let (code, sends) = (app.code(&number[1..]), app.sends());
        proxy.set(mode).await;
        let (code_body, create) = (json!({"code": code}), json!({"to": "+15557654322"}));
        let answers = [
            api.create_with(&create).await,
            api.create(number).await,
            api.once("k", "/v1/verifications", &create).await,
            api.get(&id).await,
            api.check(&id, &code).await,
            api.once("k", &check(&id), &code_body).await,
            api.check_by_number(number, &code).await,
            api.resend(&id).await,
            api.once("k", &resend(&id), &json!({})).await,
            api.cancel(&id).await,
        ];
        for answer in answers {
            assert_eq!(answer.fails(503, "unavailable").within(ANSWER_WITHIN).retry_after(), 1);
        }
        // Calls that need no store are answered as ever.
        api.get("ver_01js7whh8m7m9a9s94qzrj8k0w").await.fails(404, "verification_not_found");
        api.create("+1555").await.fails(400, "invalid_phone_number");
        let keys = app.call(reqwest::Method::GET, "/.well-known/jwks.json").send().await.unwrap();
        assert_eq!((keys.status().as_u16(), app.sends()), (200, sends));

        proxy.set(proxy.upstream()).await;
        eventually("Redis is back", async || api.get(&id).await.status == 200).await;
        api.check(&id, &wrong(&code)).await.fails(422, "code_incorrect");
        api.check(&id, &code).await.shows(200, "approved");
        eventually("the instance is ready", async || app.ready().await.0 == 200).await;
    }
    // The refused calls left no trace: not even a key that is in use.
    let created = api.once("k", "/v1/verifications", &json!({"to": "+15557654323"})).await;
    created.shows(201, "pending");
    app.finish().await;
}

#[tokio::test]
async fn without_whatsapp_codes_can_still_be_checked() {
    let app = service().simulator_proxied().start().await;
    let api = app.api("backend");
    let id = api.create(TO).await.id();
    let code = app.code(DIGITS);
    let proxy = app.simulator_proxy.as_ref().unwrap();
    proxy.set(Mode::Cut).await;
    api.create("+15557654321").await.fails(503, "unavailable");
    api.check_by_number("+15557654321", "123456").await.fails(404, "verification_not_found");
    api.create(TO).await.shows(200, "pending");
    api.check(&id, &code).await.shows(200, "approved");
    proxy.set(proxy.upstream()).await;
    // A call that could not reach WhatsApp gave its charge back, and left nothing behind.
    api.create("+15557654321").await.shows(201, "pending");
    app.finish().await;
}
