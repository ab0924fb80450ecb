//! Endpoints that fail.

use std::time::{Duration, Instant};

use super::{TO, secret, telling};
use crate::harness::endpoint::{Answer, Endpoint};
use crate::harness::eventually;

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_failed_is_sent_again_with_the_same_id_and_a_new_signature() {
    let endpoint = Endpoint::start().await;
    endpoint.answer([500, 301, 404].map(Answer::status));
    let app = telling(&endpoint).set("events.types", "verification.created").start().await;
    app.api("backend").create(TO).await;
    for attempts in 1..=4 {
        eventually("the event came", async || endpoint.count() == attempts).await;
        app.age(10 * MINUTE).await;
    }
    let received = endpoint.received();
    for received in &received {
        assert_eq!((received.id(), &received.text), (endpoint.received()[0].id(), &endpoint.received()[0].text));
        assert!(received.is_signed_with(&secret(1)));
    }
    app.age(10 * MINUTE).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(endpoint.count(), 4);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_gone_is_asked_no_more_until_a_replay() {
    let endpoint = Endpoint::start().await;
    endpoint.answer([Answer::status(410)]);
    let app = telling(&endpoint).set("events.types", "verification.created").start().await;
    app.api("backend").create(TO).await;
    eventually("the event came", async || endpoint.count() == 1).await;
    let settings = app.settings().clone();
    let run = |arguments: &'static [&str]| crate::harness::process::Program::new(arguments).settings(&settings).run();
    eventually("operators are told", async || {
        let listed = run(&["events", "list"]).await;
        listed.stdout.contains("disabled since") && listed.stdout.contains("410")
    })
    .await;
    app.api("backend").create("+15551230201").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(endpoint.count(), 1);

    let replayed = run(&["events", "replay"]).await;
    assert_eq!(replayed.code, 0, "{replayed:?}");
    eventually("both events came", async || endpoint.count() == 3).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_asks_for_time_gets_it() {
    let endpoint = Endpoint::start().await;
    endpoint.answer([Answer::status(429).with("retry-after", "3")]);
    let app =
        telling(&endpoint).set("events.types", "verification.created").set("events.schedule", "100ms,5s").start().await;
    let began = Instant::now();
    app.api("backend").create(TO).await;
    eventually("the event came again", async || endpoint.count() == 2).await;
    assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_endpoint_disturbs_no_other() {
    let (dead, live) = (Endpoint::start().await, Endpoint::start().await);
    dead.always(Answer::hanging());
    let app = telling(&dead)
        .set("events.types", "verification.created")
        .key("shop", whatsapp_otp::otp::KeyKind::Server, "shop")
        .set("apps.shop.events.url", &live.url)
        .set("apps.shop.events.secret", &secret(2))
        .start()
        .await;
    for last in 0..40 {
        app.api("backend").create(&format!("+155512303{last:02}")).await;
    }
    eventually("the dead endpoint hangs", async || dead.count() > 0).await;
    for last in 0..10 {
        let began = Instant::now();
        app.api("shop").create(&format!("+155512304{last:02}")).await;
        eventually("the live endpoint is told", async || live.count() == last + 1).await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    assert!(live.received().iter().all(|received| received.is_signed_with(&secret(2))));
    app.finish().await;
}
