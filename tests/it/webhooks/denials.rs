//! People who say that they did not request a code.

use super::*;
use crate::harness::{logs, reply};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tap_cancels_the_verification_once() {
    let log = logs::capture();
    let endpoint = Endpoint::start().await;
    let app = telling(&endpoint, "verification.denied").start().await;
    let id = created(&app, TO).await;
    let message = app.simulator.latest("15551234567").unwrap();
    post(app.on(0), &about(&app, app.simulator.status_change(&message, "delivered"))).await.is(200, "");
    let tap = about(&app, app.simulator.did_not_request_change(&message));
    for (index, expected) in [(0, "applied"), (1, "duplicate"), (0, "duplicate")] {
        assert_eq!(outcome(&log, post(app.on(index), &tap).await.is(200, "")), expected);
        app.api("backend").get(&id).await.shows(200, "canceled");
    }
    app.api("backend").check(&id, message.code.as_deref().unwrap()).await.fails(409, "verification_not_pending");
    is_told(&endpoint, &["verification.denied"]).await;
    app.finish().await;
}

#[tokio::test]
async fn a_tap_after_the_end_or_about_nothing_changes_nothing() {
    let log = logs::capture();
    let app = service().start().await;
    let id = created(&app, TO).await;
    let message = app.simulator.latest("15551234567").unwrap();
    post(app.on(0), &about(&app, app.simulator.status_change(&message, "sent"))).await.is(200, "");
    app.api("backend").check(&id, message.code.as_deref().unwrap()).await.shows(200, "approved");
    let tap = about(&app, app.simulator.did_not_request_change(&message));
    assert_eq!(outcome(&log, post(app.on(1), &tap).await.is(200, "")), "duplicate");
    app.api("backend").get(&id).await.shows(200, "approved");

    let another = created(&app, "+15551234568").await;
    let mut unknown = tap.clone();
    unknown.body["entry"][0]["changes"][0]["value"]["messages"][0]["context"]["id"] = json!("wamid.unknown");
    assert_eq!(outcome(&log, post(app.on(1), &unknown).await.is(200, "")), "duplicate");
    app.api("backend").get(&another).await.shows(200, "pending");
    let wrong = reply::wrong(&app.code("15551234568"));
    assert_eq!(app.api("backend").check(&another, &wrong).await["attempts_left"], 2, "a tap is no attempt");
    app.finish().await;
}
