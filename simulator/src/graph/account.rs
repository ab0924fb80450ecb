//! `GET /{waba-id}`: the WhatsApp Business account.

use axum::Json;
use serde_json::{Value, json};

use super::{call::Call, error::GraphError, fields, health};

const DEFAULT_FIELDS: &[&str] = &["name", "timezone_id", "message_template_namespace"];

pub(crate) fn read(call: &Call) -> Result<Json<Value>, GraphError> {
    let settings = call.settings();
    call.authorize_account(&settings.waba_id)?;
    let node = json!({
        "id": settings.waba_id,
        "name": settings.verified_name,
        "timezone_id": "1",
        "currency": "USD",
        "message_template_namespace": "5f0c1d2e_0000_4000_8000_000000000001",
        "account_review_status": "APPROVED",
        "business_verification_status": "verified",
        "ownership_type": "SELF",
        "status": "ACTIVE",
        "health_status": health::of_account(settings, &call.simulator.world()),
        "whatsapp_business_manager_messaging_limit": "TIER_2K",
    });
    let node_type = "WhatsAppBusinessAccount";
    fields::select(&node, call.query("fields"), DEFAULT_FIELDS, node_type).map(Json)
}
