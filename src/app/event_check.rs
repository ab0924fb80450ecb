//! Tries to reach the apps' endpoints for events, for `whatsapp-otp check`.

use super::trial::{Part, Trial};
use crate::config::ServeSettings;
use crate::events::{Client, Failure};

/// Tries each endpoint, without sending it an event: `events test` does.
pub(super) async fn endpoints(settings: &ServeSettings) -> Vec<Trial> {
    let mut trials = Vec::new();
    for app in &settings.common.apps {
        let Some(endpoint) = &app.endpoint else { continue };
        let subject = format!("{}, {}", app.name, endpoint.url);
        let failed = |reason: String, fix| Trial::failed(Part::Endpoint, subject.clone(), reason, fix);
        trials.push(match Client::new(endpoint) {
            Err(error) => failed(error.to_string(), "Check the certificates of this machine."),
            Ok(client) => match client.reach().await {
                Ok(_) => Trial::works(
                    Part::Endpoint,
                    subject.clone(),
                    "it answers; `whatsapp-otp events test` sends it an event",
                ),
                Err(failure) => failed(failure.to_string(), fix(&failure)),
            },
        });
    }
    trials
}

fn fix(failure: &Failure) -> &'static str {
    match failure {
        Failure::Closed => "Give the host only public addresses, or allow its network with events.allow_networks.",
        _ => "Check events.url, its certificate, and that this machine may connect to it.",
    }
}
