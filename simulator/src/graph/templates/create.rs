//! `POST /{waba-id}/message_templates`: one template in one language.

use axum::{Json, extract::Path, http::StatusCode};
use serde_json::{Value, json};

use super::{
    super::{body::GraphBody, call::Call, error::GraphError, params::Params},
    definition::{self, Definition, invalid, subcode},
};
use crate::{
    languages,
    templates::{
        Category, Template,
        store::{CreateRefusal, Draft},
    },
    tokens::Standing,
};

const LONGEST_NAME: usize = 512;

/// The limit on templates created per hour.
const CREATIONS_PER_HOUR: u32 = 100;

pub(crate) async fn create(
    call: Call,
    Path((_, id)): Path<(String, String)>,
    body: GraphBody,
) -> Result<Json<Value>, GraphError> {
    call.authorize_account(&id)?;
    let body = body.into_parameters()?;
    let params = Params::root(&body);
    let name = name(&params)?.to_owned();
    let language = params.required_string("language")?;
    known_language(language)?;
    let category = category(&params)?;
    let definition = Definition::read(&params, category)?;
    let draft = Draft {
        name,
        language: language.to_owned(),
        category,
        components: definition.components(language),
        otp_button: definition.otp_button(),
        ttl_seconds: definition::ttl(&params)?,
    };
    let created = store(&call, draft)?;
    Ok(Json(json!({
        "id": created.id,
        "status": created.status,
        "category": created.category.as_str(),
    })))
}

pub(crate) fn name<'a>(params: &Params<'a>) -> Result<&'a str, GraphError> {
    let name = params.required_string("name")?;
    if name.chars().count() > LONGEST_NAME {
        let sentence = format!("The name must be at most {LONGEST_NAME} characters long.");
        return Err(invalid(sentence).subcode(subcode::TOO_LONG));
    }
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.bytes().all(is_legal) {
        Ok(name)
    } else {
        Err(invalid("The name can only have lowercase letters, digits and underscores."))
    }
}

pub(crate) fn category(params: &Params<'_>) -> Result<Category, GraphError> {
    let given = params.required_string("category")?;
    Category::parse(given).ok_or_else(|| {
        let legal = Category::NAMES.join(", ");
        GraphError::bad_parameter(format!("Param category must be one of {{{legal}}}"))
    })
}

pub(crate) fn known_language(code: &str) -> Result<(), GraphError> {
    if languages::is_known(code) { Ok(()) } else { Err(GraphError::not_one_of("language", languages::LANGUAGES, code)) }
}

/// Adds a well-formed template to the account, if the account may have it.
pub(crate) fn store(call: &Call, draft: Draft) -> Result<Template, GraphError> {
    let (instant, now) = (call.simulator.shared.clock.instant(), call.now());
    let mut world = call.simulator.world();
    let eligible = world.switches.authentication_eligible && call.standing != Standing::Ineligible;
    if draft.category == Category::Authentication && !eligible {
        return Err(GraphError::new(10).subcode(2_388_185).for_people(
            "Cannot create message template",
            "The WhatsApp Business account does not have permission to create message template.",
        ));
    }
    if !world.template_creations.admit(instant, CREATIONS_PER_HOUR) {
        return Err(call.throttled(80_008));
    }
    let language = draft.language.clone();
    let review = world.switches.template_review;
    let created = world.templates.create(draft, review, now);
    created.map_err(|refusal| refused(&refusal, &language))
}

fn refused(refusal: &CreateRefusal, language: &str) -> GraphError {
    let invalid = GraphError::bad_parameter("Invalid parameter");
    match refusal {
        CreateRefusal::TooMany => invalid
            .subcode(2_388_019)
            .for_people("Limit exceeded", "The limit of message templates for this account has been reached."),
        CreateRefusal::Exists => invalid.subcode(2_388_024).for_people(
            "Content in This Language Already Exists",
            format!(
                "There is already {language} content for this template. You can create a new \
                 template and try again."
            ),
        ),
        CreateRefusal::RecentlyDeleted => invalid.subcode(2_388_023).for_people(
            "Message Template Language Is Being Deleted",
            format!(
                "New {language} content can't be added while the existing {language} content is \
                 being deleted. Try again in 4 weeks or create a new message template."
            ),
        ),
    }
    .http(StatusCode::BAD_REQUEST)
}
