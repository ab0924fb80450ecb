//! Endpoints that the service must not reach.

use std::time::Duration;

use super::{TO, secret, telling_url};
use crate::harness::app::TestApp;
use crate::harness::endpoint::{Answer, Endpoint};
use crate::harness::eventually;
use crate::harness::process::Program;

/// Returns the faults of settings with this URL.
async fn faults_of(url: &str) -> String {
    let checked = Program::new(&["inspect"]).set("events.url", url).set("events.secret", &secret(1)).run().await;
    assert_eq!(checked.code, 78, "{checked:?}");
    checked.stderr
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_of_this_machine_is_a_bad_setting() {
    for url in [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://0x7f.1/",
        "https://localhost/",
        "http://hooks.example.com/",
        "https://hooks.example.com:8443/",
        "https://169.254.169.254/latest/meta-data",
    ] {
        assert!(faults_of(url).await.contains("events.url"), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_leads_to_a_closed_address_is_not_connected_to() {
    let endpoint = Endpoint::start().await;
    let url = endpoint.url.replace("127.0.0.1", "localhost");
    let app = telling_url(&url).set("events.allow_networks", "10.0.0.0/8").start().await;
    app.api("backend").create(TO).await;
    let settings = app.settings().clone();
    eventually("the failure is known", async || {
        let listed = Program::new(&["events", "list"]).settings(&settings).run().await;
        listed.stdout.contains("not public")
    })
    .await;
    assert_eq!(endpoint.count(), 0);
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redirection_is_not_followed() {
    let (endpoint, other) = (Endpoint::start().await, Endpoint::start().await);
    endpoint.always(Answer::status(307).with("location", &other.url));
    let app: TestApp = telling_url(&endpoint.url).start().await;
    app.api("backend").create(TO).await;
    eventually("the event came", async || endpoint.count() > 0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(other.count(), 0);
    app.finish().await;
}
