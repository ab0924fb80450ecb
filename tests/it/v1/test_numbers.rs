//! Test keys: fixed numbers with fixed outcomes, in a world of their own.

use std::time::Duration;

use serde_json::json;

use super::{DIGITS, TO, service};
use crate::harness::reply::wrong;

/// The code of every verification of a test key.
const CODE: &str = "123456";

#[tokio::test]
async fn each_test_number_has_its_outcome() {
    let app = service().start().await;
    let api = app.api("ci");
    for (number, delivery) in [
        ("+15555550100", json!({"status": "delivered"})),
        ("+15555550101", json!({"status": "accepted"})),
        ("+15555550102", json!({"status": "failed", "reason": "not_on_whatsapp"})),
        ("+15555550104", json!({"status": "unclear"})),
        ("+15555550177", json!({"status": "delivered"})),
        ("+447700900123", json!({"status": "delivered"})),
    ] {
        let created = api.create(number).await;
        created.shows(201, "pending");
        for found in [&created, &api.get(&created.id()).await] {
            let seen = &found["deliveries"][0];
            assert_eq!(seen["status"], delivery["status"], "{number}: {found:?}");
            assert_eq!(seen.get("reason"), delivery.get("reason"), "{number}: {found:?}");
        }
        api.check(&created.id(), &wrong(CODE)).await.fails(422, "code_incorrect");
        api.check(&created.id(), CODE).await.shows(200, "approved");
    }
    for (number, status, code) in [("+15555550103", 502, "send_failed"), ("+15555550107", 503, "unavailable")] {
        api.create(number).await.fails(status, code);
        api.check_by_number(number, CODE).await.fails(404, "verification_not_found");
    }
    let limited = api.create("+15555550105").await;
    limited.fails(429, "too_many_sends");
    assert_eq!((limited.text("limit"), limited.retry_after()), ("per_phone", 60));
    let expired = api.create("+15555550106").await;
    assert_eq!(expired.status, 201);
    api.check(&expired.id(), CODE).await.fails(410, "verification_expired");
    api.get(&expired.id()).await.shows(200, "expired");
    assert_eq!((app.sends(), app.simulator.inbox().len()), (0, 0), "no message leaves");
    app.finish().await;
}

#[tokio::test]
async fn the_world_of_test_keys_and_the_real_one_do_not_meet() {
    let app = service().start().await;
    let (test, live) = (app.api("ci"), app.api("backend"));
    let in_test = test.create(TO).await.shows(201, "pending").id();
    assert_eq!((app.sends(), app.simulator.latest(DIGITS).is_none()), (0, true));
    let in_live = live.create(TO).await.shows(201, "pending").id();
    assert_eq!(app.sends(), 1);
    let code = app.code(DIGITS);
    for (api, id, code) in [(&test, &in_live, &*code), (&live, &in_test, CODE), (&app.api("mobile"), &in_test, CODE)] {
        api.check(id, code).await.fails(404, "verification_not_found");
        api.resend(id).await.fails(404, "verification_not_found");
    }
    for (api, id) in [(&test, &in_live), (&live, &in_test)] {
        api.get(id).await.fails(404, "verification_not_found");
        api.cancel(id).await.fails(404, "verification_not_found");
    }
    if code != CODE {
        live.check_by_number(TO, CODE).await.fails(422, "code_incorrect");
    }
    test.check_by_number(TO, CODE).await.shows(200, "approved");
    live.check(&in_live, &code).await.shows(200, "approved");
    app.finish().await;
}

#[tokio::test]
async fn a_test_key_resends_without_sending() {
    let app = service().start().await;
    let api = app.api("ci");
    let id = api.create("+15555550100").await.id();
    api.resend(&id).await.fails(429, "resend_too_soon");
    app.age(Duration::from_secs(30)).await;
    let resent = api.resend(&id).await;
    assert_eq!((resent.shows(200, "pending")["sends_left"].clone(), app.sends()), (json!(1), 0));
    assert_eq!(resent["deliveries"][1]["status"], "delivered");
    api.cancel(&id).await.shows(200, "canceled");
    app.finish().await;
}

#[tokio::test]
async fn test_keys_use_up_no_limits_of_real_numbers() {
    let app = service().set("limits.per_phone", "1/1h").set("limits.failures_per_phone", "1/1h").start().await;
    let (test, live) = (app.api("ci"), app.api("backend"));
    let in_test = test.create(TO).await.shows(201, "pending").id();
    test.check(&in_test, &wrong(CODE)).await.fails(422, "code_incorrect");
    test.check(&in_test, CODE).await.fails(429, "too_many_failures");
    let in_live = live.create(TO).await.shows(201, "pending").id();
    live.check(&in_live, &app.code(DIGITS)).await.shows(200, "approved");
    app.finish().await;
}
