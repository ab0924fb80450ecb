//! A webhook's body: the envelope, and the changes in it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::escaped;

/// One change: a field that an app can subscribe to, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// `messages` for statuses and messages; other names for the management of the account.
    pub field: String,
    /// The content.
    pub value: Value,
}

impl Change {
    /// A change of any field with any content.
    #[must_use]
    pub fn new(field: impl Into<String>, value: Value) -> Self {
        Self { field: field.into(), value }
    }
}

/// A body that can be changed before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The whole body.
    pub body: Value,
    account: String,
    now: i64,
}

impl Webhook {
    /// A body about this account, without entries.
    pub(crate) fn about(account: &str, now: i64) -> Self {
        let body = json!({ "object": "whatsapp_business_account", "entry": [] });
        Self { body, account: account.to_owned(), now }
    }

    /// Adds an entry with this change.
    #[must_use]
    pub fn with(self, change: Change) -> Self {
        self.with_entry([change])
    }

    /// Adds an entry with several changes.
    #[must_use]
    pub fn with_entry(mut self, changes: impl IntoIterator<Item = Change>) -> Self {
        let changes: Vec<_> = changes.into_iter().collect();
        let has_time = changes.iter().any(|change| change.field != "messages");
        let changes: Vec<_> =
            changes.into_iter().map(|Change { field, value }| json!({ "field": field, "value": value })).collect();
        let mut entry = json!({ "id": self.account, "changes": changes });
        if has_time {
            entry["time"] = json!(self.now);
        }
        if let Some(entries) = self.body["entry"].as_array_mut() {
            entries.push(entry);
        }
        self
    }

    /// The bytes to sign and to send, escaped as Meta does.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        escaped(&self.body)
    }

    /// Returns `true` if it is only about messages. An account or a number can have a URL of its own for these.
    pub(crate) fn is_about_messages(&self) -> bool {
        self.fields().all(|field| field == "messages")
    }

    /// Returns `true` if it is about one of these fields, or if these are all fields.
    pub(crate) fn is_about_any(&self, fields: Option<&[String]>) -> bool {
        fields.is_none_or(|fields| self.fields().any(|field| fields.iter().any(|wanted| field == wanted.as_str())))
    }

    /// The names of the messages that it is about: their callback data and ids.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &str> {
        self.statuses()
            .flat_map(|status| [&status["biz_opaque_callback_data"], &status["id"]])
            .filter_map(Value::as_str)
    }

    /// The statuses that it reports, or else its fields.
    pub(crate) fn names(&self) -> Vec<&str> {
        let statuses: Vec<_> = self.statuses().filter_map(|status| status["status"].as_str()).collect();
        if statuses.is_empty() { self.fields().filter_map(Value::as_str).collect() } else { statuses }
    }

    fn statuses(&self) -> impl Iterator<Item = &Value> {
        self.changes().flat_map(|change| change["value"]["statuses"].as_array().into_iter().flatten())
    }

    fn fields(&self) -> impl Iterator<Item = &Value> {
        self.changes().map(|change| &change["field"])
    }

    fn changes(&self) -> impl Iterator<Item = &Value> {
        let entries = self.body["entry"].as_array().into_iter().flatten();
        entries.flat_map(|entry| entry["changes"].as_array().into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_entries_about_the_account_have_a_time() {
        let webhook = Webhook::about("1", 7)
            .with(Change::new("messages", json!({})))
            .with(Change::new("security", json!({ "event": "PIN_CHANGED" })));
        let expected = json!({
            "object": "whatsapp_business_account",
            "entry": [
                { "id": "1", "changes": [{ "field": "messages", "value": {} }] },
                { "id": "1", "time": 7, "changes": [{ "field": "security", "value": { "event": "PIN_CHANGED" } }] },
            ],
        });
        assert_eq!(webhook.body, expected);
        assert!(!webhook.is_about_messages());
        assert!(Webhook::about("1", 7).with(Change::new("messages", json!({}))).is_about_messages());
    }
}
