//! Overload: requests that are refused, and those that still succeed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use reqwest::Method;
use tokio::task::JoinSet;
use whatsapp_otp_simulator::{Behaviour, Order};

use crate::harness::app::TestApp;
use crate::harness::eventually;
use crate::harness::proxy::Mode;
use crate::harness::reply::{Client, Reply, send};

/// The maximum time for an answer that does not have to wait, even on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);

fn phone(number: usize) -> String {
    format!("1555765{number:04}")
}

fn slow(milliseconds: u64) -> Order {
    Order::once(Behaviour::Slow { milliseconds })
}

/// Requests codes for `count` phones from `first` on, concurrently.
fn request_at_once(client: &Client, first: usize, count: usize) -> JoinSet<Reply> {
    let mut calls = JoinSet::new();
    for number in first..first + count {
        let client = client.clone();
        calls.spawn(async move { client.request(&phone(number)).await });
    }
    calls
}

fn assert_overloaded(reply: &Reply) {
    assert_eq!((reply.status, reply.body.as_str()), (503, "Service temporarily unavailable."));
    assert_eq!(reply.headers["retry-after"], "1");
    assert!(reply.took < AT_ONCE, "{:?}", reply.took);
}

#[tokio::test]
async fn while_whatsapp_is_slow_sends_are_refused_and_verification_goes_on() {
    let app = TestApp::builder().set("server.max_concurrent_sends", "3").start().await;
    let code = app.code_for(&phone(0)).await;
    assert!(app.simulator.push_order(slow(2_000).times(3)));
    let mut waiting = request_at_once(&app, 1, 3);
    eventually("all places are taken", async || app.sends() == 4).await;

    assert_overloaded(&app.request(&phone(5)).await);
    let verified = app.verify(&phone(0), &code).await;
    assert!(verified.took < AT_ONCE, "{:?}", verified.took);
    verified.is(200, "OK");
    while let Some(reply) = waiting.join_next().await {
        reply.unwrap().is(200, "OK");
    }
    assert_eq!(app.sends(), 4, "what is turned away is not sent");
    app.request(&phone(5)).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn one_request_too_many_is_refused() {
    let app = TestApp::builder().set("server.max_concurrent_requests", "2").start().await;
    assert!(app.simulator.push_order(slow(1_500).times(2)));
    let mut waiting = request_at_once(&app, 0, 2);
    eventually("both are worked on", async || app.sends() == 2).await;
    assert_overloaded(&app.verify(&phone(7), "123456").await);
    while let Some(reply) = waiting.join_next().await {
        reply.unwrap().is(200, "OK");
    }
    app.verify(&phone(7), "123456").await.is(404, &format!("No active code for phone # {}", phone(7)));
    app.finish().await;
}

#[tokio::test]
async fn a_pending_body_takes_no_place_from_complete_requests() {
    let app = TestApp::builder().set("server.max_concurrent_requests", "2").start().await;
    let head = "POST /otp/15557650001 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n";
    let slow = format!("{head}Content-Length: 17\r\n\r\n");
    let _waited_for = [app.connect(&slow).await, app.connect(&slow).await];
    let mut turned_away = None;
    eventually("one more body is turned away", async || {
        turned_away = tokio::time::timeout(Duration::from_millis(500), app.raw(&slow)).await.ok();
        turned_away.is_some()
    })
    .await;
    assert_overloaded(&turned_away.unwrap());
    // Bodies that arrive with their heads are not pending, and a request for a code has none.
    let code = app.code_for(&phone(2)).await;
    app.verify(&phone(2), &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn after_ten_failures_in_a_row_sends_fail_immediately_until_one_succeeds() {
    let app = TestApp::builder().set("whatsapp.max_retries", "0").set("limits.per_ip", "off").simulator_proxied();
    let app = app.start().await;
    let code = app.code_for(&phone(0)).await;
    let proxy = app.simulator_proxy.as_ref().unwrap();
    let upstream = proxy.upstream();
    proxy.set(Mode::Cut).await;
    for number in 1..=10 {
        app.request(&phone(number)).await.is(500, "Error calling WhatsApp send message API");
    }

    proxy.set(upstream).await;
    let sends = app.sends();
    let reply = app.request(&phone(11)).await;
    assert!(reply.took < AT_ONCE, "{:?}", reply.took);
    reply.is(500, "Error calling WhatsApp send message API");
    assert_eq!(app.sends(), sends, "nothing is tried while sending is suspended");
    assert!(app.keys.of_verification(&phone(11), "id").await.is_none(), "nor stored");
    app.verify(&phone(0), &code).await.is(200, "OK");

    // The pause is five seconds; the first send after it closes the breaker.
    eventually("sending has resumed", async || app.request(&phone(12)).await.status == 200).await;
    app.request(&phone(13)).await.is(200, "OK");
    app.finish().await;
}

/// Requests a code as a client behind the load balancer.
async fn request_from(app: &TestApp, client: &str, phone: &str) -> Reply {
    send(app.call(Method::GET, &format!("/otp/{phone}")).header("x-forwarded-for", client.to_owned())).await
}

#[tokio::test]
async fn a_caller_over_a_limit_does_not_keep_a_recovered_whatsapp_suspended() {
    let app = TestApp::builder()
        .set("whatsapp.max_retries", "0")
        .set("limits.per_ip", "1/1h")
        .set("server.trusted_proxies", "127.0.0.1")
        .simulator_proxied()
        .start()
        .await;
    let stranger = "198.51.100.66";
    request_from(&app, stranger, &phone(0)).await.is(200, "OK");
    let proxy = app.simulator_proxy.as_ref().unwrap();
    let upstream = proxy.upstream();
    proxy.set(Mode::Cut).await;
    for number in 1..=10 {
        assert_eq!(request_from(&app, &format!("203.0.113.{number}"), &phone(number)).await.status, 500);
    }
    proxy.set(upstream).await;

    // After the pause, the stranger is the first to request a code, and its limit refuses it. However often that
    // happens, the attempt that resumes sending is left to the next caller.
    let stranger_asks = async || request_from(&app, stranger, &phone(0)).await.status;
    assert_eq!(stranger_asks().await, 500);
    eventually("the pause is over", async || stranger_asks().await == 429).await;
    for _ in 0..10 {
        assert_eq!(stranger_asks().await, 429);
    }
    request_from(&app, "203.0.113.20", &phone(20)).await.is(200, "OK");
    for number in 21..40 {
        request_from(&app, stranger, &phone(0)).await.retry_after();
        request_from(&app, &format!("203.0.113.{number}"), &phone(number)).await.is(200, "OK");
    }
    app.finish().await;
}

#[tokio::test]
async fn numbers_that_fail_for_one_address_do_not_suspend_sending() {
    let app =
        TestApp::builder().set("whatsapp.max_retries", "0").set("server.trusted_proxies", "127.0.0.1").start().await;
    let mut failed = 0;
    for number in 0..80 {
        // For each honest number, there are three with which WhatsApp fails.
        for n in 0..3 {
            let failing = format!("15550{:06}", [131_016, 131_000, 131_057][n]);
            let status = request_from(&app, "198.51.100.66", &failing).await.status;
            failed += usize::from(status == 500);
            assert!(status == 500 || status == 429, "{failing}: {status}");
        }
        request_from(&app, &format!("203.0.113.{number}"), &phone(number)).await.is(200, "OK");
    }
    assert_eq!(failed, 60, "as many as limits.per_ip lets through");
    app.finish().await;
}

#[tokio::test]
async fn retries_keep_to_the_pace_as_well() {
    let pace = 10;
    let app = TestApp::builder()
        .instances(2)
        .set("limits.per_ip", "off")
        .set("whatsapp.messages_per_second", &pace.to_string())
        .start()
        .await;
    // Each is tried three times if the pace allows.
    assert!(
        app.simulator
            .push_order(Order::once(Behaviour::Error { code: 131_016, http: None, retry_after: None }).times(99))
    );
    let mut calls = request_at_once(app.on(0), 0, 12);
    let mut more = request_at_once(app.on(1), 12, 12);
    let began = Instant::now();
    let mut seen = vec![(began, 0)];
    while !(calls.is_empty() && more.is_empty()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        seen.push((Instant::now(), app.sends()));
        while calls.try_join_next().is_some() || more.try_join_next().is_some() {}
    }
    let sends = app.sends();
    assert!(sends > 24, "{sends}: some were tried again");
    for (index, (from, before)) in seen.iter().enumerate() {
        let within = seen[index..].iter().take_while(|(at, _)| *at - *from < Duration::from_secs(1));
        let sent = within.last().unwrap().1 - before;
        // On a busy machine one more may have been in flight.
        assert!(sent <= pace + 2, "{sent} within a second");
    }
    app.finish().await;
}

#[tokio::test]
async fn refusals_with_a_reason_do_not_suspend_sending() {
    let app = TestApp::builder().set("limits.per_ip", "off").set("limits.per_phone", "off").start().await;
    for suffix in 0..15 {
        app.request("15550131026").await.is(500, "Error calling WhatsApp send message API");
        assert_eq!(app.sends(), suffix + 1);
    }
    app.request(&phone(0)).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn two_instances_together_keep_to_the_pace_that_whatsapp_allows() {
    let pace = 20;
    let app = TestApp::builder()
        .instances(2)
        .set("limits.per_ip", "off")
        .set("whatsapp.messages_per_second", &pace.to_string())
        // On a busy machine messages that left on time arrive closer together. With a pace per instance, or none, there would
        // be two or four times as many.
        .simulator(|settings| settings.messages_per_second = pace * 3 / 2)
        .start()
        .await;
    let mut calls = request_at_once(app.on(0), 0, 40);
    let mut more = request_at_once(app.on(1), 40, 40);
    let mut statuses: HashMap<u16, usize> = HashMap::new();
    for calls in [&mut calls, &mut more] {
        while let Some(reply) = calls.join_next().await {
            *statuses.entry(reply.unwrap().status).or_default() += 1;
        }
    }
    // Sends whose turn comes within two seconds wait for it. The others are refused, but never by WhatsApp (500).
    assert_eq!(statuses.keys().filter(|status| ![200, 503].contains(*status)).count(), 0, "{statuses:?}");
    let sent = statuses[&200];
    assert!((40..=60).contains(&sent), "{statuses:?}");
    assert_eq!(u64::try_from(sent).unwrap(), app.sends());
    app.finish().await;
}
