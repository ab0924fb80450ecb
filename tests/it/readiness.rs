//! Readiness, which does the work of a request and reports why that fails.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use whatsapp_otp_simulator::{Simulator, SimulatorSettings};

use crate::harness::app::{TestApp, TestAppBuilder, serve_simulator};
use crate::harness::eventually;
use crate::harness::process::{Program, serve_settings};
use crate::harness::redis::RedisServer;
use crate::harness::reply::says;
use crate::harness::topology::{Kind, Topology};
use crate::harness::unique_prefix;

const PHONE: &str = "15551234567";

async fn connection(server: &RedisServer) -> MultiplexedConnection {
    redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
}

async fn tell(server: &RedisServer, command: &str) {
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    for word in words {
        command.arg(word);
    }
    command.exec_async(&mut connection(server).await).await.unwrap();
}

/// Asserts that requests fail and readiness gives this reason, and that both succeed after the remedy.
async fn assert_reported(server: &Arc<RedisServer>, trouble: &str, reason: &str, remedy: &str) {
    let app = TestApp::builder().redis(server).set("limits.per_phone", "off").start().await;
    let code = app.code_for(PHONE).await;
    assert_eq!(app.ready().await.0, 200);
    tell(server, trouble).await;
    app.request(PHONE).await.is(503, says::UNAVAILABLE);
    eventually("it is not ready", async || app.ready().await.0 == 503).await;
    let (_, body) = app.ready().await;
    let told = body["dependencies"]["redis"]["reason"].as_str().unwrap();
    assert!(told.contains(reason), "{told}");
    tell(server, remedy).await;
    eventually("it is ready again", async || app.ready().await.0 == 200).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn a_redis_whose_memory_is_full_is_not_ready() {
    let server = Arc::new(RedisServer::start());
    assert_reported(&server, "CONFIG SET maxmemory 1", "SET is refused: OOM", "CONFIG SET maxmemory 0").await;
}

#[tokio::test]
async fn a_redis_with_too_few_replicas_is_not_ready() {
    let server = Arc::new(RedisServer::start());
    let remedy = "CONFIG SET min-replicas-to-write 0";
    assert_reported(&server, "CONFIG SET min-replicas-to-write 1", "SET is refused: NOREPLICAS", remedy).await;
}

#[tokio::test]
async fn a_redis_that_became_a_replica_is_not_ready() {
    let server = Arc::new(RedisServer::start());
    // Nothing listens on port 1, so it keeps its data.
    assert_reported(&server, "REPLICAOF 127.0.0.1 1", "READONLY", "REPLICAOF NO ONE").await;
}

#[tokio::test]
async fn a_redis_without_the_replica_that_has_to_acknowledge_is_not_ready() {
    let server = Arc::new(RedisServer::start());
    let service = TestApp::builder().redis(&server).set("redis.min_replicas_ack", "1").set("redis.timeout", "500ms");
    let app = service.start().await;
    app.request(PHONE).await.is(503, says::UNAVAILABLE);
    let (status, body) = app.ready().await;
    assert_eq!(status, 503, "{body}");
    app.finish().await;
}

/// A server with a user `otp` that may run every command except this one.
async fn server_without(command: &str) -> Arc<RedisServer> {
    let server = Arc::new(RedisServer::start());
    tell(&server, &format!("ACL SETUSER otp on >sesame ~* &* +@all -{command}")).await;
    server
}

fn as_user(service: TestAppBuilder) -> TestAppBuilder {
    service.set("redis.username", "otp").set("redis.password", "sesame")
}

#[tokio::test]
async fn a_user_who_lacks_a_command_is_not_ready_and_check_names_it() {
    for command in ["hset", "pexpire", "hincrby", "del", "hmget"] {
        let server = server_without(command).await;
        let app = as_user(TestApp::builder()).redis(&server).start().await;
        let (status, body) = app.ready().await;
        let reason = body["dependencies"]["redis"]["reason"].to_string();
        let named = format!("{} is refused", command.to_uppercase());
        assert!(status == 503 && reason.contains(&named), "{body}");
        let checked = check(&server, &[("redis.username", "otp"), ("redis.password", "sesame")]).await;
        assert!(checked.0 == 1 && checked.1.contains(&named), "{}", checked.1);
        app.finish().await;
    }
}

#[tokio::test]
async fn a_user_who_may_not_use_info_is_ready_and_check_says_so() {
    let server = server_without("info").await;
    let app = as_user(TestApp::builder()).redis(&server).start().await;
    let code = app.code_for(PHONE).await;
    app.verify(PHONE, &code).await.is(200, "OK");
    assert_eq!(app.ready().await.0, 200);
    let checked = check(&server, &[("redis.username", "otp"), ("redis.password", "sesame")]).await;
    assert!(checked.0 == 0 && checked.1.contains("refuses INFO"), "{}", checked.1);
    app.finish().await;
}

#[tokio::test]
async fn check_reports_memory_that_is_nearly_full() {
    let server = Arc::new(RedisServer::start());
    tell(&server, "CONFIG SET maxmemory 1").await;
    let (code, text) = check(&server, &[]).await;
    assert!(code == 1 && text.contains("% of its maxmemory") && text.contains("SET is refused: OOM"), "{text}");
    let info: String = redis::cmd("INFO").arg("memory").query_async(&mut connection(&server).await).await.unwrap();
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim();
    let nearly = used.parse::<u64>().unwrap() * 100 / 88;
    tell(&server, &format!("CONFIG SET maxmemory {nearly}")).await;
    let (code, text) = check(&server, &[]).await;
    assert!(code == 0 && text.contains("% of its maxmemory"), "{text}");
}

async fn check(server: &RedisServer, more: &[(&str, &str)]) -> (i32, String) {
    let simulator = Simulator::new(SimulatorSettings::default());
    let whatsapp = serve_simulator(&simulator).await;
    let mut settings: HashMap<_, _> = serve_settings(&simulator, whatsapp, server.url(), &unique_prefix());
    settings.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    let ended = Program::new(&["check"]).settings(&settings).run().await;
    (ended.code, ended.stdout)
}

#[tokio::test]
async fn redis_is_probed_about_twice_a_second_however_many_ask() {
    let server = Arc::new(RedisServer::start());
    let app = TestApp::builder().redis(&server).start().await;
    let calls = async || {
        let stats: String =
            redis::cmd("INFO").arg("commandstats").query_async(&mut connection(&server).await).await.unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap_or("0,");
        line.split(',').next().unwrap().parse::<u64>().unwrap()
    };
    let (before, began) = (calls().await, std::time::Instant::now());
    while began.elapsed() < Duration::from_millis(1_200) {
        let asking = (0..20).map(|_| app.ready());
        for (status, _) in futures_util::future::join_all(asking).await {
            assert_eq!(status, 200);
        }
    }
    let (tried, took) = (calls().await - before, began.elapsed());
    assert!(u128::from(tried) <= 1 + took.as_millis() / 500, "{tried} in {took:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_cluster_with_a_frozen_primary_is_ready_for_the_others() {
    let topology = Topology::start(Kind::Cluster).await;
    let shards = topology.whole().await;
    let mut service = TestApp::builder();
    for (key, value) in topology.settings() {
        service = service.set(&key, &value);
    }
    let app = service.start().await;
    eventually("it is ready", async || app.ready().await.0 == 200).await;
    topology.nodes()[shards[0].primary].pause();
    tokio::time::sleep(Duration::from_millis(600)).await;
    for _ in 0..2 {
        let began = std::time::Instant::now();
        let (status, body) = app.ready().await;
        assert_eq!(status, 200, "{body}");
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    topology.nodes()[shards[0].primary].wake();
    app.finish().await;
}

#[tokio::test]
async fn metrics_show_the_memory_of_redis() {
    let server = Arc::new(RedisServer::start_with(&["--maxmemory", "100mb"]));
    let app = TestApp::builder().redis(&server).start().await;
    let line = format!("whatsapp_otp_redis_max_memory_bytes{{primary=\"{}\"}} 104857600\n", server.address());
    let shown = async || {
        let metrics = app.ops().call(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        metrics.contains(&line) && metrics.contains("\nwhatsapp_otp_redis_used_memory_bytes{primary=")
    };
    eventually("the memory is shown", shown).await;
    app.finish().await;
}
