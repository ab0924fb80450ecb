//! The handshake with which WhatsApp makes sure that a URL is ours.

use reqwest::Url;

use super::*;
use crate::harness::proxy::{Mode, Proxy};
use crate::harness::redis::RedisServer;

/// Returns the path with these parameters.
fn asked(parameters: &[(&str, &str)]) -> String {
    let url = Url::parse_with_params(&format!("http://x{PATH}"), parameters).unwrap();
    format!("{PATH}?{}", url.query().unwrap_or_default())
}

fn ask<'p>(token: &'p str, challenge: &'p str) -> [(&'p str, &'p str); 3] {
    [("hub.mode", "subscribe"), ("hub.challenge", challenge), ("hub.verify_token", token)]
}

#[tokio::test]
async fn only_our_token_gets_the_challenge_back() {
    let app = service().start().await;
    let html = "<script>alert(1)</script>";
    for (token, challenge) in
        [(TOKEN, "1158201444"), ("another-token", "x&y=+%"), (TOKEN, html), (TOKEN, &"c".repeat(256))]
    {
        for index in 0..2 {
            let reply = app.on(index).get(&asked(&ask(token, challenge))).await;
            reply.is(200, challenge);
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        }
    }
    let good = ask(TOKEN, "1");
    let unknown_besides = [&good[..], &[("hub.extra", "1")]].concat();
    app.get(&asked(&unknown_besides)).await.is(200, "1");
    for parameters in [
        &ask("wrong", "1")[..],
        &ask("", "1"),
        &ask(&TOKEN[1..], "1"),
        &ask(TOKEN, ""),
        &ask(TOKEN, &"c".repeat(257)),
        &ask(TOKEN, &"c".repeat(1_024)),
        &good[1..],
        &good[..2],
        &[good[0], good[2]],
        &[("hub.mode", "unsubscribe"), good[1], good[2]],
        &[("hub_mode", "subscribe"), ("hub_challenge", "1"), ("hub_verify_token", TOKEN)],
        &[good[0], good[1], good[2], ("hub.verify_token", "wrong")],
        &[good[0], good[1], good[2], ("hub.challenge", "2")],
        &[],
    ] {
        app.get(&asked(parameters)).await.is(403, "Forbidden.");
    }
    let head = send(app.call(Method::HEAD, &asked(&good))).await;
    assert_eq!((head.status, head.header("allow")), (405, Some("GET, POST")));
    app.finish().await;
}

#[tokio::test]
async fn the_handshake_does_not_need_redis() {
    let server = RedisServer::shared();
    let proxy = Proxy::start(server.address());
    let app = service().redis(&server).redis_through(&proxy).start().await;
    for mode in [Mode::Cut, Mode::Frozen] {
        proxy.set(mode).await;
        app.get(&asked(&ask(TOKEN, "1"))).await.is(200, "1");
    }
    proxy.set(proxy.upstream()).await;
    app.finish().await;
}

#[tokio::test]
async fn without_an_app_secret_there_is_no_webhook() {
    let app = TestApp::builder().set("whatsapp.webhook_verify_token", TOKEN).start().await;
    app.get(&asked(&ask(TOKEN, "1"))).await.is(404, "Not found.");
    post_bytes(app.on(0), b"{}".to_vec()).await.is(404, "Not found.");
    app.finish().await;
}
