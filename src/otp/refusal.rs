//! Refusals of messages.

use std::time::Duration;

use super::Refund;

/// No message is on its way, for certain. Prints without the recipient.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// What follows from it.
    pub kind: RefusalKind,
    /// The sender's own error code, if it gave one.
    pub code: Option<i64>,
    /// What happened, for logs.
    pub detail: String,
}

/// Why a message was refused, by what has to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// No connection came about, so nothing went out.
    Unreachable,
    /// Sends failed so often just now that none is tried for a while.
    Suspended,
    /// The sender is not ready: it lacks something that no message goes without, such as an approved template.
    NotReady,
    /// A passing fault on the other side outlasted the retries.
    Transient,
    /// The business sends too much at the moment.
    Throttled,
    /// This recipient got too much at the moment.
    RecipientThrottled {
        /// Until the next message to this recipient has a chance.
        retry_after: Duration,
    },
    /// This recipient cannot be reached this way; another channel is needed.
    Recipient,
    /// The operator has to act: token, account, number or template.
    Operator,
    /// Our request was wrong: a fault of this program.
    Request,
}

impl RefusalKind {
    /// What is given back to whoever asked for the message. Only what surely cost nothing is.
    #[must_use]
    pub fn refund(self) -> Refund {
        match self {
            Self::Unreachable | Self::Suspended | Self::NotReady => Refund::Everything,
            Self::Transient | Self::Throttled | Self::Operator | Self::Request => Refund::AllButAddress,
            Self::Recipient | Self::RecipientThrottled { .. } => Refund::Nothing,
        }
    }

    /// The name in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Suspended => "suspended",
            Self::NotReady => "not_ready",
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::RecipientThrottled { .. } => "recipient_throttled",
            Self::Recipient => "recipient",
            Self::Operator => "operator",
            Self::Request => "request",
        }
    }
}
