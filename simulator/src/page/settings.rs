//! `GET /page/settings.json`: the settings that the page needs before it can show anything.

use std::time::Duration;

use axum::{Json, extract::State, http::request::Parts};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{PageService, PageState};
use crate::{Simulator, same_origin::host};

/// A running service reads its template every five minutes, so one that is silent for longer sends elsewhere.
const LATELY: Duration = Duration::from_mins(11);

pub(super) async fn show(State(PageState { simulator, page }): State<PageState>, request: Parts) -> Json<Value> {
    let world = simulator.settings();
    let templates = world.translations().map(|(id, language)| json!({ "id": id, "language": language }));
    Json(json!({
        "service": page.service.as_ref().map(|service| shown(service, host(&request), &simulator)),
        "records": page.records.is_some(),
        "readiness": page.readiness.is_some(),
        "sees_requests": simulator.sees_requests(),
        "limits": page.limits.is_some().then_some(&page.limits_in_force),
        "business": { "name": world.verified_name, "phone": world.display_phone_number },
        "templates": templates.collect::<Vec<_>>(),
        "webhooks": simulator.has_webhooks(),
    }))
}

fn shown(service: &PageService, host: Option<&str>, simulator: &Simulator) -> Value {
    json!({
        "origin": service.origin.seen_from(host).as_str(),
        "code_length": service.code_length,
        "needs_api_key": service.needs_api_key,
        "api_key": service.api_key.as_ref().map(ExposeSecret::expose_secret),
        "sends_here": service.sends_here || was_called_lately(simulator),
    })
}

fn was_called_lately(simulator: &Simulator) -> bool {
    let now = simulator.shared.clock.instant();
    let called = simulator.shared.traffic.last_authorized();
    called.is_some_and(|called| now.saturating_duration_since(called) < LATELY)
}
