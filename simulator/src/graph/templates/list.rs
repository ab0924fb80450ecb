//! Reading templates: the account's paged list, or one by its id.

use axum::{Json, extract::Path};
use serde_json::{Value, json};

use super::super::{call::Call, error::GraphError, fields, health, paging};
use crate::templates::Template;

const LARGEST_LIMIT: usize = 1000;
const NODE_TYPE: &str = "WhatsAppMessageTemplate";
const DEFAULT_FIELDS: &[&str] = &["name", "parameter_format", "components", "language", "status", "category"];

/// `GET /{waba-id}/message_templates`.
///
/// The filter `name` matches every template whose name contains it, so a client has to compare names itself.
pub(crate) async fn list(call: Call, Path((_, id)): Path<(String, String)>) -> Result<Json<Value>, GraphError> {
    call.authorize_account(&id)?;
    let ids: Vec<String> = call
        .simulator
        .world()
        .templates
        .newest_first()
        .filter(|template| matches(template, &call))
        .map(|template| template.id.clone())
        .collect();
    let bad_cursor = call.version.bad_cursor_code();
    paging::page(&call, &ids, LARGEST_LIMIT, bad_cursor, |id| show(&call, id)).map(Json)
}

/// `GET /{template-id}`.
pub(crate) fn read(call: &Call, id: &str) -> Result<Json<Value>, GraphError> {
    if call.simulator.world().templates.get(id).is_none() {
        return Err(call.unknown_object(id));
    }
    call.authorize_object(id)?;
    show(call, id).map(Json)
}

/// The requested fields. This counts as one of the reads for which a template's approval may wait.
fn show(call: &Call, id: &str) -> Result<Value, GraphError> {
    let mut world = call.simulator.world();
    world.templates.observe(id);
    let template = world.templates.get(id);
    let template = template.ok_or_else(|| call.unknown_object(id))?;
    let mut node = node(template);
    node["health_status"] = health::of_template(call.settings(), &world, template);
    fields::select(&node, call.query("fields"), DEFAULT_FIELDS, NODE_TYPE)
}

fn matches(template: &Template, call: &Call) -> bool {
    let content = || Value::from(template.components.clone()).to_string();
    let same = |parameter, value: &str| call.query(parameter).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    let contains = |parameter, text: &dyn Fn(&str) -> bool| call.query(parameter).is_none_or(text);
    same("language", &template.language)
        && same("status", template.status.as_str())
        && same("category", template.category.as_str())
        && contains("name", &|name| template.name.contains(name))
        && contains("content", &|text| content().contains(text))
        && contains("name_or_content", &|text| template.name.contains(text) || content().contains(text))
}

fn node(template: &Template) -> Value {
    json!({
        "id": template.id,
        "name": template.name,
        "parameter_format": "POSITIONAL",
        "components": template.components,
        "language": template.language,
        "status": template.status,
        "category": template.category.as_str(),
        "sub_category": null,
        "previous_category": null,
        "correct_category": null,
        "rejected_reason": template.rejected_reason,
        "quality_score": { "score": "UNKNOWN", "date": template.updated_at.as_second() },
        "message_send_ttl_seconds": template.ttl_seconds,
        "last_updated_time": template.updated_at.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string(),
    })
}
