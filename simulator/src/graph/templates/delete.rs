//! `DELETE /{waba-id}/message_templates`: by name in every language, one by id and name, or several by ids.

use axum::{Json, extract::Path};
use serde_json::{Value, json};

use super::{
    super::{call::Call, error::GraphError},
    definition::invalid,
};
use crate::templates::{Template, store::DeleteRefusal};

const MOST_IDS: usize = 100;

pub(crate) async fn delete(call: Call, Path((_, id)): Path<(String, String)>) -> Result<Json<Value>, GraphError> {
    call.authorize_account(&id)?;
    let ids = ids(call.query("hsm_ids"))?;
    let (name, one) = (call.query("name"), call.query("hsm_id"));
    if name.is_none() && ids.is_empty() {
        return Err(GraphError::required("name"));
    }
    let doomed = |template: &Template| {
        if ids.is_empty() {
            name == Some(&template.name) && one.is_none_or(|id| id == template.id)
        } else {
            ids.contains(&template.id)
        }
    };
    let deleted = call.simulator.world().templates.delete(doomed, call.now());
    deleted.map_err(|refusal| match refusal {
        DeleteRefusal::Unknown => invalid("No such message template was found."),
        DeleteRefusal::Disabled => invalid("A disabled message template cannot be deleted."),
    })?;
    Ok(Json(json!({ "success": true })))
}

/// Parses ids in a JSON array or separated by commas.
fn ids(given: Option<&str>) -> Result<Vec<String>, GraphError> {
    let is_separator = |c: char| matches!(c, ',' | '[' | ']' | '"' | ' ');
    let ids: Vec<String> =
        given.unwrap_or_default().split(is_separator).filter(|id| !id.is_empty()).map(str::to_owned).collect();
    if ids.len() > MOST_IDS {
        let sentence = format!("Param hsm_ids must have at most {MOST_IDS} elements.");
        return Err(GraphError::bad_parameter(sentence));
    }
    Ok(ids)
}
