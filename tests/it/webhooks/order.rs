//! The order of reports, and their repetition.

use whatsapp_otp_simulator::{Behaviour, Order, webhook_signature};

use super::*;
use crate::harness::logs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_report_to_both_instances_at_once_is_one_transition() {
    let log = logs::capture();
    let endpoint = Endpoint::start().await;
    let app = telling(&endpoint, "verification.delivered,verification.undelivered").start().await;
    let id = created(&app, TO).await;
    let webhook = status(&app, &id, "delivered");
    let body = webhook.bytes();
    let signature = webhook_signature(DEFAULT_APP_SECRET, &body);
    let posts: Vec<_> = (0..6)
        .map(|index| {
            let call = app.on(index % 2).call(Method::POST, PATH).header("x-hub-signature-256", &signature);
            tokio::spawn(send(call.body(body.clone())))
        })
        .collect();
    let mut outcomes = Vec::new();
    for posted in posts {
        outcomes.push(outcome(&log, posted.await.unwrap().is(200, "")));
    }
    outcomes.sort();
    assert_eq!(outcomes, ["applied", "duplicate", "duplicate", "duplicate", "duplicate", "duplicate"]);
    is(&app, &id, "delivered").await;
    for word in ["sent", "failed", "read"] {
        report(&app, &id, word).await;
    }
    is_told(&endpoint, &["verification.delivered"]).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_failed_and_arrived_is_told_as_both() {
    let endpoint = Endpoint::start().await;
    let app = telling(&endpoint, "verification.delivered,verification.undelivered").start().await;
    let id = created(&app, TO).await;
    for word in ["failed", "failed", "delivered", "failed", "delivered"] {
        report(&app, &id, word).await;
    }
    is_told(&endpoint, &["verification.delivered", "verification.undelivered"]).await;
    let received = endpoint.received();
    let undelivered = received.iter().find(|received| received.event_type() == "verification.undelivered").unwrap();
    assert_eq!(undelivered.body["data"]["deliveries"][0]["reason"], "unknown");
    app.finish().await;
}

#[tokio::test]
async fn a_delivery_only_moves_forward() {
    let app = service().start().await;
    for (order, end) in [
        (["read", "delivered", "sent"], "read"),
        (["delivered", "sent", "sent"], "delivered"),
        (["sent", "failed", "delivered"], "delivered"),
        (["delivered", "failed", "sent"], "delivered"),
        (["failed", "sent", "failed"], "failed"),
    ] {
        let id = created(&app, TO).await;
        for word in order {
            report(&app, &id, word).await;
        }
        is(&app, &id, end).await;
        app.api("backend").cancel(&id).await.shows(200, "canceled");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_report_may_come_before_the_answer_to_the_send() {
    let app = service().start().await;
    assert!(app.simulator.push_order(Order::once(Behaviour::AnswerLate { milliseconds: 1_500 })));
    let api = app.api("backend");
    let creating = tokio::spawn(async move { api.create(TO).await });
    eventually("the message arrives", async || app.simulator.latest("15551234567").is_some()).await;
    let message = app.simulator.latest("15551234567").unwrap();
    post(app.on(1), &about(&app, app.simulator.status_change(&message, "delivered"))).await.is(200, "");
    let id = creating.await.unwrap().id();
    is(&app, &id, "delivered").await;
    assert_eq!(app.sends(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_report_settles_a_send_whose_answer_was_lost() {
    let app = service().set("whatsapp.timeout", "500ms").start().await;
    for behaviour in [Behaviour::Hang { taken: true }, Behaviour::Html { http: 502 }] {
        assert!(app.simulator.push_order(Order::once(behaviour)));
        let sent = app.sends();
        let id = created(&app, TO).await;
        is(&app, &id, "unclear").await;
        report(&app, &id, "sent").await;
        is(&app, &id, "sent").await;
        assert_eq!(app.sends(), sent + 1, "no second message");
        app.api("backend").get(&id).await.shows(200, "pending");
        app.api("backend").cancel(&id).await.shows(200, "canceled");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_report_is_about_its_own_message_of_the_verification() {
    let app = service().start().await;
    let id = created(&app, TO).await;
    assert_eq!(app.api("backend").resend(&id).await.status, 200);
    report(&app, &id, "read").await;
    assert_eq!(delivery(&app, &id, 1).await.0, "read");
    assert_eq!(delivery(&app, &id, 2).await.0, "accepted");
    let later = statuses(&app, vec![status_of(&id, 2, "sent"), status_of(&id, 3, "read")]);
    post(app.on(1), &later).await.is(200, "");
    assert_eq!(delivery(&app, &id, 1).await.0, "read");
    assert_eq!(delivery(&app, &id, 2).await.0, "sent");
    app.finish().await;
}

#[tokio::test]
async fn a_replay_has_no_effect_however_late() {
    let log = logs::capture();
    let app = service().start().await;
    let id = created(&app, TO).await;
    let (sent, delivered) = (status(&app, &id, "sent"), status(&app, &id, "delivered"));
    for (webhook, expected) in [(&sent, "applied"), (&delivered, "applied"), (&sent, "duplicate")] {
        assert_eq!(outcome(&log, post(app.on(0), webhook).await.is(200, "")), expected);
    }
    for wait in [Duration::from_mins(4), Duration::from_mins(6), Duration::from_hours(7 * 24)] {
        app.age(wait).await;
        for webhook in [&sent, &delivered] {
            assert_eq!(outcome(&log, post(app.on(1), webhook).await.is(200, "")), "duplicate");
        }
    }
    app.finish().await;
}
