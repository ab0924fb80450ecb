//! Tests of the harness: without them, tests of outages would prove nothing.

use std::net::SocketAddr;

use crate::harness::proxy::{Mode, Proxy};
use crate::harness::redis::RedisServer;

/// Returns the answer to `PING` on a new connection, or the error.
async fn ping(address: SocketAddr) -> String {
    let ping = async {
        let client = redis::Client::open(format!("redis://{address}"))?;
        redis::cmd("PING").query_async(&mut client.get_multiplexed_async_connection().await?).await
    };
    ping.await.unwrap_or_else(|error: redis::RedisError| error.to_string())
}

#[tokio::test]
async fn a_frozen_server_is_silent_until_it_is_thawed() {
    let server = RedisServer::start();
    assert_eq!(ping(server.address()).await, "PONG");
    server.freeze();
    assert_eq!(ping(server.address()).await, "timed out");
    server.thaw();
    assert_eq!(ping(server.address()).await, "PONG");
}

#[tokio::test]
async fn a_server_takes_arguments_and_is_gone_when_dropped() {
    let server = RedisServer::start_with(&["--requirepass", "sesame"]);
    let address = server.address();
    let answer = ping(address).await;
    assert!(answer.contains("NOAUTH"), "{answer}");
    drop(server);
    let answer = ping(address).await;
    assert!(answer.contains("refused"), "{answer}");
}

#[tokio::test]
async fn a_proxy_passes_on_keeps_silent_or_refuses() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.address());
    assert_eq!(ping(proxy.address()).await, "PONG");
    proxy.set(Mode::Frozen).await;
    assert_eq!(ping(proxy.address()).await, "timed out");
    proxy.set(Mode::Cut).await;
    let answer = ping(proxy.address()).await;
    assert!(answer.contains("refused"), "{answer}");
    proxy.set(Mode::Pass(server.address())).await;
    assert_eq!(ping(proxy.address()).await, "PONG");
}
