//! Webhooks as a receiver sees them.

mod management;
mod receiver;
mod traffic;

pub(crate) use receiver::{Receiver, VERIFY_TOKEN};

use crate::{SimulatorSettings, WebhookTimes, testing::Server};

/// Settings without waits.
pub(crate) fn at_once() -> SimulatorSettings {
    SimulatorSettings { webhook_times: WebhookTimes::zero(), ..SimulatorSettings::default() }
}

/// A simulator whose webhooks go to a receiver without a wait.
pub(crate) async fn with_receiver() -> (Server, Receiver) {
    let (server, receiver) = (Server::with(at_once()).await, Receiver::start().await);
    server.simulator.send_webhooks_to(receiver.url(), "s3cret");
    (server, receiver)
}
