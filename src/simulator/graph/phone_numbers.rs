//! The account's one sender: `GET /{waba-id}/phone_numbers` and `GET /{phone-number-id}`.

use axum::{Json, extract::Path};
use serde_json::{Value, json};

use super::{call::Call, error::GraphError, fields, paging};

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
    let ids = [call.settings().phone_number_id.clone()];
    paging::page(&call, &ids, 100, 100, |_| selected(&call)).map(Json)
}

pub(crate) fn read(call: &Call) -> Result<Json<Value>, GraphError> {
    call.authorize_object(&call.settings().phone_number_id)?;
    selected(call).map(Json)
}

fn selected(call: &Call) -> Result<Value, GraphError> {
    let node = node(call);
    let node_type = "WhatsAppBusinessPhoneNumber";
    fields::select(&node, call.query("fields"), DEFAULT_FIELDS, node_type)
}

fn node(call: &Call) -> Value {
    let settings = call.settings();
    let (status, platform) = if call.simulator.world().switches.sender_registered {
        ("CONNECTED", "CLOUD_API")
    } else {
        ("DISCONNECTED", "NOT_APPLICABLE")
    };
    json!({
        "id": settings.phone_number_id,
        "display_phone_number": settings.display_phone_number,
        "verified_name": settings.verified_name,
        "quality_rating": "GREEN",
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "platform_type": platform,
        "throughput": { "level": "STANDARD" },
        "status": status,
        "account_mode": "LIVE",
        "is_official_business_account": false,
        "messaging_limit_tier": "TIER_2K",
        "whatsapp_business_manager_messaging_limit": "TIER_2K",
        "webhook_configuration": null,
        "username": null,
    })
}
