//! Redis frozen or failed over during a webhook: it is not taken, and comes again.

use std::sync::Arc;

use whatsapp_otp_simulator::{WebhookSettings, WebhookTimes};

use super::*;
use crate::harness::redis::RedisServer;
use crate::harness::reply::says;
use crate::harness::topology::{Kind, Topology};
use crate::harness::{logs, unique_prefix};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_is_one_transition_when_it_is_back() {
    let log = logs::capture();
    let server = Arc::new(RedisServer::start());
    let endpoint = Endpoint::start().await;
    let app = telling(&endpoint, "verification.delivered").set("redis.timeout", "800ms").redis(&server).start().await;
    let id = created(&app, TO).await;
    let webhook = status(&app, &id, "delivered");
    server.freeze();
    for index in 0..2 {
        let reply = post(app.on(index), &webhook).await;
        reply.is(503, says::UNAVAILABLE).within(Duration::from_millis(1_300));
        assert_eq!(outcome(&log, &reply), "store_unavailable");
    }
    // A batch does not wait for each of its parts.
    let batch = statuses(&app, vec![status_of(&id, 1, "delivered"); 500]);
    post(app.on(0), &batch).await.is(503, says::UNAVAILABLE).within(Duration::from_secs(5));
    server.thaw();
    eventually_within(Duration::from_secs(2), "the repetition is taken", async || {
        post(app.on(1), &webhook).await.status == 200
    })
    .await;
    is(&app, &id, "delivered").await;
    assert_eq!(outcome(&log, post(app.on(0), &webhook).await.is(200, "")), "duplicate");
    is_told(&endpoint, &["verification.delivered"]).await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_is_one_transition_when_it_is_over() {
    let log = logs::capture();
    for kind in [Kind::Sentinel, Kind::Cluster] {
        let topology = Topology::start(kind).await;
        let settings = topology.settings();
        let endpoint = Endpoint::start().await;
        let telling = telling(&endpoint, "verification.delivered");
        let service = settings.iter().fold(telling, |app, (key, value)| app.set(key, value));
        let app = service.set("redis.key_prefix", &unique_prefix()).start().await;
        let mut ids = Vec::new();
        for number in 0..20 {
            ids.push(created(&app, &format!("+155512340{number:02}")).await);
        }
        let webhook = statuses(&app, ids.iter().map(|id| status_of(id, 1, "delivered")).collect());
        let shards = topology.whole().await;
        let posting = async {
            let mut applied = 0;
            let mut statuses = Vec::new();
            for attempt in 0..200 {
                let reply = post(app.on(attempt % 2), &webhook).await;
                applied += usize::from(outcome(&log, &reply) == "applied");
                statuses.push(reply.status);
                if attempt > 20 && statuses.ends_with(&[200; 5]) {
                    return (applied, statuses);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("it does not converge: {statuses:?}")
        };
        let ((applied, answers), ()) = tokio::join!(posting, topology.hand_over(&shards[0]));
        assert!(answers.iter().all(|status| [200, 503].contains(status)), "{answers:?}");
        assert!(applied <= 1, "{applied} answers said that something had changed");
        for id in &ids {
            is(&app, id, "delivered").await;
        }
        is_told(&endpoint, &["verification.delivered"; 20]).await;
        app.finish().await;
    }
}

#[tokio::test]
async fn whatsapps_retries_converge() {
    let server = Arc::new(RedisServer::start());
    let retries = [0, 500, 1_000, 2_000, 4_000].map(Duration::from_millis).into();
    let app = service()
        .set("redis.timeout", "500ms")
        .redis(&server)
        .simulator(|simulator| simulator.webhook_times = WebhookTimes { retries, ..WebhookTimes::zero() })
        .start()
        .await;
    let urls = (0..2).map(|index| format!("http://{}{PATH}", app.on(index).address()).parse().unwrap());
    app.simulator.hold_webhooks();
    let id = created(&app, TO).await;
    app.simulator.webhooks_are_idle().await;
    app.simulator.set_webhooks(Some(WebhookSettings::to(urls)));
    server.freeze();
    app.simulator.release_webhooks();
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.thaw();
    app.simulator.webhooks_are_idle().await;
    is(&app, &id, "delivered").await;
    app.finish().await;
}
