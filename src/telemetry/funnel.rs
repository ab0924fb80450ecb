//! The funnel: how many verifications get how far, by app and channel, and what became of messages that did not arrive.

use std::time::Duration;

use metrics::{counter, histogram};

use super::metrics::{APPROVAL_SECONDS, FUNNEL_TOTAL, UNDELIVERED_TOTAL};

/// A step that a verification takes at most once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It was asked for, and no limit forbade it.
    Created,
    /// The channel took its first message.
    Sent,
    /// Its first message is on the phone.
    Delivered,
    /// Its number is proved.
    Approved,
}

impl Step {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Approved => "approved",
        }
    }
}

/// Counts a step of a verification of that app, over that channel. Verifications of test keys are not counted.
pub(crate) fn step(app: &str, channel: &str, step: Step) {
    let (app, channel) = (app.to_owned(), channel.to_owned());
    counter!(FUNNEL_TOTAL, "app" => app, "channel" => channel, "step" => step.as_str()).increment(1);
}

/// Counts a message that did not arrive, or was never sent, by the name of the reason.
pub(crate) fn undelivered(channel: &str, reason: &'static str) {
    counter!(UNDELIVERED_TOTAL, "channel" => channel.to_owned(), "reason" => reason).increment(1);
}

/// Records the time from a message's arrival to the approval.
pub(crate) fn approved_after(delivery: Duration) {
    histogram!(APPROVAL_SECONDS).record(delivery);
}
