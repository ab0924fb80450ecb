//! Many concurrent requests, on two instances with one Redis.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::app::TestApp;
use crate::harness::reply::{Client, Reply, says, wrong};

const PHONE: &str = "15551234567";
const MANY: usize = 50;

/// Makes `MANY` concurrent calls, alternating between both instances.
async fn at_once<F>(app: &TestApp, call: impl Fn(Client) -> F) -> Vec<Reply>
where
    F: Future<Output = Reply> + Send + 'static,
{
    let calls: Vec<_> = (0..MANY).map(|n| tokio::spawn(call(Client::clone(app.on(n % 2))))).collect();
    let mut replies = Vec::new();
    for call in calls {
        replies.push(call.await.unwrap());
    }
    replies
}

/// Counts the answers of each kind.
fn tally(replies: &[Reply]) -> HashMap<(u16, &str), usize> {
    let mut tally = HashMap::new();
    for reply in replies {
        *tally.entry((reply.status, reply.body.as_str())).or_default() += 1;
    }
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_right_guesses_at_once_exactly_one_is_right() {
    let app = TestApp::builder().instances(2).start().await;
    let code = app.code_for(PHONE).await;
    let replies = at_once(&app, |client| {
        let code = code.clone();
        async move { client.verify(PHONE, &code).await }
    })
    .await;
    let gone = says::no_active_code(PHONE);
    assert_eq!(tally(&replies), HashMap::from([((200, "OK"), 1), ((404, gone.as_str()), MANY - 1)]));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_wrong_guesses_at_once_three_are_compared() {
    let app = TestApp::builder().instances(2).start().await;
    let code = app.code_for(PHONE).await;
    let replies = at_once(&app, |client| {
        let guess = wrong(&code);
        async move { client.verify(PHONE, &guess).await }
    })
    .await;
    let (two, one) = (says::incorrect(2), says::incorrect(1));
    let expected = HashMap::from([((401, two.as_str()), 1), ((401, one.as_str()), 1), ((401, says::LOCKED), MANY - 2)]);
    assert_eq!(tally(&replies), expected);
    assert_eq!(app.keys.of_verification(PHONE, "attempts").await.as_deref(), Some("3"));
    app.verify(PHONE, &code).await.is(401, says::LOCKED);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_requests_at_once_as_many_as_the_limit_are_sent() {
    let app = TestApp::builder().instances(2).start().await;
    let replies = at_once(&app, |client| async move { client.request(PHONE).await }).await;
    let accepted = replies.iter().filter(|reply| reply.status == 200).count();
    let limited = replies.iter().filter(|reply| reply.status == 429).count();
    assert_eq!((accepted, limited), (5, MANY - 5));
    assert_eq!((app.sends(), app.messages_to(PHONE)), (5, 5));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cooldown_lets_one_of_fifty_requests_pass() {
    let app = TestApp::builder().instances(2).set("limits.resend_cooldown", "30s").start().await;
    let replies = at_once(&app, |client| async move { client.request(PHONE).await }).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    assert_eq!(app.sends(), 1);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_an_address_holds_over_phones_and_instances() {
    let app = TestApp::builder().instances(2).set("limits.per_ip", "7/1h").start().await;
    let calls: Vec<_> = (0..MANY)
        .map(|n| (Client::clone(app.on(n % 2)), format!("155512300{n:02}")))
        .map(|(client, phone)| tokio::spawn(async move { client.request(&phone).await.status }))
        .collect();
    let mut accepted = 0;
    for call in calls {
        accepted += usize::from(call.await.unwrap() == 200);
    }
    assert_eq!((accepted, app.sends()), (7, 7));
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_code_is_never_good_after_a_newer_one_was_promised() {
    let app = TestApp::builder()
        .instances(2)
        .set("limits.per_phone", "off")
        .set("limits.failures_per_phone", "off")
        .set("limits.checks_per_ip", "off")
        .set("otp.max_verification_attempts", "100")
        .set("otp.code_length", "10")
        .simulator(|simulator| simulator.pair_limit = false)
        .start()
        .await;
    // While one instance issues code after code, the other is asked about all the replaced ones.
    for _ in 0..15 {
        let old = app.code_for(PHONE).await;
        let done = std::sync::Arc::new(AtomicBool::new(false));
        let guesses = {
            let (client, old, done) = (Client::clone(app.on(1)), old.clone(), done.clone());
            tokio::spawn(async move {
                let mut rights = Vec::new();
                while !done.load(Ordering::SeqCst) {
                    rights.push(client.verify(PHONE, &old).await);
                }
                rights
            })
        };
        app.on(0).request(PHONE).await.is(200, "OK");
        // From here on, the old code must not be accepted by either instance.
        for n in 0..4 {
            let reply = app.on(n % 2).verify(PHONE, &old).await;
            assert_eq!(reply.status, 401, "{reply:?}");
        }
        done.store(true, Ordering::SeqCst);
        let rights = guesses.await.unwrap().iter().filter(|reply| reply.status == 200).count();
        assert!(rights <= 1, "the old code was right {rights} times");
        let new = app.code(PHONE);
        app.verify(PHONE, &new).await.is(200, "OK");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn issuing_and_guessing_at_once_leaves_the_newest_code_or_none() {
    let app = TestApp::builder()
        .instances(2)
        .set("limits.per_phone", "off")
        .set("otp.code_length", "10")
        .simulator(|simulator| simulator.pair_limit = false)
        .start()
        .await;
    for _ in 0..5 {
        let requests: Vec<_> = (0..10)
            .map(|n| Client::clone(app.on(n % 2)))
            .map(|client| tokio::spawn(async move { client.request(PHONE).await.status }))
            .collect();
        for request in requests {
            assert_eq!(request.await.unwrap(), 200);
        }
        // Only Redis knows which of ten concurrent requests was the last: exactly one of their codes is valid.
        let mut good = 0;
        let codes: Vec<String> =
            app.simulator.inbox().into_iter().take(10).filter_map(|message| message.code).collect();
        assert_eq!(codes.len(), 10);
        let id = app.keys.of_verification(PHONE, "id").await.unwrap();
        let reference = Some(format!("v1.{id}.1"));
        let newest = app.simulator.inbox().into_iter().find(|message| message.biz_opaque_callback_data == reference);
        good += usize::from(app.verify(PHONE, &newest.unwrap().code.unwrap()).await.status == 200);
        for code in &codes {
            good += usize::from(app.verify(PHONE, code).await.status == 200);
        }
        assert_eq!(good, 1);
    }
    tokio::time::timeout(Duration::from_secs(10), app.finish()).await.unwrap();
}
