//! Outages of Redis of every kind, and recovery.
//!
//! The bounds: an answer comes within `redis.timeout` and half a second, and requests succeed within a second of
//! Redis's return. While it is unreachable, nothing is sent.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;

use crate::harness::app::TestApp;
use crate::harness::proxy::{Mode, Proxy};
use crate::harness::redis::RedisServer;
use crate::harness::reply::says;
use crate::harness::{eventually, eventually_within, measured};

const PHONE: &str = "15551234567";
/// `redis.timeout` of these tests, and its default.
const TIMEOUT: Duration = Duration::from_millis(800);
const ANSWER_WITHIN: Duration = Duration::from_millis(800 + 500);
const REFUSED_WITHIN: Duration = Duration::from_millis(500);
const BACK_WITHIN: Duration = Duration::from_secs(1);

/// A service whose limits allow the retries of these tests.
fn service() -> crate::harness::app::TestAppBuilder {
    let timeout = format!("{}ms", TIMEOUT.as_millis());
    let without = ["limits.per_phone", "limits.per_ip", "limits.checks_per_ip"];
    without.into_iter().fold(TestApp::builder().set("redis.timeout", &timeout), |app, limit| app.set(limit, "off"))
}

async fn behind_proxy(server: &Arc<RedisServer>) -> (TestApp, Proxy) {
    let proxy = Proxy::start(server.address());
    let app = service().redis(server).redis_through(&proxy).start().await;
    (app, proxy)
}

