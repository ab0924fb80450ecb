//! The body of a send, field by field.

use serde_json::{Map, Value};

use super::{
    super::{error::GraphError, params::Params},
    recipient::Recipient,
};
use crate::{SimulatorSettings, digits};

/// The kinds of message that can be sent.
const SENDABLE: &[&str] = &[
    "AUDIO",
    "CONTACTS",
    "DOCUMENT",
    "IMAGE",
    "INTERACTIVE",
    "LOCATION",
    "REACTION",
    "STICKER",
    "TEMPLATE",
    "TEXT",
    "VIDEO",
];

/// The kinds of message that only users send.
const RECEIVED_ONLY: &[&str] = &["BUTTON", "ORDER", "SYSTEM", "UNSUPPORTED"];

const LONGEST_CALLBACK_DATA: usize = 512;

/// A well-formed request to send a template.
#[derive(Debug)]
pub(crate) struct SendRequest<'a> {
    pub(crate) recipient: Recipient,
    pub(crate) template: TemplateMessage<'a>,
    pub(crate) callback_data: Option<&'a str>,
}

/// The requested template, and the components to fill it with.
#[derive(Debug)]
pub(crate) struct TemplateMessage<'a> {
    pub(crate) name: &'a str,
    pub(crate) language: &'a str,
    pub(crate) components: Vec<Params<'a>>,
}

/// Parses the body, or returns its first fault.
pub(crate) fn parse<'a>(
    body: &'a Map<String, Value>,
    settings: &SimulatorSettings,
) -> Result<SendRequest<'a>, GraphError> {
    let params = Params::root(body);
    params.required_choice("messaging_product", &["WHATSAPP"])?;
    params.choice("recipient_type", &["INDIVIDUAL", "GROUP"])?;
    params.string("recipient_identity_key_hash")?;
    let callback_data = callback_data(&params)?;
    let kind = kind(&params)?;
    let recipient = recipient(&params, kind, settings)?;
    if kind != "TEMPLATE" {
        params.required_object(&kind.to_ascii_lowercase())?;
        return Err(GraphError::new(131_047).details(
            "Message failed to send because more than 24 hours have passed since the customer \
             last replied to this number.",
        ));
    }
    let template = template(&params.required_object("template")?)?;
    Ok(SendRequest { recipient, template, callback_data })
}

fn callback_data<'a>(params: &Params<'a>) -> Result<Option<&'a str>, GraphError> {
    let name = "biz_opaque_callback_data";
    let data = params.string(name)?;
    match data {
        Some(text) if text.chars().count() > LONGEST_CALLBACK_DATA => Err(GraphError::bad_parameter(format!(
            "Param {name} must be at most {LONGEST_CALLBACK_DATA} characters long."
        ))),
        data => Ok(data),
    }
}

fn kind(params: &Params<'_>) -> Result<&'static str, GraphError> {
    match params.get("type").and_then(Value::as_str) {
        Some(kind) if RECEIVED_ONLY.iter().any(|only| only.eq_ignore_ascii_case(kind)) => Err(GraphError::new(131_051)),
        _ => params.required_choice("type", SENDABLE),
    }
}

fn recipient(params: &Params<'_>, kind: &str, settings: &SimulatorSettings) -> Result<Recipient, GraphError> {
    let Some(to) = params.get("to") else {
        return Err(match params.get("recipient") {
            Some(_) if kind == "TEMPLATE" => GraphError::new(131_062)
                .details("Business-scoped User ID (BSUID) recipients are not supported for this message."),
            _ => GraphError::required("to"),
        });
    };
    let sender = digits(&settings.display_phone_number);
    let recipient = to
        .as_str()
        .and_then(|to| Recipient::parse(to, &sender))
        .ok_or_else(|| GraphError::new(100).details("Parameter Invalid"))?;
    if recipient.digits == sender {
        return Err(GraphError::new(131_021));
    }
    Ok(recipient)
}

fn template<'a>(template: &Params<'a>) -> Result<TemplateMessage<'a>, GraphError> {
    let name = template.required_string("name")?;
    let language = template.required_object("language")?;
    language.choice("policy", &["DETERMINISTIC"])?;
    Ok(TemplateMessage {
        name,
        language: language.required_string("code")?,
        components: template.objects("components")?,
    })
}
