//! Bodies on their way: large, encoded, slow, and cut off.

use std::io::Write;
use std::time::Instant;

use tokio::io::AsyncWriteExt;

use super::*;
use crate::harness::reply::read;

/// Returns a body of this size with one status.
fn padded(app: &TestApp, id: &str, bytes: usize) -> Vec<u8> {
    let mut webhook = status(app, id, "delivered");
    webhook.body["padding"] = json!("");
    webhook.body["padding"] = json!("x".repeat(bytes - webhook.bytes().len()));
    webhook.bytes()
}

fn head(length: &str, signature: &str) -> String {
    format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{length}\r\nX-Hub-Signature-256: {signature}\r\n\r\n"
    )
}

#[tokio::test]
async fn bodies_may_have_three_megabytes() {
    let app = service().start().await;
    let id = created(&app, TO).await;
    let too_large = padded(&app, &id, 4_000_000);
    let signature = webhook_signature(DEFAULT_APP_SECRET, &too_large);
    let announced = head("Content-Length: 4000000", &signature);
    assert_eq!(app.raw(announced).await.status, 413);
    let mut chunked = head("Transfer-Encoding: chunked", &signature).into_bytes();
    for chunk in too_large.chunks(500_000) {
        write!(chunked, "{:x}\r\n", chunk.len()).unwrap();
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    let mut stream = app.connect(b"").await;
    // The answer may come before the end, and close the connection.
    let _ = stream.write_all(&chunked).await;
    assert_eq!(read(&mut stream, Instant::now()).await.status, 413);
    is(&app, &id, "accepted").await;

    post_bytes(app.on(0), padded(&app, &id, 3_000_000)).await.is(200, "");
    is(&app, &id, "delivered").await;
    app.finish().await;
}

#[tokio::test]
async fn a_body_in_chunks_is_taken_and_an_encoded_one_is_not() {
    let app = service().start().await;
    let id = created(&app, TO).await;
    let body = status(&app, &id, "sent").bytes();
    let signature = webhook_signature(DEFAULT_APP_SECRET, &body);
    let (first, second) = body.split_at(100);
    let text = |part: &[u8]| String::from_utf8(part.to_vec()).unwrap();
    let chunks = [first, second, b""].map(|part| format!("{:x}\r\n{}\r\n", part.len(), text(part))).concat();
    for encoding in ["gzip", "deflate", "br", "identity, gzip"] {
        let length = format!("Content-Encoding: {encoding}\r\nContent-Length: {}", body.len());
        let reply = app.raw(format!("{}{}", head(&length, &signature), text(&body))).await;
        reply.is(415, "The body must not be encoded.");
    }
    is(&app, &id, "accepted").await;
    app.raw(format!("{}{chunks}", head("Transfer-Encoding: chunked", &signature))).await.is(200, "");
    is(&app, &id, "sent").await;
    app.finish().await;
}

#[tokio::test]
async fn a_body_that_trickles_or_stops_is_not_applied() {
    let app = service().set("server.request_timeout", "3s").set("redis.timeout", "1s").start().await;
    let id = created(&app, TO).await;
    let body = status(&app, &id, "sent").bytes();
    let head = head(&format!("Content-Length: {}", body.len()), &webhook_signature(DEFAULT_APP_SECRET, &body));
    let began = Instant::now();
    let mut stream = app.connect(head.as_bytes()).await;
    for byte in &body[..2] {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    read(&mut stream, began).await.is(408, "The body took too long to arrive.").within(Duration::from_secs(5));

    let mut stream = app.connect(head.as_bytes()).await;
    stream.write_all(&body[..body.len() - 1]).await.unwrap();
    drop(stream);
    is(&app, &id, "accepted").await;
    post_bytes(app.on(0), body).await.is(200, "");
    is(&app, &id, "sent").await;
    app.finish().await;
}

#[tokio::test]
async fn one_address_with_slow_bodies_does_not_keep_webhooks_out() {
    let app = service().start().await;
    let id = created(&app, TO).await;
    let signature = format!("sha256={}", "0".repeat(64));
    let mut slow = Vec::new();
    for (length, connections) in [("Content-Length: 2000", 300), ("Content-Length: 2000000", 20)] {
        for _ in 0..connections {
            slow.push(app.connect(format!("{}{{", head(length, &signature)).as_bytes()).await);
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    post(app.on(0), &status(&app, &id, "delivered")).await.is(200, "");
    is(&app, &id, "delivered").await;
    drop(slow);
    app.finish().await;
}
