//! Log lines about events that strangers can cause at will, limited to one a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time between two lines about the same.
const INTERVAL: Duration = Duration::from_secs(1);

/// Counts events between log lines.
#[derive(Default)]
pub(crate) struct LogThrottle(Mutex<(Option<Instant>, u64)>);

impl LogThrottle {
    /// Counts an event. If a line is due, returns the number of events since the last line, this one included.
    pub(crate) fn count(&self) -> Option<u64> {
        self.count_at(Instant::now())
    }

    fn count_at(&self, now: Instant) -> Option<u64> {
        let (last_line, unreported) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *unreported += 1;
        if last_line.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            return None;
        }
        *last_line = Some(now);
        Some(std::mem::take(unreported))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_once_a_second_and_counts_all_events_since_the_last() {
        let (throttle, began) = (LogThrottle::default(), Instant::now());
        let count_at = |milliseconds| throttle.count_at(began + Duration::from_millis(milliseconds));
        assert_eq!([count_at(0), count_at(1), count_at(999), count_at(1_000)], [Some(1), None, None, Some(3)]);
        assert_eq!([count_at(1_999), count_at(5_000)], [None, Some(2)]);
    }
}
