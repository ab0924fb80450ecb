//! The recipients' phones: every accepted message and its delivery.
//!
//! [`api`] shows them to programs, and the [page](super::page) to people.

pub(crate) mod api;
#[cfg(test)]
mod http_tests;

use std::{collections::VecDeque, sync::Mutex};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tokio::sync::broadcast;

use super::{OtpButton, lock};

/// The number of messages kept; older ones are dropped.
pub(crate) const CAPACITY: usize = 1000;

/// The number of messages that a listener may fall behind before it misses some.
const LISTENER_BACKLOG: usize = 256;

/// A message the simulator accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InboxMessage {
    /// Meta's id of the message, `wamid.…`.
    pub id: String,
    /// The recipient in E.164, with `+`.
    pub to: String,
    /// Its delivery.
    pub status: MessageStatus,
    /// The reason of its failure, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The one-time passcode, if the template carries one.
    pub code: Option<String>,
    /// Name of the template.
    pub template: String,
    /// Language of the template.
    pub language: String,
    /// The kind of button, for a one-time passcode.
    pub button: Option<OtpButton>,
    /// The button's label.
    pub button_text: Option<String>,
    /// The label of the button that hands the code to the app, for kinds that have one.
    pub autofill_text: Option<String>,
    /// The text as the recipient reads it, with WhatsApp's `*bold*` markup.
    pub body: String,
    /// The footer.
    pub footer: Option<String>,
    /// Minutes until the button stops working, if the template has a limit.
    pub code_expiration_minutes: Option<u8>,
    /// The sender's own identifier of the message.
    pub biz_opaque_callback_data: Option<String>,
    /// The time at which it was accepted.
    #[serde(serialize_with = "milliseconds")]
    pub received_at: Timestamp,
    /// The time at which the person opened it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional_milliseconds")]
    pub read_at: Option<Timestamp>,
    /// A webhook has said, or is about to say, that it was delivered.
    #[serde(skip)]
    pub(crate) was_reported: bool,
}

impl InboxMessage {
    fn is_unread(&self) -> bool {
        self.status == MessageStatus::Delivered && self.read_at.is_none()
    }
}

/// The delivery of an accepted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// It is on the recipient's phone.
    Delivered,
    /// It will arrive later.
    OnItsWay,
    /// It never arrives, and no webhook reports that.
    Undelivered,
    /// It failed, and a webhook reports it.
    Failed,
}

/// The failure of an accepted message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Meta's code.
    pub code: u32,
    /// Meta's title for it.
    pub title: String,
}

pub(crate) fn milliseconds<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn optional_milliseconds<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => milliseconds(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// The latest messages, and the listeners for new ones.
#[derive(Debug)]
pub(crate) struct Inbox {
    messages: Mutex<VecDeque<InboxMessage>>,
    arrivals: broadcast::Sender<InboxMessage>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { messages: Mutex::default(), arrivals: broadcast::Sender::new(LISTENER_BACKLOG) }
    }
}

impl Inbox {
    pub(crate) fn push(&self, message: InboxMessage) {
        let mut messages = lock(&self.messages);
        if messages.len() == CAPACITY {
            messages.pop_front();
        }
        messages.push_back(message.clone());
        // Having no listener is no failure. Sent under the lock, so that listeners see the same order.
        let _ = self.arrivals.send(message);
    }

    /// The latest messages, newest first.
    pub(crate) fn newest_first(&self, limit: usize) -> Vec<InboxMessage> {
        let messages = lock(&self.messages);
        messages.iter().rev().take(limit).cloned().collect()
    }

    /// The latest message that reached the phone with these digits.
    pub(crate) fn latest(&self, digits: &str) -> Option<InboxMessage> {
        let messages = lock(&self.messages);
        messages
            .iter()
            .rev()
            .find(|message| message.status == MessageStatus::Delivered && message.to.strip_prefix('+') == Some(digits))
            .cloned()
    }

