//! The components of a template as its owner defines them.
//!
//! Authentication templates are checked completely. Other kinds are kept as written and checked only for what sending
//! needs.

use serde_json::Value;

use super::super::{error::GraphError, params::Params};
use crate::{
    OtpButton,
    templates::{Category, content::AuthenticationContent},
};

const LONGEST_LABEL: usize = 25;
const LONGEST_PACKAGE: usize = 224;
const MOST_APPS: usize = 5;
const COMPONENT_TYPES: &[&str] = &["HEADER", "BODY", "FOOTER", "BUTTONS"];

/// Subcodes of code 100 that the template endpoints use.
pub(crate) mod subcode {
    pub(crate) const TOO_LONG: u32 = 2_388_040;
    pub(crate) const HEADER_FORMAT: u32 = 2_388_047;
    pub(crate) const BODY_FORMAT: u32 = 2_388_072;
}

/// The parsed components: for an authentication template, the owner's choices.
#[derive(Debug)]
pub(crate) enum Definition {
    Authentication(AuthenticationContent),
    Other(Vec<Value>),
}

impl Definition {
    /// Parses the `components` of a template in this category.
    pub(crate) fn read(template: &Params<'_>, category: Category) -> Result<Self, GraphError> {
        let raw = template.required("components")?;
        let components = template.objects("components")?;
        if category == Category::Authentication {
            return authentication(template, &components).map(Self::Authentication);
        }
        let mut has_body = false;
        for component in &components {
            if component.required_choice("type", COMPONENT_TYPES)? == "BODY" {
                component.required_string("text")?;
                has_body = true;
            }
        }
        match raw.as_array() {
            Some(raw) if has_body => Ok(Self::Other(raw.clone())),
            _ => Err(invalid("A template needs a body.").subcode(subcode::BODY_FORMAT)),
        }
    }

    /// The components as the API reads them back in a language.
    pub(crate) fn components(&self, language: &str) -> Vec<Value> {
        match self {
            Self::Authentication(content) => content.components(language),
            Self::Other(components) => components.clone(),
        }
    }

    /// The kind of its one-time-passcode button.
    pub(crate) fn otp_button(&self) -> Option<OtpButton> {
        match self {
            Self::Authentication(content) => Some(content.button),
            Self::Other(_) => None,
        }
    }
}

/// `message_send_ttl_seconds`, if given.
pub(crate) fn ttl(template: &Params<'_>) -> Result<Option<i64>, GraphError> {
    let name = "message_send_ttl_seconds";
    let Some(value) = template.get(name) else {
        return Ok(None);
    };
    match value.as_i64() {
        Some(seconds) if seconds == -1 || (30..=900).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(GraphError::bad_parameter(format!("Param {name} must be -1 or an integer from 30 to 900."))),
    }
}

/// Code 100 with a message for the operator.
pub(crate) fn invalid(sentence: impl Into<String>) -> GraphError {
    GraphError::bad_parameter("Invalid parameter").for_people("Invalid template", sentence)
}

fn authentication(template: &Params<'_>, components: &[Params<'_>]) -> Result<AuthenticationContent, GraphError> {
    let (mut body, mut footer, mut buttons) = (None, None, None);
    for component in components {
        let slot = match component.required_choice("type", COMPONENT_TYPES)? {
            "BODY" => &mut body,
            "FOOTER" => &mut footer,
            "BUTTONS" => &mut buttons,
            _ => {
                return Err(invalid("Authentication templates cannot have a header.").subcode(subcode::HEADER_FORMAT));
            }
        };
        if slot.replace(component).is_some() {
            return Err(invalid("Each component may occur only once."));
        }
    }
    let missing = || invalid("Authentication templates need a body and one button of type OTP.");
    let body = body.ok_or_else(missing)?;
    if body.get("text").is_some() || body.get("example").is_some() {
        return Err(invalid("The body of an authentication template is fixed and cannot have a text.")
            .subcode(subcode::BODY_FORMAT));
    }
    let security_recommendation = body.boolean("add_security_recommendation")?;
    let expiration_minutes = footer.map(expiration).transpose()?.flatten();
    let buttons = buttons.ok_or_else(missing)?.objects("buttons")?;
    let [button] = buttons.as_slice() else {
        return Err(missing());
    };
    let (button, copy_code_text) = otp_button(template, button)?;
    Ok(AuthenticationContent {
        security_recommendation: security_recommendation.unwrap_or(false),
        expiration_minutes,
        button,
        copy_code_text,
    })
}

