//! `GET /{waba-id}/message_template_previews`: the texts of an authentication template.

use axum::{Json, extract::Path};
use serde_json::{Value, json};

use super::{
    super::{call::Call, error::GraphError},
    create,
};
use crate::languages::{LANGUAGES, Texts};

pub(crate) async fn previews(call: Call, Path((_, id)): Path<(String, String)>) -> Result<Json<Value>, GraphError> {
    call.authorize_account(&id)?;
    one_of(&call, "category", &["AUTHENTICATION"])?;
    if call.query("button_types").is_some() {
        one_of(&call, "button_types", &["OTP"])?;
    }
    let recommendation = truth(&call, "add_security_recommendation")?;
    let minutes = minutes(&call)?;
    // Meta's documentation and its example name the parameter differently.
    let asked = call.query("languages").or_else(|| call.query("language"));
    let languages = match asked {
        Some(list) => list.split(',').map(str::trim).collect(),
        None => LANGUAGES.to_vec(),
    };
    let mut data = Vec::with_capacity(languages.len());
    for language in languages {
        create::known_language(language)?;
        let texts = Texts::of(language);
        let mut preview = json!({
            "language": language,
            "body": texts.body(recommendation),
            "buttons": [{ "text": texts.copy_code, "autofill_text": texts.autofill }],
        });
        if let Some(minutes) = minutes {
            preview["footer"] = json!(texts.footer(minutes));
        }
        data.push(preview);
    }
    Ok(Json(json!({ "data": data })))
}

fn one_of(call: &Call, name: &str, legal: &[&str]) -> Result<(), GraphError> {
    let given = call.query(name).ok_or_else(|| GraphError::required(name))?;
    let is_legal = |value: &str| legal.iter().any(|legal| legal.eq_ignore_ascii_case(value));
    if given.split(',').map(str::trim).all(is_legal) { Ok(()) } else { Err(GraphError::not_one_of(name, legal, given)) }
}

fn truth(call: &Call, name: &str) -> Result<bool, GraphError> {
    match call.query(name) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(GraphError::wrong_type(name, "a boolean")),
    }
}

fn minutes(call: &Call) -> Result<Option<u8>, GraphError> {
    let name = "code_expiration_minutes";
    let Some(given) = call.query(name) else {
        return Ok(None);
    };
    match given.parse() {
        Ok(minutes) if (1..=90).contains(&minutes) => Ok(Some(minutes)),
        _ => Err(GraphError::wrong_type(name, "an integer from 1 to 90")),
    }
}