    /// The message with this id, if it is on a phone.
    pub(crate) fn on_phone(&self, id: &str) -> Option<InboxMessage> {
        let messages = lock(&self.messages);
        let arrived = |message: &&InboxMessage| message.status == MessageStatus::Delivered && message.id == id;
        messages.iter().rev().find(arrived).cloned()
    }

    /// The message arrives, if it has not yet. Returns `false` if it has been read, so that nobody needs to be told.
    pub(crate) fn deliver(&self, id: &str) -> bool {
        let mut messages = lock(&self.messages);
        let Some(message) = messages.iter_mut().rev().find(|message| message.id == id) else { return true };
        if message.read_at.is_some() {
            return false;
        }
        message.was_reported = true;
        if message.status == MessageStatus::OnItsWay {
            message.status = MessageStatus::Delivered;
            let _ = self.arrivals.send(message.clone());
        }
        true
    }

    /// Marks a message as read. Returns whether its delivery was reported, or `None` if there is nothing to read.
    pub(crate) fn read(&self, id: &str, now: Timestamp) -> Option<bool> {
        let mut messages = lock(&self.messages);
        let message = messages.iter_mut().rev().find(|message| message.id == id && message.is_unread())?;
        message.read_at = Some(now);
        Some(message.was_reported)
    }

    /// Marks every message on the phone with these digits as read. Returns those that were not, and whether their
    /// delivery was reported.
    pub(crate) fn open(&self, digits: &str, now: Timestamp) -> Vec<(InboxMessage, bool)> {
        let mut messages = lock(&self.messages);
        let here = |message: &&mut InboxMessage| message.is_unread() && message.to.strip_prefix('+') == Some(digits);
        let unread = messages.iter_mut().filter(here);
        unread
            .map(|message| {
                message.read_at = Some(now);
                (message.clone(), message.was_reported)
            })
            .collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.messages).clear();
    }

    /// Subscribes to the messages from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<InboxMessage> {
        self.arrivals.subscribe()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An ordinary message.
    pub(crate) fn message(to: &str, code: &str, status: MessageStatus) -> InboxMessage {
        InboxMessage {
            id: "wamid.x".to_owned(),
            to: to.to_owned(),
            status,
            failure: None,
            code: Some(code.to_owned()),
            template: "otp_login".to_owned(),
            language: "en_US".to_owned(),
            button: Some(OtpButton::CopyCode),
            button_text: Some("Copy code".to_owned()),
            autofill_text: None,
            body: format!("*{code}* is your verification code."),
            footer: None,
            code_expiration_minutes: None,
            biz_opaque_callback_data: None,
            received_at: Timestamp::UNIX_EPOCH,
            read_at: None,
            was_reported: false,
        }
    }

    #[test]
    fn only_the_latest_messages_are_kept() {
        let inbox = Inbox::default();
        for n in 0..=CAPACITY {
            inbox.push(message("+1555", &n.to_string(), MessageStatus::Delivered));
        }
        let kept = inbox.newest_first(usize::MAX);
        assert_eq!(kept.len(), CAPACITY);
        assert_eq!(kept[0].code.as_deref(), Some("1000"));
        assert_eq!(kept[CAPACITY - 1].code.as_deref(), Some("1"));
    }

    #[test]
    fn the_latest_message_is_the_last_to_arrive_on_that_phone() {
        let inbox = Inbox::default();
        inbox.push(message("+15551234567", "1", MessageStatus::Delivered));
        inbox.push(message("+15551234567", "2", MessageStatus::Delivered));
        inbox.push(message("+15551234567", "3", MessageStatus::Undelivered));
        inbox.push(message("+15551234567", "4", MessageStatus::Failed));
        inbox.push(message("+15557654321", "5", MessageStatus::Delivered));
        let latest = inbox.latest("15551234567").unwrap();
        assert_eq!(latest.code.as_deref(), Some("2"));
        assert_eq!(inbox.latest("15550000000"), None);
    }

    #[test]
    fn times_are_written_to_the_millisecond_in_utc() {
        let written = serde_json::to_value(message("+1", "1", MessageStatus::Delivered)).unwrap();
        assert_eq!(written["received_at"], "1970-01-01T00:00:00.000Z");
    }
}
