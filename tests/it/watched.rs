//! The view of an observer of Redis: nothing that helps with a later code.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::harness::app::TestApp;
use crate::harness::eventually;
use crate::harness::redis::RedisServer;
use crate::harness::reply::{says, wrong};

const PHONE: &str = "15551234567";

/// Every command that a Redis receives, as `MONITOR` shows it.
struct Watch(BufReader<TcpStream>);

impl Watch {
    async fn start(server: &RedisServer) -> Self {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(b"MONITOR\r\n").await.unwrap();
        let mut watch = Self(BufReader::new(stream));
        assert_eq!(watch.line().await, "+OK");
        watch
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }

    /// Returns the digests in scripts' arguments since the last call.
    async fn digests(&mut self, server: &RedisServer) -> BTreeSet<String> {
        let mark = format!("mark-{}", uuid::Uuid::now_v7());
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(format!("PING {mark}\r\n").as_bytes()).await.unwrap();
        let mut digests = BTreeSet::new();
        loop {
            let line = self.line().await;
            if line.contains(&mark) {
                return digests;
            }
            let is_digest = |word: &&str| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            if line.to_lowercase().contains("\"evalsha\"") {
                digests.extend(line.split('"').filter(is_digest).map(str::to_owned));
            }
        }
    }
}

#[tokio::test]
async fn guesses_leave_nothing_in_redis_that_tells_of_other_codes() {
    let server = Arc::new(RedisServer::start());
    let app = TestApp::builder().redis(&server).start().await;
    let mut watch = Watch::start(&server).await;

    // Without a code, nothing is computed from a guess.
    for _ in 0..3 {
        app.verify(PHONE, "123456").await.is(404, &says::no_active_code(PHONE));
    }
    assert_eq!(watch.digests(&server).await, BTreeSet::new());

    // The same guess at two codes of one phone looks different each time, as would the same code.
    let mut seen = BTreeSet::new();
    let guess = "000000";
    for round in 1..=3 {
        let code = app.code_for(PHONE).await;
        watch.digests(&server).await;
        let guess = if code == guess { wrong(&code) } else { guess.to_owned() };
        app.verify(PHONE, &guess).await.is(401, &says::incorrect(2));
        seen.extend(watch.digests(&server).await);
        assert_eq!(seen.len(), round, "a digest for each guess, and none twice");
    }
    // The same applies if the code is locked.
    app.verify(PHONE, guess).await;
    app.verify(PHONE, guess).await;
    watch.digests(&server).await;
    app.verify(PHONE, guess).await.is(401, says::LOCKED);
    assert_eq!(watch.digests(&server).await, BTreeSet::new());
    eventually("the instance is ready", async || app.ready().await.0 == 200).await;
    app.finish().await;
}
