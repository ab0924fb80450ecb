//! The parts of a webhook, and how they are read: one by one, so that one that is malformed costs no other.

use std::collections::HashSet;

use serde_json::Value;

use super::account::AccountNotice;
use super::lenient::{list, parse, text, whole};
use super::management;
use super::part::{Ignored, Kind};
use crate::otp::{DeliveryStatus, MessageId, UndeliveredReason, VerificationId};
use crate::whatsapp::error;

/// The `object` of all that is for us.
const OBJECT: &str = "whatsapp_business_account";
/// The payload of the button that says so.
const DID_NOT_REQUEST: &str = "DID_NOT_REQUEST_CODE";

/// The account and the numbers that are ours. An app may get webhooks about others.
#[derive(Debug, Clone)]
pub struct Ours {
    /// The WhatsApp Business account.
    pub waba_id: String,
    /// The IDs of the numbers.
    pub phone_number_ids: HashSet<String>,
}

/// A part of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The progress of a message.
    Status(StatusNotice),
    /// The recipient of a message says that they did not request the code.
    Denied {
        /// The message.
        message: MessageId,
    },
    /// Something about the account.
    Account(AccountNotice),
    /// Something that is not for us.
    Ignored(Kind, Ignored),
}

/// The progress of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusNotice {
    /// The verification whose code is in the message.
    pub id: VerificationId,
    /// The number of the message among the verification's, from 1.
    pub delivery: u32,
    /// The message.
    pub message: Option<MessageId>,
    /// Its status.
    pub status: DeliveryStatus,
    /// The reason why it did not arrive, if it did not.
    pub reason: Option<UndeliveredReason>,
    /// WhatsApp's code for that, if there is one.
    pub code: Option<i64>,
    /// The time of the status by WhatsApp's clock, in seconds since 1970. It is for measurements alone.
    pub at: Option<i64>,
}

/// Returns the parts of a body, or `None` if it is not JSON.
#[must_use]
pub fn notices(body: &[u8], ours: &Ours) -> Option<Vec<Notice>> {
    let body = parse(body)?;
    if text(&body["object"]).as_deref() != Some(OBJECT) {
        return Some(vec![Notice::Ignored(Kind::Other, Ignored::Unknown)]);
    }
    let mut notices = Vec::new();
    for entry in list(&body["entry"]) {
        let account = text(&entry["id"]);
        for change in list(&entry["changes"]) {
            let (field, value) = (text(&change["field"]).unwrap_or_default(), &change["value"]);
            if field == "messages" {
                read_messages(value, ours, &mut notices);
            } else if account.as_deref() == Some(&*ours.waba_id) {
                let notice = management::notice(&field, value);
                notices.push(notice.map_or_else(|(kind, reason)| Notice::Ignored(kind, reason), Notice::Account));
            } else {
                notices.push(Notice::Ignored(Kind::Account, Ignored::Foreign));
            }
        }
    }
    Some(notices)
}

/// Reads statuses, messages and errors, which share a field.
fn read_messages(value: &Value, ours: &Ours, notices: &mut Vec<Notice>) {
    let [statuses, messages, errors] = ["statuses", "messages", "errors"].map(|name| list(&value[name]));
    let number = text(&value["metadata"]["phone_number_id"]);
    if number.is_some_and(|number| ours.phone_number_ids.contains(&*number)) {
        notices.extend(statuses.iter().map(status));
        notices.extend(messages.iter().map(message));
        notices.extend(errors.iter().map(trouble));
    } else {
        let counts = [(Kind::Status, statuses), (Kind::Message, messages), (Kind::Account, errors)];
        for (kind, parts) in counts {
            notices.extend(parts.iter().map(|_| Notice::Ignored(kind, Ignored::Foreign)));
        }
    }
}

fn status(status: &Value) -> Notice {
    let ignored = |reason| Notice::Ignored(Kind::Status, reason);
    let Some(word) = text(&status["status"]) else { return ignored(Ignored::Malformed) };
    let status_of_delivery = match &*word {
        "sent" => DeliveryStatus::Sent,
        "delivered" => DeliveryStatus::Delivered,
        "read" => DeliveryStatus::Read,
        "failed" => DeliveryStatus::Failed,
        _ => return ignored(Ignored::Unknown),
    };
    let reference = text(&status["biz_opaque_callback_data"]);
    let Some((id, delivery)) = reference.as_deref().and_then(parse_reference) else {
        return ignored(Ignored::Foreign);
    };
    let code = if status_of_delivery == DeliveryStatus::Failed { code_of(list(&status["errors"])) } else { None };
    let reason = (status_of_delivery == DeliveryStatus::Failed)
        .then(|| code.map_or(UndeliveredReason::Unknown, |code| error::meaning(code, None).reason));
    Notice::Status(StatusNotice {
        id,
        delivery,
        message: text(&status["id"]).filter(|id| !id.is_empty()).map(|id| MessageId::of(&id)),
        status: status_of_delivery,
        reason,
        code,
        at: whole(&status["timestamp"]),
    })
}

/// Reads the name that we gave a message: `v1.<verification>.<delivery>`.
fn parse_reference(text: &str) -> Option<(VerificationId, u32)> {
    let (id, delivery) = text.strip_prefix("v1.")?.split_once('.')?;
    let is_number = delivery.bytes().all(|byte| byte.is_ascii_digit());
    let delivery = delivery.parse().ok().filter(|number| is_number && *number > 0)?;
    Some((id.parse().ok()?, delivery))
}

/// Returns the first code that is documented, or else the first.
fn code_of(errors: &[Value]) -> Option<i64> {
    let codes = || errors.iter().filter_map(|error| whole(&error["code"]));
    codes().find(|code| error::is_documented(*code)).or_else(|| codes().next())
}

fn message(message: &Value) -> Notice {
    let is_denial =
        message["type"].as_str() == Some("button") && message["button"]["payload"].as_str() == Some(DID_NOT_REQUEST);
    if !is_denial {
        return Notice::Ignored(Kind::Message, Ignored::Irrelevant);
    }
    match text(&message["context"]["id"]) {
        Some(id) => Notice::Denied { message: MessageId::of(&id) },
        None => Notice::Ignored(Kind::Denial, Ignored::Malformed),
    }
}

/// Reads an error that concerns no single message.
fn trouble(error: &Value) -> Notice {
    match whole(&error["code"]) {
        Some(code) => Notice::Account(AccountNotice::Error { code }),
        None => Notice::Ignored(Kind::Account, Ignored::Malformed),
    }
}

#[cfg(test)]
mod tests;
