//! The components of a send, checked against the template that they fill.

use serde_json::Value;

use super::{
    super::{error::GraphError, params::Params, version::ApiVersion},
    code_rules,
};
use crate::templates::{Category, Template};

const COMPONENT_TYPES: &[&str] = &["BODY", "BUTTON", "CAROUSEL", "HEADER", "LIMITED_TIME_OFFER"];

const BUTTON_SUB_TYPES: &[&str] = &[
    "BOOKING_CONFIRMATION",
    "CATALOG",
    "COPY_CODE",
    "FLOW",
    "MPM",
    "ORDER_DETAILS",
    "QUICK_REPLY",
    "REMINDER",
    "URL",
    "VOICE_CALL",
];

/// The values for the template's body, if all components are valid.
pub(crate) fn check(
    template: &Template,
    components: &[Params<'_>],
    version: ApiVersion,
) -> Result<Vec<String>, GraphError> {
    let check = Check { template, version };
    let sorted = Sorted::from(components)?;
    count("header", sorted.headers.len(), template.parameters_of("HEADER"))?;
    count("body", sorted.body.len(), template.parameters_of("BODY"))?;
    let values = check.texts("body", &sorted.body)?;
    let button = check.button(&sorted.buttons)?;
    if let (Some(code), Some(button)) = (values.first(), button)
        && template.category == Category::Authentication
        && *code != button
    {
        return Err(check.issue("The code in the body and the code in the button differ"));
    }
    Ok(values)
}

/// The components by kind, in any order.
#[derive(Debug, Default)]
struct Sorted<'a> {
    headers: Vec<Params<'a>>,
    body: Vec<Params<'a>>,
    buttons: Vec<Params<'a>>,
}

impl<'a> Sorted<'a> {
    fn from(components: &[Params<'a>]) -> Result<Self, GraphError> {
        let mut sorted = Self::default();
        for component in components {
            match component.required_choice("type", COMPONENT_TYPES)? {
                "BODY" => sorted.body.extend(component.objects("parameters")?),
                "BUTTON" => sorted.buttons.push(component.clone()),
                _ => sorted.headers.extend(component.objects("parameters")?),
            }
        }
        Ok(sorted)
    }
}

struct Check<'t> {
    template: &'t Template,
    version: ApiVersion,
}

impl Check<'_> {
    /// An error in a parameter's content, with the code that `version` has for it.
    fn issue(&self, details: impl Into<String>) -> GraphError {
        GraphError::new(self.version.template_parameter_code()).details(details)
    }

    fn texts(&self, place: &str, parameters: &[Params<'_>]) -> Result<Vec<String>, GraphError> {
        let texts = parameters.iter();
        texts.map(|parameter| self.text(place, parameter)).collect()
    }

    fn text(&self, place: &str, parameter: &Params<'_>) -> Result<String, GraphError> {
        let kind = parameter.required("type")?;
        let is_text = kind.as_str().is_some_and(|k| k.eq_ignore_ascii_case("text"));
        if !is_text {
            let details = format!("{place}: parameters of this template must be of type text");
            return Err(GraphError::new(132_012).details(details));
        }
        if parameter.get("parameter_name").is_some() {
            let details = format!("{place}: this template takes positional parameters, not named");
            return Err(GraphError::new(132_012).details(details));
        }
        let text = parameter.string("text")?.unwrap_or_default();
        if text.is_empty() {
            let details = format!("{place}: parameter text must not be empty");
            return Err(GraphError::new(131_008).details(details));
        }
        let is_code = self.template.category == Category::Authentication;
        let broken = code_rules::broken_by_text(text).or_else(|| code_rules::broken_by_code(text).filter(|_| is_code));
        match broken {
            Some(rule) => Err(self.issue(rule)),
            None => Ok(text.to_owned()),
        }
    }

    /// The value for the button, if the template has one that takes a value.
    fn button(&self, buttons: &[Params<'_>]) -> Result<Option<String>, GraphError> {
        let missing =
            || GraphError::new(131_008).details("buttons: Button at index 0 of type Url requires a parameter");
        let takes_a_value = self.template.button_takes_a_parameter();
        let mut value = None;
        for button in buttons {
            let sub_type = button.required_choice("sub_type", BUTTON_SUB_TYPES)?;
            let index = match button.get("index") {
                None => return Err(missing()),
                Some(Value::String(text)) => text.parse::<u64>().ok(),
                Some(other) => other.as_u64(),
            };
            if !takes_a_value || index != Some(0) {
                let given = button.required("index")?;
                return Err(GraphError::new(100)
                    .details(format!("buttons: the template has no button at index {given} that takes parameters")));
            }
            if sub_type != "URL" {
                return Err(self.issue(format!(
                    "buttons: Button at index 0 is of type Url and does not take a parameter of \
                     sub_type {sub_type}"
                )));
            }
            let parameters = button.objects("parameters")?;
            if parameters.is_empty() {
                return Err(missing());
            }
            count("buttons", parameters.len() + usize::from(value.is_some()), 1)?;
            value = self.texts("buttons", &parameters)?.pop();
        }
        if takes_a_value && value.is_none() {
            return Err(missing());
        }
        Ok(value)
    }
}

/// Refuses any number of parameters other than the expected one.
fn count(place: &str, given: usize, expected: usize) -> Result<(), GraphError> {
    if given == expected {
        return Ok(());
    }
    Err(GraphError::new(132_000).details(format!(
        "{place}: number of localizable_params ({given}) does not match the expected number \
         of params ({expected})"
    )))
}
