//! Stops sending for a while when WhatsApp keeps failing, so that callers are told at once instead of after a time-out.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;

use crate::telemetry::metrics::BREAKER_STATE;

/// Sends in a row that must fail before sending is suspended.
const FAILURES: u32 = 10;
/// How long it is suspended before one send may try.
const SUSPENDED_FOR: Duration = Duration::from_secs(5);

/// Counts sends that WhatsApp failed to take. What it refused for a reason is no failure: it works.
///
/// Closed, it lets all through. After [`FAILURES`] in a row it is open and lets none through; after
/// [`SUSPENDED_FOR`] it lets one through, and closes or opens again with that one's outcome.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// Whether a send may be tried at `now`. If it may although the breaker is open, it is the one that tries, and for
    /// as long as it may take no other does.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Closed { .. } => true,
            State::Open { until } if now < until => false,
            State::Open { .. } => {
                *state = State::Open { until: now + SUSPENDED_FOR };
                show(HALF_OPEN);
                true
            }
        }
    }

    /// WhatsApp answered.
    pub(super) fn succeeded(&self) {
        let before = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if matches!(before, State::Open { .. }) {
            show(CLOSED);
            tracing::info!("WhatsApp answers again; sending is resumed");
        }
    }

    /// WhatsApp failed.
    pub(super) fn failed(&self, now: Instant) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::Closed { failures } if *failures + 1 < FAILURES => *failures += 1,
            State::Closed { .. } => {
                tracing::error!(failures = FAILURES, suspended_for = ?SUSPENDED_FOR, "WhatsApp keeps failing; sending is suspended");
                *state = State::Open { until: now + SUSPENDED_FOR };
                show(OPEN);
            }
            State::Open { until } => {
                *until = now + SUSPENDED_FOR;
                show(OPEN);
            }
        }
    }
}

/// Values of the metric.
const CLOSED: f64 = 0.0;
const OPEN: f64 = 1.0;
const HALF_OPEN: f64 = 2.0;

fn show(state: f64) {
    gauge!(BREAKER_STATE).set(state);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(now: Instant) -> Breaker {
        let breaker = Breaker::default();
        for _ in 0..FAILURES {
            assert!(breaker.admits(now));
            breaker.failed(now);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_any_answer_starts_the_count_again() {
        let now = Instant::now();
        let breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..FAILURES {
                breaker.failed(now);
            }
            breaker.succeeded();
        }
        assert!(breaker.admits(now));
        assert!(!open(now).admits(now));
    }

    #[test]
    fn after_a_while_one_send_tries() {
        let now = Instant::now();
        let breaker = open(now);
        let almost = SUSPENDED_FOR.checked_sub(Duration::from_millis(1)).unwrap();
        assert!(!breaker.admits(now + almost));
        let later = now + SUSPENDED_FOR;
        assert!(breaker.admits(later));
        assert!(!breaker.admits(later), "only one tries");
        breaker.failed(later);
        assert!(!breaker.admits(later + almost));
        assert!(breaker.admits(later + SUSPENDED_FOR));
        breaker.succeeded();
        assert!(breaker.admits(later + SUSPENDED_FOR));
        assert!(breaker.admits(later + SUSPENDED_FOR));
    }

    #[test]
    fn a_send_that_tried_and_never_told_does_not_keep_it_open() {
        let now = Instant::now();
        let breaker = open(now);
        assert!(breaker.admits(now + SUSPENDED_FOR));
        assert!(breaker.admits(now + 2 * SUSPENDED_FOR));
    }
}
