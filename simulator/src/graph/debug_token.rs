//! `GET /debug_token?input_token=`: the validity and scopes of a token.

use axum::Json;
use serde_json::{Value, json};

use super::{
    call::{self, Call},
    error::GraphError,
};
use crate::tokens::Standing;

pub(crate) async fn inspect(call: Call) -> Result<Json<Value>, GraphError> {
    let input = call.query("input_token").ok_or_else(|| GraphError::required("input_token"))?;
    let data = match Standing::of(input, call.settings()) {
        None => json!({
            "error": {
                "code": 190,
                "message": "Invalid OAuth access token - Cannot parse access token",
            },
            "is_valid": false,
            "scopes": [],
        }),
        Some(standing) => describe(&call, standing),
    };
    Ok(Json(json!({ "data": data })))
}

fn describe(call: &Call, standing: Standing) -> Value {
    let error = match standing {
        Standing::Expired => Some((463, call::expired(call.now()))),
        Standing::Invalidated => Some((460, call::INVALIDATED.to_owned())),
        _ => None,
    };
    let expires_at = match standing {
        Standing::Expired => call.now().as_second() - 3600,
        _ => 0,
    };
    let targets = standing.is_assigned().then(|| [&call.settings().waba_id]);
    let granular: Vec<Value> = standing
        .scopes()
        .iter()
        .map(|scope| match &targets {
            Some(targets) => json!({ "scope": scope, "target_ids": targets }),
            None => json!({ "scope": scope }),
        })
        .collect();
    let mut data = json!({
        "app_id": call.settings().app_id,
        "type": "SYSTEM_USER",
        "application": "Simulated app",
        "data_access_expires_at": 0,
        "expires_at": expires_at,
        "is_valid": error.is_none(),
        "issued_at": call.simulator.world().created_at.as_second() - 86_400,
        "scopes": standing.scopes(),
        "granular_scopes": granular,
        "user_id": "500000000000001",
    });
    if let Some((subcode, message)) = error {
        data["error"] = json!({ "code": 190, "message": message, "subcode": subcode });
    }
    data
}
