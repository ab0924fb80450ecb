//! The JSON on the wire.

use serde::{Deserialize, Serialize};

/// `POST /{phone-number-id}/messages` with an authentication template: one shape for copy-code, one-tap and zero-tap.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    messaging_product: &'static str,
    recipient_type: &'static str,
    to: &'a str,
    r#type: &'static str,
    biz_opaque_callback_data: &'a str,
    template: TemplateMessage<'a>,
}

#[derive(Serialize)]
struct TemplateMessage<'a> {
    name: &'a str,
    language: Language<'a>,
    components: [Component<'a>; 2],
}

#[derive(Serialize)]
struct Language<'a> {
    code: &'a str,
    policy: &'static str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Component<'a> {
    Body { parameters: [Parameter<'a>; 1] },
    Button { sub_type: &'static str, index: &'static str, parameters: [Parameter<'a>; 1] },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Parameter<'a> {
    Text { text: &'a str },
}

impl<'a> Message<'a> {
    /// `to` is in E.164 with its `+`: without that WhatsApp may prepend the sender's country code.
    ///
    /// The code is in the body and in the button, which WhatsApp turned into a URL button when the template was created.
    pub(super) fn new(to: &'a str, reference: &'a str, template: &'a str, language: &'a str, code: &'a str) -> Self {
        Self {
            messaging_product: "whatsapp",
            recipient_type: "individual",
            to,
            r#type: "template",
            biz_opaque_callback_data: reference,
            template: TemplateMessage {
                name: template,
                language: Language { code: language, policy: "deterministic" },
                components: [
                    Component::Body { parameters: [Parameter::Text { text: code }] },
                    Component::Button { sub_type: "url", index: "0", parameters: [Parameter::Text { text: code }] },
                ],
            },
        }
    }
}

/// The answer to an accepted message, without its optional parts.
#[derive(Deserialize)]
pub(super) struct Accepted {
    pub(super) messages: Vec<AcceptedMessage>,
}

#[derive(Deserialize)]
pub(super) struct AcceptedMessage {
    /// `wamid.…`: personal data, since it encodes the recipient's digits. Never logged.
    #[serde(rename = "id")]
    pub(super) _id: String,
}

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) paging: Paging,
}

#[derive(Deserialize, Default)]
pub(super) struct Paging {
    #[serde(default)]
    pub(super) cursors: Cursors,
    /// The address of the next page, absent on the last one. It is never called: it contains the token, and may name any
    /// host.
    pub(super) next: Option<String>,
}

#[derive(Deserialize, Default)]
pub(super) struct Cursors {
    pub(super) after: Option<String>,
}

/// `{"error": …}`
#[derive(Deserialize)]
pub(super) struct ErrorEnvelope {
    pub(super) error: ErrorBody,
}

#[derive(Deserialize)]
pub(super) struct ErrorBody {
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: String,
    pub(super) error_subcode: Option<i64>,
    /// An object for WhatsApp's errors, a string for some of Graph's.
    #[serde(default)]
    pub(super) error_data: serde_json::Value,
    pub(super) error_user_msg: Option<String>,
    pub(super) fbtrace_id: Option<String>,
}

impl ErrorBody {
    pub(super) fn details(&self) -> Option<&str> {
        self.error_data.get("details").unwrap_or(&self.error_data).as_str().or(self.error_user_msg.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_message_is_the_documented_one() {
        let message = Message::new("+5511900000001", "ch_01J0EXAMPLE", "login_code", "pt_BR", "482913");
        // Copied from the Cloud API's documentation of authentication templates.
        let expected = json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "+5511900000001",
            "type": "template",
            "biz_opaque_callback_data": "ch_01J0EXAMPLE",
            "template": {
                "name": "login_code",
                "language": { "code": "pt_BR", "policy": "deterministic" },
                "components": [
                    { "type": "body", "parameters": [ { "type": "text", "text": "482913" } ] },
                    { "type": "button", "sub_type": "url", "index": "0",
                      "parameters": [ { "type": "text", "text": "482913" } ] }
                ]
            }
        });
        assert_eq!(serde_json::to_value(message).unwrap(), expected);
    }

    #[test]
    fn errors_are_read_in_every_shape() {
        let read = |text: &str| serde_json::from_str::<ErrorEnvelope>(text).unwrap().error;
        let whatsapp = read(
            r#"{"error":{"message":"(#132001) Template name does not exist in the translation","type":"OAuthException",
            "code":132001,"error_data":{"messaging_product":"whatsapp","details":"template name (x) does not exist in en"},
            "fbtrace_id":"AbC"}}"#,
        );
        assert_eq!((whatsapp.code, whatsapp.details()), (132_001, Some("template name (x) does not exist in en")));
        let graph = read(r#"{"error":{"message":"m","type":"t","code":100,"error_subcode":33,"error_data":"text"}}"#);
        assert_eq!((graph.error_subcode, graph.details()), (Some(33), Some("text")));
        let template = read(r#"{"error":{"code":10,"error_subcode":2388185,"error_user_msg":"Not permitted"}}"#);
        assert_eq!(template.details(), Some("Not permitted"));
        assert_eq!(read(r#"{"error":{"code":1}}"#).details(), None);
    }
}
