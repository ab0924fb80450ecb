//! Messages from people, and what WhatsApp says about them.

use serde_json::{Value, json};

use super::{
    Change,
    status::{contact, user_id},
};
use crate::{InboxMessage, Simulator, digits, graph::identifiers};

impl Simulator {
    /// The person who received this message says that they did not ask for it. Returns `false` if there is no such message
    /// on a phone.
    #[must_use]
    pub fn tap_did_not_request(&self, message_id: &str) -> bool {
        let Some(message) = self.shared.inbox.on_phone(message_id) else { return false };
        self.send_webhook(self.webhook().with(self.did_not_request_change(&message)));
        true
    }

    /// A tap on "I didn't request a code" under this message.
    #[must_use]
    pub fn did_not_request_change(&self, message: &InboxMessage) -> Change {
        let sender = digits(&self.settings().display_phone_number);
        let content = json!({
            "context": { "from": sender, "id": message.id },
            "type": "button",
            "button": { "payload": "DID_NOT_REQUEST_CODE", "text": "I didn't request a code" },
        });
        self.inbound_change(&message.to, content)
    }

    /// A text that this phone sends.
    #[must_use]
    pub fn text_change(&self, from: &str, text: &str) -> Change {
        self.inbound_change(from, json!({ "type": "text", "text": { "body": text } }))
    }

    /// A message that this phone sends, with `type` and what belongs to it in `content`.
    #[must_use]
    pub fn inbound_change(&self, from: &str, content: Value) -> Change {
        let from = digits(from);
        let mut change = self.messages_change(&from, content);
        change.value["contacts"] = json!([contact(&from, true)]);
        change
    }

    /// The news that a person has changed their number.
    #[must_use]
    pub fn changed_number_change(&self, from: &str, to: &str) -> Change {
        let (from, to) = (digits(from), digits(to));
        let system = json!({
            "body": format!("User Zoë changed from {from} to {to}"),
            "type": "user_changed_number",
            "wa_id": to,
            "previous_user_id": user_id(&from),
            "user_id": user_id(&to),
        });
        self.messages_change(&from, json!({ "type": "system", "system": system }))
    }

    fn messages_change(&self, from: &str, content: Value) -> Change {
        let mut message = content;
        message["from"] = json!(from);
        message["from_user_id"] = json!(user_id(from));
        message["id"] = json!(identifiers::message_id(from));
        message["timestamp"] = json!(self.shared.clock.timestamp().as_second().to_string());
        let mut value = self.about_messages();
        value["messages"] = json!([message]);
        Change::new("messages", value)
    }
}
