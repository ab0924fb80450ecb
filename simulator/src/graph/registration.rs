//! `POST /{phone-number-id}/register`: puts a verified number onto the Cloud API.
//!
//! Source: "Register a business phone number" in the WhatsApp Business Platform's documentation, edition of June 2026.

use axum::{Json, extract::Path};
use serde_json::{Value, json};

use super::{body::GraphBody, call::Call, error::GraphError, params::Params, phone_numbers};

const PIN_LENGTH: usize = 6;

pub(crate) async fn register(
    call: Call,
    Path((_, id)): Path<(String, String)>,
    body: GraphBody,
) -> Result<Json<Value>, GraphError> {
    if !phone_numbers::exists(call.settings(), &id) {
        return Err(call.unknown_object(&id));
    }
    call.authorize_object(&id)?;
    let body = body.into_parameters()?;
    let params = Params::root(&body);
    params.required_choice("messaging_product", &["WHATSAPP"])?;
    let pin = params.required_string("pin")?;
    if pin.len() != PIN_LENGTH || !pin.bytes().all(|byte| byte.is_ascii_digit()) {
        // The code is documented for this call, its wording is not.
        return Err(GraphError::new(131_009).details("pin must be a 6-digit number"));
    }
    let now = call.simulator.shared.clock.instant();
    let mut world = call.simulator.world();
    if !world.registrations.admit(now) {
        return Err(GraphError::new(133_016));
    }
    if id != call.settings().phone_number_id {
        // Nobody has verified the ownership of the further numbers.
        return Err(GraphError::new(133_006));
    }
    let switches = &mut world.switches;
    if switches.two_step_pin.as_deref().is_some_and(|set| set != pin) {
        return Err(GraphError::new(133_005).message("(#133005) Two step verification PIN Mismatch"));
    }
    switches.two_step_pin = Some(pin.to_owned());
    switches.sender_registered = true;
    Ok(Json(json!({ "success": true })))
}
