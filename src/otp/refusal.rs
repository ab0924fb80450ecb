//! Refusals of messages.

use std::time::Duration;

use super::{Refund, UndeliveredReason};

/// A message that was certainly not sent. Prints without the recipient.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// The kind, which decides what follows.
    pub kind: RefusalKind,
    /// The reason why the message does not arrive, as the app is told.
    pub reason: UndeliveredReason,
    /// The sender's own error code, if it gave one.
    pub code: Option<i64>,
    /// The event, for logs.
    pub detail: String,
}

impl Refusal {
    /// A refusal without an error code, for the usual reason of its kind.
    #[must_use]
    pub fn new(kind: RefusalKind, detail: String) -> Self {
        Self { kind, reason: kind.usual_reason(), code: None, detail }
    }
}

/// The reason for a refusal, by what must follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// No connection was established, so nothing was sent.
    Unreachable,
    /// Sends failed so often that none is attempted for a while.
    Suspended,
    /// The sender is not ready: it lacks something that every message needs, such as an approved template.
    NotReady,
    /// A transient failure on the other side outlasted the retries.
    Transient,
    /// The business is sending too much at the moment.
    Throttled,
    /// This recipient has received too much at the moment.
    RecipientThrottled {
        /// The time until the next message to this recipient may succeed.
        retry_after: Duration,
    },
    /// This recipient is unreachable over this channel.
    Recipient,
    /// The operator has to act: token, account, number or template.
    Operator,
    /// The request was invalid: a bug in this program.
    Request,
}

impl RefusalKind {
    /// Returns the refund to the caller. Only what certainly caused no cost is refunded.
    #[must_use]
    pub fn refund(self) -> Refund {
        match self {
            Self::Unreachable | Self::Suspended | Self::NotReady => Refund::Everything,
            Self::Transient | Self::Throttled | Self::Operator | Self::Request => Refund::AllButAddress,
            Self::Recipient | Self::RecipientThrottled { .. } => Refund::Nothing,
        }
    }

    /// Returns the reason why the message does not arrive, unless the sender says more.
    fn usual_reason(self) -> UndeliveredReason {
        match self {
            Self::Unreachable => UndeliveredReason::Unreachable,
            Self::Suspended => UndeliveredReason::Sender,
            Self::NotReady => UndeliveredReason::Template,
            Self::Transient => UndeliveredReason::ChannelFailed,
            Self::Throttled => UndeliveredReason::Throttled,
            Self::RecipientThrottled { .. } => UndeliveredReason::RecipientThrottled,
            Self::Recipient => UndeliveredReason::NotOnWhatsApp,
            Self::Operator => UndeliveredReason::Account,
            Self::Request => UndeliveredReason::Request,
        }
    }

    /// Returns the name in logs and metrics.
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
