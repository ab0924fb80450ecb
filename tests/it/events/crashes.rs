//! Instances that are killed between a transition and the delivery of its event.

use std::collections::HashSet;
use std::time::Duration;

use super::telling;
use crate::harness::endpoint::Endpoint;
use crate::harness::eventually;
use crate::harness::reply::Client;

/// The number of instances that are killed.
const KILLS: usize = 10;

/// Kills instances at random moments after they have made a transition, and expects every event.
async fn kill(times: usize) {
    let endpoint = Endpoint::start().await;
    let app = telling(&endpoint)
        .set("events.types", "verification.created,verification.canceled")
        .set("events.timeout", "1s")
        .set("otp.code_lifetime", "30m")
        .start()
        .await;
    let mut expected = HashSet::new();
    let mut doomed = app.program().start();
    for number in 0..times {
        let client = Client::new(doomed.printed(r#""public":"http://"#).await.parse().unwrap());
        let api = app.api("backend").at(client);
        let phone = format!("+1555124{number:04}");
        let id = api.create(&phone).await.id();
        expected.insert((id.clone(), "verification.created"));
        let canceling = tokio::spawn({
            let (api, id) = (api, id.clone());
            async move { api.try_send(api.posting(&format!("/v1/verifications/{id}/cancel"), "{}".to_owned())).await }
        });
        let wait = rand::random_range(0..15_000);
        tokio::time::sleep(Duration::from_micros(wait)).await;
        doomed.signal("KILL");
        let next = app.program().start();
        if canceling.await.unwrap().is_ok() {
            expected.insert((id, "verification.canceled"));
        }
        drop(std::mem::replace(&mut doomed, next));
    }
    // Those that a killed instance had taken are due again once its lease is over.
    app.age(Duration::from_secs(20)).await;
    eventually("every event came", async || {
        let received = endpoint.received();
        let came: HashSet<_> = received
            .iter()
            .map(|received| {
                (received.body["data"]["id"].as_str().unwrap().to_owned(), received.event_type().to_owned())
            })
            .collect();
        expected.iter().all(|(id, event_type)| came.contains(&(id.clone(), (*event_type).to_owned())))
    })
    .await;
    let received = endpoint.received();
    let ids: HashSet<_> = received.iter().map(|received| received.id().to_owned()).collect();
    let events: HashSet<_> = received
        .iter()
        .map(|received| (received.body["data"]["id"].to_string(), received.event_type().to_owned()))
        .collect();
    assert_eq!(ids.len(), events.len(), "a duplicate has the id of the first");
    println!("{times} kills: {} events, {} duplicates", events.len(), received.len() - events.len());
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_when_instances_are_killed() {
    kill(KILLS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes; run it before a release"]
async fn no_event_is_lost_when_two_hundred_instances_are_killed() {
    kill(200).await;
}