fn expiration(footer: &Params<'_>) -> Result<Option<u8>, GraphError> {
    if footer.get("text").is_some() {
        return Err(invalid("The footer of an authentication template cannot have a text."));
    }
    let Some(value) = footer.get("code_expiration_minutes") else {
        return Ok(None);
    };
    value
        .as_u64()
        .and_then(|minutes| u8::try_from(minutes).ok())
        .filter(|minutes| (1..=90).contains(minutes))
        .map(Some)
        .ok_or_else(|| {
            let name = footer.name("code_expiration_minutes");
            GraphError::bad_parameter(format!("Param {name} must be an integer from 1 to 90."))
        })
}

fn otp_button(template: &Params<'_>, button: &Params<'_>) -> Result<(OtpButton, Option<String>), GraphError> {
    if button.choice("type", &["OTP"]).ok().flatten().is_none() {
        return Err(invalid("The button of an authentication template must be of type OTP."));
    }
    let types = OtpButton::ALL.map(OtpButton::otp_type);
    let otp_type = button.required_choice("otp_type", &types)?;
    let kind = OtpButton::ALL.into_iter().find(|kind| kind.otp_type() == otp_type).unwrap_or(OtpButton::CopyCode);
    let text = label(button, "text")?;
    let autofill_text = label(button, "autofill_text")?;
    // Their old place, beside otp_type, became illegal in v21, the oldest version still served.
    for moved in ["package_name", "signature_hash"] {
        if button.get(moved).is_some() {
            let name = button.name(moved);
            let sentence = format!("Param {name} belongs in supported_apps.");
            return Err(GraphError::bad_parameter(sentence));
        }
    }
    if kind == OtpButton::CopyCode {
        if autofill_text.is_some() {
            return Err(invalid("autofill_text is only for one-tap and zero-tap buttons."));
        }
    } else {
        supported_apps(button)?;
    }
    if kind == OtpButton::ZeroTap && !terms_accepted(template, button)? {
        return Err(invalid("zero_tap_terms_accepted must be true for zero-tap buttons."));
    }
    Ok((kind, text.map(str::to_owned)))
}

fn label<'a>(button: &Params<'a>, key: &str) -> Result<Option<&'a str>, GraphError> {
    let text = button.string(key)?;
    match text {
        Some(text) if text.chars().count() > LONGEST_LABEL => {
            Err(invalid(format!("{key} must be at most {LONGEST_LABEL} characters long.")).subcode(subcode::TOO_LONG))
        }
        text => Ok(text),
    }
}

fn terms_accepted(template: &Params<'_>, button: &Params<'_>) -> Result<bool, GraphError> {
    let key = "zero_tap_terms_accepted";
    let accepted = button.boolean(key)?.or(template.boolean(key)?);
    Ok(accepted.unwrap_or(false))
}

fn supported_apps(button: &Params<'_>) -> Result<(), GraphError> {
    button.required("supported_apps")?;
    let apps = button.objects("supported_apps")?;
    if apps.is_empty() || apps.len() > MOST_APPS {
        return Err(invalid(format!("supported_apps must name 1 to {MOST_APPS} apps.")));
    }
    for app in apps {
        if !is_package_name(app.required_string("package_name")?) {
            let name = app.name("package_name");
            let sentence = format!("Param {name} must be an Android package name.");
            return Err(GraphError::bad_parameter(sentence));
        }
        if !is_signature_hash(app.required_string("signature_hash")?) {
            let name = app.name("signature_hash");
            let sentence = format!("Param {name} must be exactly 11 characters of base64.");
            return Err(GraphError::bad_parameter(sentence));
        }
    }
    Ok(())
}

fn is_package_name(name: &str) -> bool {
    let is_segment = |segment: &str| {
        segment.starts_with(|c: char| c.is_ascii_alphabetic())
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    name.len() <= LONGEST_PACKAGE && name.contains('.') && name.split('.').all(is_segment)
}

fn is_signature_hash(hash: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    hash.len() == 11 && hash.bytes().all(is_legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_names_have_two_segments_that_begin_with_a_letter() {
        for name in ["com.example", "com.example.app_1", "a.B"] {
            assert!(is_package_name(name), "{name}");
        }
        let long = format!("com.{}", "a".repeat(LONGEST_PACKAGE - 3));
        for name in ["com", "com.", ".com", "com.1app", "com.ex-ample", "com..app", "", &long] {
            assert!(!is_package_name(name), "{name}");
        }
    }

    #[test]
    fn signature_hashes_have_eleven_characters_of_base64() {
        assert!(is_signature_hash("AbCdEfGh+/1"));
        for hash in ["AbCdEfGh+/", "AbCdEfGh+/12", "AbCdEfGh%2F", "AbCdEfGh-_1", ""] {
            assert!(!is_signature_hash(hash), "{hash}");
        }
    }
}
