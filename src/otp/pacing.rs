//! The pace of a sender.

use std::num::NonZeroU32;
use std::time::Duration;

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