async fn connection(server: &RedisServer) -> MultiplexedConnection {
    redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

/// Asserts that both calls report that Redis is unreachable, within the bound, and send nothing, however often they are
/// made.
async fn assert_away(app: &TestApp, bound: Duration) {
    let sent = app.sends();
    let mut slowest = Duration::ZERO;
    for _ in 0..3 {
        let request = app.request(PHONE).await;
        request.is(503, says::UNAVAILABLE).within(bound);
        let verify = app.verify(PHONE, "123456").await;
        verify.is(503, says::UNAVAILABLE).within(bound);
        slowest = slowest.max(request.took).max(verify.took);
    }
    measured("slowest answer while away", slowest);
    assert_eq!(app.sends(), sent, "sent although nothing was stored");
    let (status, body) = app.ready().await;
    assert_eq!((status, body["dependencies"]["redis"]["status"].as_str()), (503, Some("failed")), "{body}");
    assert_eq!(body["dependencies"]["template"]["status"], "ok");
}

/// Asserts that requests succeed within the bound, and that all later ones do.
async fn assert_back(app: &TestApp) {
    let back =
        eventually_within(BACK_WITHIN, "requests succeed again", async || app.request(PHONE).await.status == 200);
    measured("back after", back.await);
    for _ in 0..3 {
        let code = app.code_for(PHONE).await;
        app.verify(PHONE, &code).await.is(200, "OK");
    }
    // If Redis was unreachable at the start, it is only checked once a second.
    eventually("the instance is ready", async || app.ready().await.0 == 200).await;
}

#[tokio::test]
async fn a_redis_that_refuses_connections_is_told_at_once() {
    let server = RedisServer::shared();
    let (app, proxy) = behind_proxy(&server).await;
    let code = app.code_for(PHONE).await;
    proxy.set(Mode::Cut).await;
    assert_away(&app, REFUSED_WITHIN).await;
    proxy.set(Mode::Pass(server.address())).await;
    let back =
        eventually_within(BACK_WITHIN, "the code is good", async || app.verify(PHONE, &code).await.status == 200);
    back.await;
    assert_back(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn many_requests_during_an_outage_are_all_answered_in_time() {
    let server = RedisServer::shared();
    for mode in [Mode::Cut, Mode::Frozen] {
        let (app, proxy) = behind_proxy(&server).await;
        app.request(PHONE).await.is(200, "OK");
        proxy.set(mode).await;
        let calls: Vec<_> = (0..50)
            .map(|_| crate::harness::reply::Client::clone(&app))
            .map(|client| tokio::spawn(async move { client.request(PHONE).await }))
            .collect();
        for call in calls {
            call.await.unwrap().is(503, says::UNAVAILABLE).within(ANSWER_WITHIN);
        }
        assert_eq!(app.sends(), 1);
        proxy.set(Mode::Pass(server.address())).await;
        assert_back(&app).await;
        app.finish().await;
    }
}

#[tokio::test]
async fn a_network_that_swallows_everything_is_told_in_time() {
    let server = RedisServer::shared();
    let (app, proxy) = behind_proxy(&server).await;
    app.request(PHONE).await.is(200, "OK");
    proxy.set(Mode::Frozen).await;
    assert_away(&app, ANSWER_WITHIN).await;
    proxy.set(Mode::Pass(server.address())).await;
    assert_back(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn a_server_that_hangs_is_told_in_time() {
    let server = Arc::new(RedisServer::start());
    let app = service().redis(&server).start().await;
    app.request(PHONE).await.is(200, "OK");
    server.freeze();
    assert_away(&app, ANSWER_WITHIN).await;
    server.thaw();
    assert_back(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn a_service_that_starts_before_redis_serves_when_it_is_there() {
    let server = RedisServer::shared();
    let proxy = Proxy::start(server.address());
    proxy.set(Mode::Cut).await;
    let app = service().redis(&server).redis_through(&proxy).start().await;
    assert_away(&app, REFUSED_WITHIN).await;
    proxy.set(Mode::Pass(server.address())).await;
    assert_back(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn flushed_scripts_fail_no_request() {
    let server = Arc::new(RedisServer::start());
    let app = service().redis(&server).start().await;
    let mut connection = connection(&server).await;
    for _ in 0..3 {
        redis::cmd("SCRIPT").arg("FLUSH").exec_async(&mut connection).await.unwrap();
        let code = app.code_for(PHONE).await;
        redis::cmd("SCRIPT").arg("FLUSH").exec_async(&mut connection).await.unwrap();
        app.verify(PHONE, &code).await.is(200, "OK");
    }
    app.finish().await;
}

#[tokio::test]
async fn an_empty_replacement_server_takes_over() {
    let (old, new) = (Arc::new(RedisServer::start()), Arc::new(RedisServer::start()));
    let proxy = Proxy::start(old.address());
    let app = service().redis(&new).redis_through(&proxy).start().await;
    let code = app.code_for(PHONE).await;
    proxy.set(Mode::Pass(new.address())).await;
    let absent = says::no_active_code(PHONE);
    let took_over = async || {
        let reply = app.verify(PHONE, &code).await;
        assert!(matches!(reply.status, 404 | 503), "{reply:?}");
        reply.status == 404
    };
    measured("took over after", eventually_within(BACK_WITHIN, "the new server answers", took_over).await);
    app.verify(PHONE, &code).await.is(404, &absent);
    assert_back(&app).await;
    app.request(PHONE).await.is(200, "OK");
    assert!(!app.keys.list().await.is_empty(), "the keys are on the new server");
    app.finish().await;
}

#[tokio::test]
async fn killed_connections_cost_at_most_the_request_under_way() {
    let server = Arc::new(RedisServer::start());
    let app = service().redis(&server).start().await;
    app.request(PHONE).await.is(200, "OK");
    let mut connection = connection(&server).await;
    let mut failed = 0;
    for _ in 0..5 {
        redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec_async(&mut connection).await.unwrap();
        for _ in 0..4 {
            let reply = app.request(PHONE).await;
            assert!(reply.status == 200 || reply.body == says::UNAVAILABLE, "{reply:?}");
            failed += usize::from(reply.status != 200);
        }
        assert_back(&app).await;
    }
    assert!(failed <= 5, "{failed} requests failed over 5 killed connections");
    app.finish().await;
}

#[tokio::test]
async fn a_full_redis_is_told_and_nothing_is_sent() {
    let server = Arc::new(RedisServer::start());
    // The first write differs with and without limits.
    a_full_redis(TestApp::builder(), &server).await;
    a_full_redis(service(), &server).await;
}

async fn a_full_redis(service: crate::harness::app::TestAppBuilder, server: &Arc<RedisServer>) {
    let app = service.redis(server).start().await;
    app.request(PHONE).await.is(200, "OK");
    let mut connection = connection(server).await;
    let mut maxmemory = async |bytes: &str| {
        redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).exec_async(&mut connection).await.unwrap();
    };
    let (code, keys, sent) = (app.code(PHONE), app.traces().await, app.sends());
    maxmemory("1").await;
    // Guesses cannot be counted, so codes that could be guessed must not be sent either.
    app.verify(PHONE, &code).await.is(503, says::UNAVAILABLE).within(REFUSED_WITHIN);
    app.request(PHONE).await.is(503, says::UNAVAILABLE).within(REFUSED_WITHIN);
    app.request("15557654321").await.is(503, says::UNAVAILABLE).within(REFUSED_WITHIN);
    assert_eq!((app.traces().await, app.sends()), (keys, sent));
    maxmemory("0").await;
    app.verify(PHONE, &code).await.is(200, "OK");
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_primary_that_became_a_read_only_replica_is_told_and_nothing_is_sent() {
    let server = Arc::new(RedisServer::start());
    let app = service().redis(&server).start().await;
    let code = app.code_for(PHONE).await;
    let mut connection = connection(&server).await;
    // Nothing listens on port 1, so it keeps its data.
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).exec_async(&mut connection).await.unwrap();
    let sent = app.sends();
    for _ in 0..3 {
        app.request(PHONE).await.is(503, says::UNAVAILABLE).within(ANSWER_WITHIN);
        app.verify(PHONE, &code).await.is(503, says::UNAVAILABLE).within(ANSWER_WITHIN);
    }
    assert_eq!(app.sends(), sent);
    redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec_async(&mut connection).await.unwrap();
    app.verify(PHONE, &code).await.is(200, "OK");
    assert_back(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn keys_that_hold_something_else_are_no_decision() {
    let app = TestApp::start().await;
    let mut connection = app.keys.connection().await;
    for rest in ["v2:{15551234567}:sends", "v2:{15551234567}:failures", "v2:{ip:127.0.0.1}:sends"] {
        let key = app.keys.key(rest);
        for other in ["x", "1234567890.12"] {
            redis::cmd("SET").arg(&key).arg(other).arg("EX").arg(60).exec_async(&mut connection).await.unwrap();
            app.request(PHONE).await.is(503, says::UNAVAILABLE);
        }
        redis::cmd("DEL").arg(&key).exec_async(&mut connection).await.unwrap();
        redis::cmd("LPUSH").arg(&key).arg("1234567890123").exec_async(&mut connection).await.unwrap();
        app.request(PHONE).await.is(503, says::UNAVAILABLE);
        redis::cmd("DEL").arg(&key).exec_async(&mut connection).await.unwrap();
    }
    let key = app.keys.key("v2:{15551234567}:verification:default");
    redis::cmd("SET").arg(&key).arg("x").arg("EX").arg(60).exec_async(&mut connection).await.unwrap();
    app.verify(PHONE, "123456").await.is(503, says::UNAVAILABLE);
    assert_eq!(app.sends(), 0);
    // A new code replaces whatever is there.
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_wrong_password_is_told() {
    let server = Arc::new(RedisServer::start_with(&["--requirepass", "the-password"]));
    let app = service().redis(&server).set("redis.password", "another").start().await;
    assert_away(&app, ANSWER_WITHIN).await;
    drop_password(&server).await;
    app.finish().await;
}

#[tokio::test]
async fn the_right_password_opens() {
    let server = Arc::new(RedisServer::start_with(&["--requirepass", "the-password"]));
    let app = service().redis(&server).set("redis.password", "the-password").start().await;
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    drop_password(&server).await;
    app.finish().await;
}

/// Allows the final checks to read the keys.
async fn drop_password(server: &RedisServer) {
    let client = redis::Client::open(format!("redis://:the-password@{}/0", server.address())).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("CONFIG").arg("SET").arg("requirepass").arg("").exec_async(&mut connection).await.unwrap();
}

#[tokio::test]
async fn a_network_on_which_requests_are_in_time_serves_them_all() {
    let server = RedisServer::shared();
    let proxy = Proxy::start(server.address());
    let service = TestApp::builder().redis(&server).redis_through(&proxy).set("limits.per_phone", "off");
    let app = service.simulator(|simulator| simulator.pair_limit = false).start().await;
    // A round trip takes 0.6 s; a request may take 2 s.
    proxy.set(Mode::Slow(server.address(), Duration::from_millis(300))).await;
    eventually("it is connected", async || app.request(PHONE).await.status == 200).await;
    // Several heartbeats pass meanwhile.
    for _ in 0..4 {
        let code = app.code_for(PHONE).await;
        app.verify(PHONE, &code).await.is(200, "OK");
    }
    assert_eq!(app.ready().await.0, 200);
    proxy.set(Mode::Pass(server.address())).await;
    assert_back(&app).await;
    app.finish().await;
}

#[tokio::test]
async fn a_server_or_proxy_that_speaks_only_resp2_is_served() {
    let folder = tempfile::TempDir::new().unwrap();
    let configuration = folder.path().join("redis.conf");
    std::fs::write(&configuration, "rename-command HELLO \"\"\n").unwrap();
    let include = configuration.to_str().unwrap();
    let server = Arc::new(RedisServer::start_with(&["--include", include]));
    let app = service().redis(&server).start().await;
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    assert_eq!(app.ready().await.0, 200);
    let mut connection = connection(&server).await;
    redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec_async(&mut connection).await.unwrap();
    assert_back(&app).await;
    app.finish().await;
}
