//! Tries to reach the apps' endpoints for events, for `whatsapp-otp check`.

use super::trial::Trial;
use crate::config::ServeSettings;
use crate::events::{Client, Failure};

/// Tries each endpoint, without sending it an event: `events test` does.
pub(super) async fn endpoints(settings: &ServeSettings) -> Vec<Trial> {
    let mut trials = Vec::new();
    for app in &settings.common.apps {
        let Some(endpoint) = &app.endpoint else { continue };
        let (seen, advice) = match Client::new(endpoint) {
            Err(error) => (Err(error.to_string()), "check the certificates of this machine"),
            Ok(client) => match client.reach().await {
                Ok(_) => (Ok("it answers; `whatsapp-otp events test` sends it an event".to_owned()), ""),
                Err(failure) => (Err(failure.to_string()), advice_on(&failure)),
            },
        };
        trials.push(Trial { tried: format!("the endpoint of {} at {}", app.name, endpoint.url), seen, advice });
    }
    trials
}

fn advice_on(failure: &Failure) -> &'static str {
    match failure {
        Failure::Closed => "give the host public addresses alone, or allow its network with events.allow_networks",
        _ => "is events.url right, is its certificate valid, and can this machine reach it?",
    }
}
