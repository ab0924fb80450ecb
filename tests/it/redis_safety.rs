//! Unsafe Redis servers, on which `serve` refuses to start.

use std::sync::Arc;

use whatsapp_otp_simulator::{Simulator, SimulatorSettings};

use crate::harness::app::TestApp;
use crate::harness::eventually;
use crate::harness::proxy::{Mode, Proxy};
use crate::harness::redis::RedisServer;

fn evicting() -> Arc<RedisServer> {
    Arc::new(RedisServer::start_with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]))
}

#[tokio::test]
async fn an_evicting_redis_stops_the_start_with_a_reason_and_a_remedy() {
    let server = evicting();
    let error = TestApp::builder().redis(&server).start_fails(Simulator::new(SimulatorSettings::default())).await;
    for part in
        ["maxmemory-policy is allkeys-lru", "CONFIG SET maxmemory-policy noeviction", "redis.allow_unsafe = true"]
    {
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn an_operator_may_accept_it() {
    let server = evicting();
    let app = TestApp::builder().redis(&server).set("redis.allow_unsafe", "true").start().await;
    app.code_for("15551234567").await;
    assert_eq!(app.ready().await.0, 200);
    app.finish().await;
}

#[tokio::test]
async fn an_unsafe_redis_that_comes_later_leaves_the_instance_not_ready() {
    let server = evicting();
    let proxy = Proxy::start(server.address());
    proxy.set(Mode::Cut).await;
    let app = TestApp::builder().redis(&server).redis_through(&proxy).start().await;
    assert_eq!(app.ready().await.0, 503);
    proxy.set(Mode::Pass(server.address())).await;
    eventually("it is looked at", async || app.ready().await.1.to_string().contains("allkeys-lru")).await;
    assert_eq!(app.ready().await.0, 503);
    app.request("123").await.is(400, "Invalid phone number.");
    app.finish().await;
}
