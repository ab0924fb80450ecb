//! Many reports at once.

use std::time::Instant;

use futures_util::{StreamExt, stream};

use super::*;
use crate::harness::measured;
use crate::harness::reply::wrong;

/// Creates as many verifications, each of its own number.
async fn many(app: &TestApp, count: usize) -> Vec<String> {
    let api = app.api("backend");
    let create = |number: usize| {
        let api = api.clone();
        async move { api.create(&format!("+1555{number:07}")).await.id() }
    };
    stream::iter((1_000_000..1_000_000 + count).map(create)).buffered(32).collect().await
}

#[tokio::test]
async fn a_thousand_reports_in_one_webhook_are_applied_before_the_answer() {
    let app = service().start().await;
    let ids = many(&app, 998).await;
    let mut parts: Vec<_> = ids.iter().map(|id| status_of(id, 1, "delivered")).collect();
    parts.insert(500, json!({ "id": 7, "status": ["delivered"], "biz_opaque_callback_data": null }));
    let mut webhook = app.simulator.webhook();
    for (index, part) in parts.chunks(100).enumerate() {
        let change = app.simulator.statuses_change(part.to_vec());
        let inbound = app.simulator.text_change("+15551234567", "hello");
        webhook = if index % 2 == 0 { webhook.with_entry([change, inbound]) } else { webhook.with(change) };
    }
    let mut foreign = app.simulator.statuses_change(vec![status_of(&ids[0], 1, "read")]);
    foreign.value["metadata"]["phone_number_id"] = json!("1");
    let webhook = webhook.with(foreign);
    let reply = post(app.on(0), &webhook).await;
    reply.is(200, "");
    measured("1,000 reports in one webhook", reply.took);
    assert!(reply.took < Duration::from_secs(5), "{:?}", reply.took);
    for id in ids.iter().step_by(50).chain(&ids[499..502]) {
        is(&app, id, "delivered").await;
    }
    let again = post(app.on(1), &webhook).await;
    measured("the same again", again.is(200, "").took);
    app.finish().await;
}

#[tokio::test]
async fn checks_go_on_during_a_storm_of_failures() {
    let app = service().start().await;
    let ids = many(&app, 500).await;
    let id = created(&app, "+15559999999").await;
    let code = app.code("15559999999");
    let storm = async {
        for round in 0..20 {
            let failures = ids.iter().map(|id| failed_with(id, &json!([{ "code": 131_026 }]))).collect();
            post(app.on(round % 2), &statuses(&app, failures)).await.is(200, "");
        }
    };
    let slowest = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            let began = Instant::now();
            assert!(app.on(1).verify("15559999998", &wrong(&code)).await.status >= 400);
            slowest = slowest.max(began.elapsed());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        slowest
    };
    let began = Instant::now();
    let ((), slowest) = tokio::join!(storm, slowest);
    measured("10,000 failures", began.elapsed());
    measured("slowest check meanwhile", slowest);
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    assert_eq!(delivery(&app, &ids[0], 1).await, ("failed".to_owned(), Some("not_on_whatsapp".to_owned())));
    app.api("backend").check(&id, &code).await.shows(200, "approved");
    app.finish().await;
}
