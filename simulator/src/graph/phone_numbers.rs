//! `GET /{waba-id}/phone_numbers` and `GET /{phone-number-id}`: the account's numbers, one of which can send.

use axum::{Json, extract::Path};
use serde_json::{Value, json};

use super::{call::Call, error::GraphError, fields, health, paging, subscriptions};
use crate::SimulatorSettings;

const DEFAULT_FIELDS: &[&str] = &[
    "verified_name",
    "code_verification_status",
    "display_phone_number",
    "quality_rating",
    "platform_type",
    "throughput",
];

pub(crate) async fn list(call: Call, Path((_, id)): Path<(String, String)>) -> Result<Json<Value>, GraphError> {
    call.authorize_account(&id)?;
    let settings = call.settings();
    let unregistered = settings.unregistered_numbers.iter().map(|(id, _)| id);
    let ids: Vec<_> = unregistered.chain([&settings.phone_number_id]).cloned().collect();
    paging::page(&call, &ids, 100, 100, |id| selected(&call, id)).map(Json)
}

/// Returns `true` if the id names a number of the account.
pub(crate) fn exists(settings: &SimulatorSettings, id: &str) -> bool {
    id == settings.phone_number_id || settings.unregistered_numbers.iter().any(|(unregistered, _)| unregistered == id)
}

pub(crate) fn read(call: &Call, id: &str) -> Result<Json<Value>, GraphError> {
    call.authorize_object(id)?;
    selected(call, id).map(Json)
}

fn selected(call: &Call, id: &str) -> Result<Value, GraphError> {
    let node = node(call, id);
    let node_type = "WhatsAppBusinessPhoneNumber";
    fields::select(&node, call.query("fields"), DEFAULT_FIELDS, node_type)
}

fn node(call: &Call, id: &str) -> Value {
    let settings = call.settings();
    let unregistered = settings.unregistered_numbers.iter().find(|(unregistered, _)| unregistered == id);
    let registered = unregistered.is_none() && call.simulator.world().switches.sender_registered;
    let (status, platform) = if registered { ("CONNECTED", "CLOUD_API") } else { ("DISCONNECTED", "NOT_APPLICABLE") };
    json!({
        "id": id,
        "display_phone_number": unregistered.map_or(&settings.display_phone_number, |(_, number)| number),
        "verified_name": settings.verified_name,
        "quality_rating": "GREEN",
        "code_verification_status": if unregistered.is_none() { "VERIFIED" } else { "NOT_VERIFIED" },
        "name_status": "APPROVED",
        "platform_type": platform,
        "throughput": { "level": "STANDARD" },
        "status": status,
        "account_mode": "LIVE",
        "is_official_business_account": false,
        "messaging_limit_tier": "TIER_2K",
        "whatsapp_business_manager_messaging_limit": "TIER_2K",
        "webhook_configuration": subscriptions::configuration(call, id),
        "health_status": health::of_number(settings, &call.simulator.world(), id),
        "username": null,
    })
}
