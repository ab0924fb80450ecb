//! More than can be worked on or sent: what is too much is told at once, costs nothing and harms nobody else.

use std::time::Duration;

use tokio::task::JoinSet;
use whatsapp_otp::simulator::{Behaviour, Order};

use crate::harness::app::TestApp;
use crate::harness::eventually;
use crate::harness::reply::{Client, Reply, says};

const PHONE: &str = "15551234567";

/// Requests codes for that many phones at once, on each instance in turn.
async fn request_at_once(app: &TestApp, instances: usize, count: usize) -> Vec<Reply> {
    let mut calls = JoinSet::new();
    for n in 0..count {
        let client = Client::clone(app.on(n % instances));
        calls.spawn(async move { client.request(&format!("155576500{n:02}")).await });
    }
    calls.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_whatsapp_leaves_room_for_verification() {
    let app = TestApp::builder().set("server.max_concurrent_sends", "2").start().await;
    let code = app.code_for(PHONE).await;
    let traces = app.traces().await.len();
    assert!(app.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 600 }).times(2)));
    let mut waiting = JoinSet::new();
    for phone in ["15557654321", "15557654322"] {
        let client = Client::clone(&app);
        waiting.spawn(async move { client.request(phone).await });
    }
    eventually("both are on their way", async || app.sends() == 3).await;

    let refused = app.request("15557654323").await;
    refused.is(503, says::UNAVAILABLE).within(Duration::from_millis(300));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!((app.sends(), app.traces().await.len()), (3, traces + 4), "a code and a charge for each that is sent");
    app.verify(PHONE, &code).await.is(200, "OK").within(Duration::from_millis(300));

    for reply in waiting.join_all().await {
        reply.is(200, "OK");
    }
    app.request("15557654323").await.is(200, "OK");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_requests_than_are_worked_on_at_once_are_turned_away() {
    let app = TestApp::builder().set("server.max_concurrent_requests", "3").start().await;
    assert!(app.simulator.push_order(Order::once(Behaviour::Slow { milliseconds: 500 }).times(3)));
    let replies = request_at_once(&app, 1, 10).await;
    let of = |status| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((of(200), of(503), app.sends()), (3, 7, 3));
    assert!(replies.iter().all(|reply| reply.status == 200 || reply.header("retry-after") == Some("1")));
    app.request(PHONE).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_share_the_pace_that_whatsapp_allows() {
    let app = TestApp::builder().instances(2).set("whatsapp.messages_per_second", "4").start().await;
    let replies = request_at_once(&app, 2, 20).await;
    let sent = replies.iter().filter(|reply| reply.status == 200).count();
    // Four at once, and four more that wait for a second; those that ask later may find another turn.
    assert!((8..=12).contains(&sent), "{sent} were sent");
    assert_eq!(app.sends(), sent as u64);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        reply.is(503, says::UNAVAILABLE).within(Duration::from_secs(1));
        assert!(reply.header("retry-after").is_some(), "{reply:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_whatsapp_that_keeps_failing_is_left_alone_for_a_while() {
    let app = TestApp::builder().set("whatsapp.max_retries", "0").start().await;
    let code = app.code_for(PHONE).await;
    let traces = app.traces().await;
    for n in 10..20 {
        assert!(app.simulator.push_order(Order::once(Behaviour::Error {
            code: 131_016,
            http: None,
            retry_after: None
        })));
        app.request(&format!("155576543{n}")).await.is(500, says::SEND_FAILED);
    }
    let sent = app.sends();
    app.request("15557654321").await.is(500, says::SEND_FAILED).within(Duration::from_millis(300));
    assert_eq!(app.sends(), sent, "not even tried");
    assert_eq!(app.traces().await, traces, "and nothing charged");
    app.verify(PHONE, &code).await.is(200, "OK");
    app.finish().await;
}

#[tokio::test]
async fn refusals_for_a_reason_do_not_suspend_sending() {
    let app = TestApp::builder().set("limits.per_ip", "off").start().await;
    for _ in 0..12 {
        app.request("15550131026").await.is(500, says::SEND_FAILED);
    }
    assert_eq!(app.sends(), 12);
    app.request(PHONE).await.is(200, "OK");
    app.finish().await;
}
