//! Template management over HTTP.

mod change;
mod create;
mod list;
mod upsert;

use std::time::Duration;

use serde_json::{Value, json};

use crate::testing::{Answer, Server, changed};

const DAY: Duration = Duration::from_hours(24);

fn copy_code() -> Value {
    json!({
        "name": "login_code",
        "language": "en_US",
        "category": "AUTHENTICATION",
        "message_send_ttl_seconds": 300,
        "components": [
            { "type": "BODY", "add_security_recommendation": true },
            { "type": "FOOTER", "code_expiration_minutes": 5 },
            { "type": "BUTTONS", "buttons": [{ "type": "OTP", "otp_type": "COPY_CODE" }] },
        ],
    })
}

fn one_tap() -> Value {
    let button = json!({
        "type": "OTP",
        "otp_type": "ONE_TAP",
        "text": "Copy code",
        "autofill_text": "Autofill",
        "supported_apps": [{ "package_name": "com.example.app", "signature_hash": "AbCdEfGh+/1" }],
    });
    changed(copy_code(), "/components/2/buttons/0", Some(button))
}

fn upsert() -> Value {
    let body = changed(copy_code(), "/language", None);
    changed(body, "/languages", Some(json!(["en_US", "es_ES"])))
}

async fn list(server: &Server, query: &str) -> Answer {
    server.get(&server.account(&format!("message_templates{query}"))).await
}

fn names(page: &Value) -> Vec<&str> {
    let data = page["data"].as_array().unwrap();
    data.iter().map(|template| template["name"].as_str().unwrap()).collect()
}
