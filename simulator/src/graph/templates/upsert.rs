//! `POST /{waba-id}/upsert_message_templates`: one authentication template in many languages.

use axum::{Json, extract::Path};
use serde_json::{Value, json};

use super::{
    super::{body::GraphBody, call::Call, error::GraphError, params::Params},
    create,
    definition::{self, Definition, invalid},
};
use crate::templates::{Category, Template, store::Draft};

pub(crate) async fn upsert(
    call: Call,
    Path((_, id)): Path<(String, String)>,
    body: GraphBody,
) -> Result<Json<Value>, GraphError> {
    call.authorize_account(&id)?;
    let body = body.into_parameters()?;
    let params = Params::root(&body);
    let name = create::name(&params)?;
    let languages = languages(&params)?;
    if create::category(&params)? != Category::Authentication {
        return Err(invalid("Only authentication templates can be upserted."));
    }
    own_labels_are_refused(&params)?;
    let definition = Definition::read(&params, Category::Authentication)?;
    let ttl_seconds = definition::ttl(&params)?;
    let mut data = Vec::with_capacity(languages.len());
    for language in languages {
        let draft = Draft {
            name: name.to_owned(),
            language: language.to_owned(),
            category: Category::Authentication,
            components: definition.components(language),
            otp_button: definition.otp_button(),
            ttl_seconds,
        };
        let template = put(&call, draft)?;
        data.push(json!({
            "id": template.id,
            "status": template.status,
            "language": template.language,
        }));
    }
    Ok(Json(json!({ "data": data })))
}

fn languages<'a>(params: &Params<'a>) -> Result<Vec<&'a str>, GraphError> {
    if params.get("language").is_some() {
        return Err(GraphError::bad_parameter("The parameter language is not supported here, use languages."));
    }
    let wrong_type = || GraphError::wrong_type("languages", "an array of strings");
    let list = params.required("languages")?.as_array();
    let list = list.ok_or_else(wrong_type)?;
    if list.is_empty() {
        return Err(GraphError::required("languages"));
    }
    let mut languages = Vec::with_capacity(list.len());
    for language in list {
        let language = language.as_str().ok_or_else(wrong_type)?;
        create::known_language(language)?;
        if !languages.contains(&language) {
            languages.push(language);
        }
    }
    Ok(languages)
}

fn own_labels_are_refused(params: &Params<'_>) -> Result<(), GraphError> {
    for component in params.objects("components")? {
        for button in component.objects("buttons")? {
            for label in ["text", "autofill_text"] {
                if button.get(label).is_some() {
                    let name = button.name(label);
                    let sentence = format!("The parameter {name} is not supported here.");
                    return Err(GraphError::bad_parameter(sentence));
                }
            }
        }
    }
    Ok(())
}

/// Updates the translation, or creates it.
fn put(call: &Call, draft: Draft) -> Result<Template, GraphError> {
    let replaced = {
        let mut world = call.simulator.world();
        let review = world.switches.template_review;
        world.templates.replace(&draft, review, call.now())
    };
    match replaced {
        Some(template) => Ok(template),
        None => create::store(call, draft),
    }
}
