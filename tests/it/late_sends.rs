//! A sender that misses its deadline: the caller's answer, and the outcome of the send.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{Notify, mpsc};
use whatsapp_otp::app::{App, Parts};
use whatsapp_otp::config::{ServeSettings, Sources};
use whatsapp_otp::otp::{CodeSender, OutgoingCode, Pace, Refusal, Sent};
use whatsapp_otp::store::EmbeddedStore;
use whatsapp_otp_simulator::{Simulator, SimulatorSettings};

use crate::harness::app::{apps, environment};
use crate::harness::process::serve_settings;
use crate::harness::reply::{Client, says};

/// Delivers when told to.
#[derive(Default)]
struct Late(Arc<Notify>);

#[async_trait]
impl CodeSender for Late {
    async fn send(&self, _: OutgoingCode<'_>, _: &dyn Pace, _deadline: Instant) -> Result<Sent, Refusal> {
        self.0.notified().await;
        Ok(Sent::Accepted)
    }
}

#[tokio::test]
async fn a_send_that_outlasts_its_request_is_answered_with_a_status_that_no_client_repeats() {
    let simulator = Simulator::new(SimulatorSettings::default());
    let mut settings = serve_settings(&simulator, "127.0.0.1:1".parse().unwrap(), "redis://127.0.0.1:1/0", "unused");
    settings.extend([
        ("server.request_timeout".to_owned(), "1s".to_owned()),
        ("redis.timeout".to_owned(), "500ms".to_owned()),
    ]);
    let settings = ServeSettings::load(&Sources { file: None, environment: environment(&settings) }).unwrap();
    let sender = Late::default();
    let deliver = Arc::clone(&sender.0);
    let parts = Parts {
        store: Arc::new(EmbeddedStore::default()),
        store_name: "embedded",
        store_details: None,
        apps: apps(sender, settings.common.policy),
        dependencies: Vec::new(),
        keys: settings.keys,
        proof_keys: None,
        proof_issuer: None,
        whatsapp_webhook: None,
        endpoints: whatsapp_otp::app::Endpoints::default(),
        show_active_codes: false,
    };
    let app = App::bind(settings.common.server, parts).await.unwrap();
    let client = Client::new(app.public_address());
    let (stop, stopped) = mpsc::channel(2);
    let running = tokio::spawn(app.run_until(stopped));

    let reply = client.request("15551234567").await;
    reply.is(500, says::SEND_FAILED).within(Duration::from_secs(5));

    // The process does not stop before the send has ended.
    deliver.notify_one();
    drop(stop);
    running.await.unwrap().unwrap();
}
