//! The rules for an app's verifications.

use std::time::Duration;

use super::{CodeLength, EventTypes, Limits};

/// Lifetimes, attempts and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The number of digits in a code.
    pub code_length: CodeLength,
    /// The time for which a code can be checked.
    pub code_lifetime: Duration,
    /// The time for which a verification's record remains after its code has expired, as a status.
    pub linger: Duration,
    /// The number of guesses that are compared with a code before it locks.
    pub max_attempts: u32,
    /// The maximum number of messages for one verification, over all channels.
    pub max_sends: u32,
    /// The minimum time between two messages for one verification that is resumed. The sample server's calls create a
    /// new one each time, to which [`Limits`] apply.
    pub resend_cooldown: Duration,
    /// The limits.
    pub limits: Limits,
    /// The maximum time for sending a code. A code that has not been refused by then replaces the earlier ones.
    pub send_time: Duration,
    /// The events that the app's endpoint is told of; none if it has no endpoint.
    pub events: EventTypes,
}
