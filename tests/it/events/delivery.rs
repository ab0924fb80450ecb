//! Events that are delivered at once.

use std::collections::HashSet;

use super::{DIGITS, TO, secret, telling, telling_unsigned};
use crate::harness::endpoint::Endpoint;
use crate::harness::eventually;
use crate::harness::reply::wrong;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_told_of_each_transition() {
    let endpoint = Endpoint::start().await;
    let app = telling(&endpoint).start().await;
    let api = app.api("backend");
    let id = api.create(TO).await.id();
    let code = app.code(DIGITS);
    api.check(&id, &wrong(&code)).await;
    api.check(&id, &code).await.shows(200, "approved");
    eventually("both events came", async || {
        let types = endpoint.types();
        types.contains(&"verification.created".to_owned()) && types.contains(&"verification.approved".to_owned())
    })
    .await;
    let received = endpoint.received();
    let approved = received.iter().find(|received| received.event_type() == "verification.approved").unwrap();
    let data = &approved.body["data"];
    assert_eq!((&*id, "approved"), (data["id"].as_str().unwrap(), data["status"].as_str().unwrap()));
    assert_eq!((data["to_masked"].as_str(), data.get("to")), (Some("+1555*****99"), None));
    assert_eq!(data.get("proof"), None);
    assert!(data["sequence"].as_u64().unwrap() > 1, "{data}");
    let at: jiff::Timestamp = approved.body["timestamp"].as_str().unwrap().parse().unwrap();
    assert!(jiff::Timestamp::now().duration_since(at).as_secs().abs() < 60, "{at}");
    let mut ids = HashSet::new();
    for received in &received {
        assert!(received.is_signed_with(&secret(1)) && !received.is_signed_with(&secret(2)));
        assert!(received.id().starts_with("evt_") && !received.id().contains('.'), "{}", received.id());
        assert!(ids.insert(received.id().to_owned()), "each has an id of its own");
        assert!(received.text.len() < 20_000 && !received.text.contains(DIGITS) && !received.text.contains(&code));
        assert_eq!(received.header("content-type"), "application/json");
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_told_of_the_chosen_types_alone() {
    let endpoint = Endpoint::start().await;
    let app = telling(&endpoint).set("events.types", "verification.canceled").start().await;
    let api = app.api("backend");
    let id = api.create(TO).await.id();
    api.cancel(&id).await.shows(200, "canceled");
    eventually("the event came", async || endpoint.count() > 0).await;
    assert_eq!(endpoint.types(), ["verification.canceled"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_message_is_told_with_the_reason_of_its_error() {
    let endpoint = Endpoint::start().await;
    let app = telling(&endpoint).set("events.types", "verification.undelivered").start().await;
    // Orders to the simulator: held back by WhatsApp, blocked by the business, and not on WhatsApp.
    let orders = [("+15550131049", "held_back"), ("+15550130403", "blocked"), ("+15550131026", "not_on_whatsapp")];
    for (to, _) in orders {
        app.api("backend").create(to).await.fails(502, "send_failed");
    }
    eventually("the events came", async || endpoint.count() == orders.len()).await;
    let received = endpoint.received();
    let mut told: Vec<_> =
        received.iter().map(|event| event.body["data"]["deliveries"][0]["reason"].as_str().unwrap()).collect();
    told.sort_unstable();
    assert_eq!(told, ["blocked", "held_back", "not_on_whatsapp"]);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_deliver_each_event_once() {
    let endpoint = Endpoint::start().await;
    let app = telling(&endpoint).set("events.types", "verification.created").instances(2).start().await;
    for last in 0..20 {
        app.api_on(last % 2, "backend").create(&format!("+155512302{last:02}")).await;
    }
    eventually("the events came", async || endpoint.count() == 20).await;
    let ids: HashSet<_> = endpoint.received().iter().map(|received| received.id().to_owned()).collect();
    assert_eq!(ids.len(), 20);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_rotated_with_two_signatures_and_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    std::fs::write(&file, secret(1)).unwrap();
    let endpoint = Endpoint::start().await;
    let app = telling_unsigned(&endpoint.url)
        .set("events.secret_file", file.to_str().unwrap())
        .set("events.types", "verification.created")
        .start()
        .await;
    app.api("backend").create("+15551230201").await;
    eventually("the event came", async || endpoint.count() == 1).await;
    assert!(endpoint.received()[0].is_signed_with(&secret(1)));
    std::fs::write(&file, format!("{}\n{}\n", secret(2), secret(1))).unwrap();
    let mut phones = 202..;
    eventually("both secrets sign", async || {
        app.api("backend").create(&format!("+15551230{}", phones.next().unwrap())).await;
        let received = endpoint.received();
        let newest = received.last().unwrap();
        newest.is_signed_with(&secret(1)) && newest.is_signed_with(&secret(2))
    })
    .await;
    app.finish().await;
}
