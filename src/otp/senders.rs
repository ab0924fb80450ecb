//! Senders, by channel: what delivers an app's codes, each at its own pace.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::{Channel, CodeSender};

/// A sender and what it may send.
#[derive(Clone)]
pub struct Sender {
    /// The channel that it delivers over.
    pub channel: Channel,
    /// How fast it may go, if that is limited.
    pub pacing: Option<Pacing>,
    /// What sends.
    pub by: Arc<dyn CodeSender>,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("channel", &self.channel).field("pacing", &self.pacing).finish_non_exhaustive()
    }
}

/// What an app's codes are sent by: at least one sender, the preferred one first.
#[derive(Debug, Clone)]
pub struct Senders {
    preferred: Sender,
    others: Vec<Sender>,
}

impl Senders {
    /// One sender.
    #[must_use]
    pub fn one(sender: Sender) -> Self {
        Self { preferred: sender, others: Vec::new() }
    }

    /// Adds a sender, behind those that are there.
    pub fn add(&mut self, sender: Sender) {
        self.others.push(sender);
    }

    /// The sender of codes for which no channel was asked.
    #[must_use]
    pub fn preferred(&self) -> &Sender {
        &self.preferred
    }

    /// The sender of that channel.
    #[must_use]
    pub fn of(&self, channel: &Channel) -> Option<&Sender> {
        self.iter().find(|sender| sender.channel == *channel)
    }

    /// Every sender, the preferred one first.
    pub fn iter(&self) -> impl Iterator<Item = &Sender> {
        std::iter::once(&self.preferred).chain(&self.others)
    }
}

/// What a sender may send, over all instances: codes beyond it wait their turn, but not for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pacing {
    /// Names the sender, of which there may be several on one store: letters, digits, `-` and `_`.
    pub sender: String,
    /// Messages in any second.
    pub per_second: NonZeroU32,
    /// The longest that a code may wait for its turn.
    pub max_wait: Duration,
}

impl Pacing {
    /// The time between two messages: a little more than their share of a second, for messages that are under way for
    /// different times.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_millis(1_050) / self.per_second.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_spreads_a_seconds_messages_over_a_little_more() {
        let pacing = |per_second| Pacing {
            sender: String::new(),
            per_second: NonZeroU32::new(per_second).unwrap(),
            max_wait: Duration::ZERO,
        };
        assert_eq!(pacing(80).interval(), Duration::from_micros(13_125));
        assert_eq!(pacing(1_000).interval(), Duration::from_micros(1_050));
    }
}
