//! `POST /{template-id}`: replaces the content of a template.

use axum::Json;
use serde_json::{Value, json};

use super::{
    super::{body::GraphBody, call::Call, error::GraphError, params::Params},
    create,
    definition::{self, Definition, invalid},
};
use crate::templates::{
    Template,
    store::{Change, EditRefusal},
};

const CANNOT_EDIT: u32 = 2_388_039;

pub(crate) fn edit(call: &Call, id: &str, body: GraphBody) -> Result<Json<Value>, GraphError> {
    let unknown = || call.unknown_object(id);
    let found = call.simulator.world().templates.get(id).cloned();
    let template = found.ok_or_else(unknown)?;
    call.authorize_object(id)?;
    let body = body.into_parameters()?;
    let change = change(&Params::root(&body), template)?;
    let now = call.now();
    let mut world = call.simulator.world();
    let review = world.switches.template_review;
    let edited = world.templates.edit(id, change, review, now);
    edited.map_err(|refusal| match refusal {
        EditRefusal::Unknown => unknown(),
        EditRefusal::Status(status) => {
            invalid(format!("A template with status {} cannot be edited.", status.as_str())).subcode(CANNOT_EDIT)
        }
        EditRefusal::TooSoon => {
            invalid("An approved template can be edited once a day and ten times in 30 days.").subcode(CANNOT_EDIT)
        }
        EditRefusal::CategoryFixed => {
            invalid("The category of an approved template cannot be changed.").subcode(CANNOT_EDIT)
        }
    })?;
    Ok(Json(json!({ "success": true })))
}

/// The requested content; values that the body omits stay.
fn change(params: &Params<'_>, template: Template) -> Result<Change, GraphError> {
    let category = match params.get("category") {
        Some(_) => create::category(params)?,
        None => template.category,
    };
    let ttl_seconds = definition::ttl(params)?;
    let (components, otp_button) = match params.get("components") {
        Some(_) => {
            let definition = Definition::read(params, category)?;
            let components = definition.components(&template.language);
            (components, definition.otp_button())
        }
        None if ttl_seconds.is_none() => return Err(GraphError::required("components")),
        None => (template.components, template.otp_button),
    };
    Ok(Change { category, components, otp_button, ttl_seconds })
}
