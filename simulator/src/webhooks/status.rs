//! A message's statuses: `sent`, `delivered`, `read`, `failed`.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::{self, Instant};

use super::{Change, queue::Pending};
use crate::{InboxMessage, Simulator, digits, graph::catalog};

/// The course of an accepted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    /// Sent and delivered.
    Ordinary,
    /// Delivered after this time.
    Late(Duration),
    /// Sent, and nothing more.
    Sent,
    /// Without any status.
    Silent,
    /// Read at once, in an open chat.
    Read,
    /// Failed.
    Failed,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Sent,
    Delivered,
    Read,
    Failed,
}

impl Course {
    fn steps(self, sent: Duration, delivered: Duration) -> Vec<(Duration, Step)> {
        match self {
            Self::Ordinary => vec![(sent, Step::Sent), (delivered, Step::Delivered)],
            Self::Late(after) => vec![(sent.min(after), Step::Sent), (after, Step::Delivered)],
            Self::Sent => vec![(sent, Step::Sent)],
            Self::Silent => vec![],
            Self::Read => vec![(delivered, Step::Read)],
            Self::Failed => vec![(sent, Step::Failed)],
        }
    }
}

impl Simulator {
    /// Sends what follows an accepted message.
    pub(crate) fn follow(&self, message: InboxMessage, course: Course) {
        let times = &self.settings().webhook_times;
        let steps = course.steps(times.sent, times.delivered);
        // A late message arrives even if nobody is told.
        let matters = self.shared.webhooks.are_wanted() || matches!(course, Course::Late(_));
        if steps.is_empty() || !matters {
            return;
        }
        let Some(pending) = Pending::begin(self) else { return };
        let (simulator, pending) = (self.clone(), Arc::new(pending));
        let accepted = Instant::now();
        tokio::spawn(async move {
            for (after, step) in steps {
                time::sleep_until(accepted + after).await;
                simulator.take_step(&message, step, &pending).await;
            }
        });
    }

    /// The person opens the chat on the phone with these digits, and reads every message there.
    pub fn open_phone(&self, phone_digits: &str) {
        let now = self.shared.clock.timestamp();
        for (message, was_delivered) in self.shared.inbox.open(phone_digits, now) {
            self.send_read(&message, was_delivered);
        }
    }

    fn send_read(&self, message: &InboxMessage, was_delivered: bool) {
        if let Some(webhook) = self.shared.webhooks.hold(self.webhook().with(self.read_change(message, was_delivered)))
            && self.shared.webhooks.are_wanted()
        {
            self.send_webhook(webhook);
        }
    }

    async fn take_step(&self, message: &InboxMessage, step: Step, pending: &Arc<Pending>) {
        let change = match step {
            Step::Sent => self.status_change(message, "sent"),
            Step::Failed => self.status_change(message, "failed"),
            Step::Delivered => {
                if !self.shared.inbox.deliver(&message.id) {
                    return;
                }
                self.status_change(message, "delivered")
            }
            Step::Read => {
                let now = self.shared.clock.timestamp();
                let Some(was_delivered) = self.shared.inbox.read(&message.id, now) else { return };
                self.read_change(message, was_delivered)
            }
        };
        if let Some(webhook) = self.shared.webhooks.hold(self.webhook().with(change)) {
            self.deliver(webhook, pending).await;
        }
    }

    /// `read` has the price only if there was no `delivered`.
    fn read_change(&self, message: &InboxMessage, was_delivered: bool) -> Change {
        let mut change = self.status_change(message, "read");
        if !was_delivered {
            change.value["statuses"][0]["pricing"] = pricing();
        }
        change
    }

    /// A status of a message, to be changed at will and put into [`statuses_change`](Self::statuses_change): `sent`,
    /// `delivered`, `read` or any other word. `failed` has the message's failure, or 131026.
    #[must_use]
    pub fn status(&self, message: &InboxMessage, status: &str) -> Value {
        let recipient = digits(&message.to);
        let mut object = json!({
            "id": message.id,
            "status": status,
            "timestamp": self.shared.clock.timestamp().as_second().to_string(),
            "recipient_id": recipient,
            "recipient_user_id": user_id(&recipient),
        });
        if let Some(data) = &message.biz_opaque_callback_data {
            object["biz_opaque_callback_data"] = json!(data);
        }
        match status {
            "sent" | "delivered" => object["pricing"] = pricing(),
            "failed" => object["errors"] = json!([error(message.failure.as_ref().map_or(131_026, |f| f.code))]),
            _ => {}
        }
        object
    }

    /// The status `failed` of a message, with these codes.
    #[must_use]
    pub fn failed_status(&self, message: &InboxMessage, codes: &[u32]) -> Value {
        let mut status = self.status(message, "failed");
        status["errors"] = codes.iter().map(|code| error(*code)).collect();
        status
    }

    /// The change of field `messages` with exactly these statuses.
    #[must_use]
    pub fn statuses_change(&self, statuses: Vec<Value>) -> Change {
        let mut value = self.about_messages();
        value["statuses"] = statuses.into();
        Change::new("messages", value)
    }

    /// The change of field `messages` with one status of a message, complete as in ordinary traffic.
    #[must_use]
    pub fn status_change(&self, message: &InboxMessage, status: &str) -> Change {
        let mut change = self.statuses_change(vec![self.status(message, status)]);
        if status != "failed" {
            change.value["contacts"] = json!([contact(&digits(&message.to), status != "sent")]);
        }
        change
    }

    /// Returns the members that every change of the field `messages` has.
    pub(crate) fn about_messages(&self) -> Value {
        let settings = self.settings();
        json!({
            "messaging_product": "whatsapp",
            "metadata": {
                "display_phone_number": digits(&settings.display_phone_number),
                "phone_number_id": settings.phone_number_id,
            },
        })
    }
}

/// An error as webhooks write it.
pub(crate) fn error(code: u32) -> Value {
    let title = catalog::entry(code).title;
    json!({
        "code": code,
        "title": title,
        "message": title,
        "error_data": { "details": title },
        "href": "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes",
    })
}

/// The person behind a number, with a name beyond ASCII, as receivers must neither fail on it nor keep it.
pub(crate) fn contact(digits: &str, with_username: bool) -> Value {
    let mut contact = json!({ "profile": { "name": "Zoë 😀" }, "wa_id": digits, "user_id": user_id(digits) });
    if with_username {
        contact["profile"]["username"] = json!("zoe.k");
    }
    contact
}

/// The business-scoped id of the user with this number.
pub(crate) fn user_id(digits: &str) -> String {
    let hash = Sha256::digest(digits.as_bytes());
    let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("US.{number:020}")
}

fn pricing() -> Value {
    json!({ "billable": true, "pricing_model": "PMP", "type": "regular", "category": "authentication" })
}
