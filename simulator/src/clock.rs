//! The simulator's clock: the machine's clocks plus the time by which a test has moved them forward.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// A clock that can be moved forward but never back.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_ms: AtomicU64,
}

impl Clock {
    /// Moves the clock forward.
    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead_ms.fetch_add(by, Ordering::Relaxed);
    }

    /// The current instant, to measure durations.
    pub(crate) fn instant(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.ahead()).unwrap_or(now)
    }

    /// The current time, to show to people and for rules that count days.
    pub(crate) fn timestamp(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.ahead()).unwrap_or(now)
    }

    fn ahead(&self) -> Duration {
        Duration::from_millis(self.ahead_ms.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_moves_both_clocks() {
        let clock = Clock::default();
        let (instant, timestamp) = (clock.instant(), clock.timestamp());
        clock.advance(Duration::from_mins(1));
        assert!(clock.instant() - instant >= Duration::from_mins(1));
        assert!(timestamp.duration_until(clock.timestamp()).as_secs() >= 60);
    }
}
