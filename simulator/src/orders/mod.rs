//! Orders: failures of the next messages, on request.
//!
//! A recipient's number can be an order ([`by_number`]), and orders can be queued ([`queue`], over HTTP in [`api`]) for
//! the next send or sends, to any recipient or to one. A queued order takes precedence over the number's. Orders apply
//! only to sends that would otherwise be accepted: authentication, account and body are checked first.

pub(crate) mod api;
pub(crate) mod by_number;
pub(crate) mod queue;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The longest delay of an answer.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// The longest time to delivery.
pub(crate) const LATEST_DELIVERY: Duration = Duration::from_hours(3);

/// The outcome of a send, instead of plain acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// Refuse it with this error.
    Error {
        /// The code, which Meta's table gives a title and a status.
        code: u32,
        /// An HTTP status other than the table's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        http: Option<u16>,
        /// Seconds for a `Retry-After` header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
    },
    /// Accept it after a delay. A client that disconnects before has sent nothing.
    Slow {
        /// The delay, at most two minutes.
        milliseconds: u64,
    },
    /// Never answer.
    Hang {
        /// The message is delivered nevertheless, which the client cannot know.
        #[serde(default)]
        taken: bool,
    },
    /// Accept it and send it, but never deliver: the phone is off.
    Undelivered {},
    /// Accept it, then fail the message with this code.
    FailLater {
        /// The code of the failure.
        code: u32,
    },
    /// Accept it, and deliver it late.
    DeliverLate {
        /// The time from acceptance to delivery, at most three hours.
        milliseconds: u64,
    },
    /// Accept it. Nobody hears of it again, and it never arrives.
    Silent {},
    /// Accept it, and deliver it into an open chat: it is read without a word that it was sent or delivered.
    ReadOnly {},
    /// Accept it, but answer only after a delay, so that its webhooks come before the answer.
    AnswerLate {
        /// The delay, at most two minutes.
        milliseconds: u64,
    },
    /// Accept it, but answer with this error.
    AnswerWrong {
        /// The code, which Meta's table gives a title and a status.
        code: u32,
    },
    /// Answer with a proxy's HTML page instead of Graph's JSON.
    Html {
        /// The page's HTTP status.
        http: u16,
    },
}

/// A behaviour waiting for its sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    /// The recipient it applies to, in digits; `None` for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The number of sends it applies to.
    pub times: u32,
    /// The outcome of these sends.
    #[serde(flatten)]
    pub behaviour: Behaviour,
}

impl Order {
    /// Creates an order for the next send, to any recipient.
    #[must_use]
    pub fn once(behaviour: Behaviour) -> Self {
        Self { to: None, times: 1, behaviour }
    }

    /// Restricts the order to sends to this phone number.
    #[must_use]
    pub fn to(mut self, phone: &str) -> Self {
        self.to = Some(super::digits(phone));
        self
    }

    /// Extends the order to this many sends.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}
