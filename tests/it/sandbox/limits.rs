//! The limits of the sandbox: lenient, shown, and reset on request.

use reqwest::Method;
use serde_json::{Value, json};
use whatsapp_otp::app::SandboxStore;

use super::Sandbox;
use crate::harness::redis::RedisServer;
use crate::harness::reply::Client;
use crate::harness::stores::RedisKeys;
use crate::harness::unique_prefix;

const PHONE: &str = "15551234567";
const OTHER_PHONE: &str = "15557654321";
const FEW: [(&str, &str); 2] = [("limits.per_phone", "1/1h"), ("limits.per_ip", "3/1h")];

async fn status(service: &Client, phone: &str) -> u16 {
    service.request(phone).await.status
}

#[tokio::test]
async fn whoever_plays_never_waits_long() {
    let sandbox = Sandbox::start(&[]).await;
    for _ in 0..20 {
        sandbox.service.request(PHONE).await.is(200, "OK");
    }
    let limited = sandbox.service.request(PHONE).await;
    assert_eq!(limited.status, 429);
    assert!(limited.header("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
    sandbox.stop().await;
}

#[tokio::test]
async fn the_limits_in_force_are_shown() {
    let limits = async |sandbox: &Sandbox| sandbox.page(Method::GET, "/page/settings.json").await.1["limits"].take();
    let sandbox = Sandbox::start(&[]).await;
    let expected = json!([
        { "name": "per_phone", "value": "20/1m" },
        { "name": "per_ip", "value": "300/1m" },
        { "name": "checks_per_ip", "value": "600/1m" },
        { "name": "total", "value": "off" },
        { "name": "failures_per_phone", "value": "15/1m" },
    ]);
    assert_eq!(limits(&sandbox).await, expected);
    sandbox.stop().await;
    let sandbox = Sandbox::start(&[("limits.per_phone", "5/1h")]).await;
    assert_eq!(limits(&sandbox).await[0]["value"], "5/1h", "those of the user's settings take precedence");
    sandbox.stop().await;
}

async fn resets(sandbox: &Sandbox) {
    assert_eq!([status(&sandbox.service, PHONE).await, status(&sandbox.service, PHONE).await], [200, 429]);
    assert_eq!(status(&sandbox.service, OTHER_PHONE).await, 200);
    assert_eq!(sandbox.page(Method::DELETE, "/page/limits/+1%20555%20123%204567").await.0, 204);
    assert_eq!(status(&sandbox.service, OTHER_PHONE).await, 429, "another number's limits are as they were");
    assert_eq!([status(&sandbox.service, PHONE).await, status(&sandbox.service, PHONE).await], [200, 429]);
    // The address has had all three of its codes.
    assert_eq!(sandbox.page(Method::DELETE, "/page/limits").await.0, 204);
    assert_eq!([status(&sandbox.service, OTHER_PHONE).await, status(&sandbox.service, PHONE).await], [200, 200]);
}

#[tokio::test]
async fn the_limits_of_a_number_or_of_all_can_be_reset() {
    let sandbox = Sandbox::start(&FEW).await;
    resets(&sandbox).await;
    let (refused, sentence) = sandbox.page(Method::DELETE, "/page/limits/12").await;
    assert_eq!((refused, sentence["error"].is_string()), (400, true));
    sandbox.stop().await;
}

#[tokio::test]
async fn limits_in_redis_can_be_reset_too_and_codes_stay() {
    let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
    let redis = [("redis.url", keys.url()), ("redis.key_prefix", keys.prefix())];
    let sandbox = Sandbox::with_store(SandboxStore::Redis, &[&FEW[..], &redis].concat()).await;
    resets(&sandbox).await;
    let latest: Value = sandbox.page(Method::GET, &format!("/inbox/{PHONE}/latest")).await.1;
    sandbox.page(Method::DELETE, "/page/limits").await;
    sandbox.service.verify(PHONE, latest["code"].as_str().unwrap()).await.is(200, "OK");
    sandbox.stop().await;
}

#[tokio::test]
async fn other_web_pages_cannot_reset_them() {
    let sandbox = Sandbox::start(&FEW).await;
    let call = sandbox.page.call(Method::DELETE, "/page/limits").header("origin", "http://localhost:5173");
    assert_eq!(call.send().await.unwrap().status(), 403);
    sandbox.stop().await;
}
