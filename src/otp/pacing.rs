//! The pace of a sender.

use std::num::NonZeroU32;
use std::time::Duration;

/// The pace of a sender, over all instances: further codes wait their turn for a limited time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pacing {
    /// The name of the sender, as several may use one store: letters, digits, `-` and `_`.
    pub sender: String,
    /// The maximum number of messages in any second.
    pub per_second: NonZeroU32,
    /// The maximum time that a code may wait for its turn.
    pub max_wait: Duration,
}

impl Pacing {
    /// Returns the time between two messages: slightly more than their share of a second, as messages take different times
    /// to arrive.
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
