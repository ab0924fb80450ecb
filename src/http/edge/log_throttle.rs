//! Events that strangers can cause as often as they please, and that the log is told at most once a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two lines about the same.
const BETWEEN_LINES: Duration = Duration::from_secs(1);

/// Counts events between lines of the log.
#[derive(Default)]
pub(in crate::http) struct LogThrottle(Mutex<State>);

#[derive(Default)]
struct State {
    last_line: Option<Instant>,
    untold: u64,
}

impl LogThrottle {
    /// Counts one. If a line is due, the number of events to tell of, this one included.
    pub(in crate::http) fn count(&self) -> Option<u64> {
        self.count_at(Instant::now())
    }

    fn count_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.untold += 1;
        if state.last_line.is_some_and(|last| now.saturating_duration_since(last) < BETWEEN_LINES) {
            return None;
        }
        state.last_line = Some(now);
        Some(std::mem::take(&mut state.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_once_a_second_and_tells_of_all_since_the_last() {
        let (throttle, began) = (LogThrottle::default(), Instant::now());
        let count_at = |milliseconds| throttle.count_at(began + Duration::from_millis(milliseconds));
        assert_eq!([count_at(0), count_at(1), count_at(999), count_at(1_000)], [Some(1), None, None, Some(3)]);
        assert_eq!([count_at(1_999), count_at(5_000)], [None, Some(2)]);
    }
}
