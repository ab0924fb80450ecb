//! Behaviour on order: how the next message is to go wrong.
//!
//! Orders come from two places. The recipient's number can be one ([`by_number`]); and orders can be
//! queued ([`queue`], over HTTP in [`api`]) for the next send or the next few, to anybody or to one
//! recipient. A queued order goes before the number's own. Either is applied only to a send that
//! would have been accepted otherwise: authentication, account and body are checked first.

pub(crate) mod api;
pub(crate) mod by_number;
pub(crate) mod queue;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// No answer is kept back for longer than this.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// How a send is to be answered instead of plainly accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// Refuse with this error.
    Error {
        /// The code; title and status come from Meta's table.
        code: u32,
        /// An HTTP status other than the table's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        http: Option<u16>,
        /// Seconds for a `Retry-After` header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
    },
    /// Accept, but only after a while. A client that has left by then sent nothing.
    Slow {
        /// How long to wait, at most two minutes.
        milliseconds: u64,
    },
    /// Never answer.
    Hang {
        /// Whether the message is delivered all the same, which the client cannot know.
        #[serde(default)]
        taken: bool,
    },
    /// Accept, and never deliver.
    Undelivered {},
    /// Accept, then fail the message with this code.
    FailLater {
        /// The code of the failure.
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
    /// The recipient it is meant for, in digits; `None` for whoever comes next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How many sends it applies to.
    pub times: u32,
    /// What happens to them.
    #[serde(flatten)]
    pub behaviour: Behaviour,
}

impl Order {
    /// An order for the next send, whoever it is to.
    #[must_use]
    pub fn once(behaviour: Behaviour) -> Self {
        Self { to: None, times: 1, behaviour }
    }

    /// The same order, but only for sends to this phone number.
    #[must_use]
    pub fn to(mut self, phone: &str) -> Self {
        self.to = Some(super::digits(phone));
        self
    }

    /// The same order, for that many sends.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}
