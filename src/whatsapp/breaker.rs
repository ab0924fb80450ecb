//! Stops sending for a while when WhatsApp keeps failing, so that callers are told at once instead of after a time-out.
//!
//! It judges what recent sends of many callers came to. Some numbers fail every time, and a caller may ask for just those:
//! so of the failures that one client address meets, few count.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;

use crate::otp::ClientAddress;
use crate::telemetry::metrics::BREAKER_STATE;

/// Failures that must count, and be half of all that counts, before sending is suspended.
const FAILURES: usize = 10;
/// Failures that count of one client address.
const FAILURES_OF_ONE: usize = 3;
/// How many sends are judged, and how old the oldest may be.
const JUDGED: (usize, Duration) = (100, Duration::from_secs(30));
/// How long sending is suspended before one send may try, and how long that one keeps others from trying.
const SUSPENDED_FOR: Duration = Duration::from_secs(5);

/// What a send came to, as far as it tells something about WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// WhatsApp answered, if only to refuse the message for a reason.
    Answered,
    /// WhatsApp failed to take the message. It may be because of the recipient.
    Failed,
    /// WhatsApp could not be reached, whoever the recipient is.
    Unreachable,
}

/// Closed, it lets all sends through. With [`FAILURES`] it opens and lets none through; after [`SUSPENDED_FOR`] it lets one
/// try, and closes or opens again with what that one comes to.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    recent: VecDeque<Sample>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Closed,
    Open {
        until: Instant,
    },
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    client: Option<ClientAddress>,
    outcome: Outcome,
}

impl Breaker {
    /// Whether a send would have a chance at `now`. Asking changes nothing, so whoever asks and then does not send keeps
    /// nobody from trying.
    pub(super) fn admits(&self, now: Instant) -> bool {
        match self.state().phase {
            Phase::Closed => true,
            Phase::Open { until } => now >= until,
        }
    }

    /// Whether a send may begin at `now`. If it may although the breaker is open, it is the one that tries, and for as long
    /// as that may take no other does.
    pub(super) fn begin(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.phase {
            Phase::Closed => true,
            Phase::Open { until } if now < until => false,
            Phase::Open { .. } => {
                state.phase = Phase::Open { until: now + SUSPENDED_FOR };
                show(HALF_OPEN);
                true
            }
        }
    }

    /// Takes note of what a send for `client` came to.
    pub(super) fn ended(&self, outcome: Outcome, client: Option<ClientAddress>, now: Instant) {
        let mut state = self.state();
        state.forget(now);
        let sample = Sample { at: now, client, outcome };
        let counts = state.counts(&sample);
        state.recent.push_back(sample);
        match state.phase {
            Phase::Open { .. } if outcome == Outcome::Answered => {
                *state = State::default();
                show(CLOSED);
                tracing::info!("WhatsApp answers again; sending is resumed");
            }
            Phase::Open { .. } => {
                // A failure that does not count decides nothing: another send may try at once.
                state.phase = Phase::Open { until: if counts { now + SUSPENDED_FOR } else { now } };
                show(OPEN);
            }
            Phase::Closed if outcome != Outcome::Answered => {
                let (failures, answered) = state.tally();
                if failures >= FAILURES && failures >= answered {
                    tracing::error!(
                        failures,
                        answered,
                        suspended_for = ?SUSPENDED_FOR,
                        "WhatsApp keeps failing; sending is suspended"
                    );
                    state.phase = Phase::Open { until: now + SUSPENDED_FOR };
                    show(OPEN);
                }
            }
            Phase::Closed => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Drops what is too old to be judged, and makes room for one more.
    fn forget(&mut self, now: Instant) {
        let (most, oldest) = JUDGED;
        let outdated = |sample: &Sample| now.saturating_duration_since(sample.at) > oldest;
        while self.recent.len() >= most || self.recent.front().is_some_and(outdated) {
            self.recent.pop_front();
        }
    }

    /// Whether one more of these would count.
    fn counts(&self, sample: &Sample) -> bool {
        let alike = |other: &&Sample| other.client == sample.client && other.outcome == Outcome::Failed;
        match (sample.outcome, sample.client) {
            (Outcome::Failed, Some(_)) => self.recent.iter().filter(alike).count() < FAILURES_OF_ONE,
            _ => true,
        }
    }

    /// The failures that count, and the sends that were answered.
    fn tally(&self) -> (usize, usize) {
        let answered = self.recent.iter().filter(|sample| sample.outcome == Outcome::Answered).count();
        let count = |index: usize| {
            let sample = &self.recent[index];
            let earlier = self.recent.iter().take(index);
            let alike =
                earlier.filter(|other| other.client == sample.client && other.outcome == Outcome::Failed).count();
            match (sample.outcome, sample.client) {
                (Outcome::Answered, _) => false,
                (Outcome::Failed, Some(_)) => alike < FAILURES_OF_ONE,
                (Outcome::Failed | Outcome::Unreachable, _) => true,
            }
        };
        ((0..self.recent.len()).filter(|&index| count(index)).count(), answered)
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
    use std::net::IpAddr;

    use super::Outcome::{Answered, Failed, Unreachable};
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as it is for a breaker")]
    fn client(last: u8) -> Option<ClientAddress> {
        Some(IpAddr::from([203, 0, 113, last]).into())
    }

    fn open(now: Instant) -> Breaker {
        let breaker = Breaker::default();
        for _ in 0..FAILURES {
            assert!(breaker.begin(now));
            breaker.ended(Unreachable, client(1), now);
        }
        breaker
    }

    #[test]
    fn failures_that_are_half_of_all_open_it() {
        let now = Instant::now();
        for (answered, opens) in [(0, true), (10, true), (11, false)] {
            let breaker = Breaker::default();
            for _ in 0..answered {
                breaker.ended(Answered, client(9), now);
            }
            for last in 0..10 {
                assert!(breaker.begin(now), "after {last} failures and {answered} answers");
                breaker.ended(Failed, client(last), now);
            }
            assert_eq!(breaker.begin(now), !opens, "{answered} answers");
        }
        assert!(!open(now).begin(now));
    }

    #[test]
    fn one_address_cannot_open_it_by_numbers_that_fail() {
        let now = Instant::now();
        let breaker = Breaker::default();
        for _ in 0..1_000 {
            breaker.ended(Failed, client(1), now);
        }
        assert!(breaker.begin(now));
        // Callers whose addresses are not known are believed: they have a key, or nobody limits addresses.
        for _ in 0..FAILURES {
            breaker.ended(Failed, None, now);
        }
        assert!(!breaker.begin(now));
    }

    #[test]
    fn what_is_long_ago_does_not_count() {
        let now = Instant::now();
        let breaker = Breaker::default();
        for _ in 1..FAILURES {
            breaker.ended(Unreachable, None, now);
        }
        breaker.ended(Unreachable, None, now + JUDGED.1 + Duration::from_millis(1));
        assert!(breaker.begin(now + JUDGED.1 + Duration::from_millis(1)));
    }

    #[test]
    fn after_a_while_one_send_tries() {
        let now = Instant::now();
        let breaker = open(now);
        let almost = SUSPENDED_FOR.checked_sub(Duration::from_millis(1)).unwrap();
        assert!(!breaker.begin(now + almost));
        let later = now + SUSPENDED_FOR;
        assert!(breaker.begin(later));
        assert!(!breaker.begin(later) && !breaker.admits(later), "only one tries");
        breaker.ended(Unreachable, None, later);
        assert!(!breaker.begin(later + almost));
        assert!(breaker.begin(later + SUSPENDED_FOR));
        breaker.ended(Answered, None, later + SUSPENDED_FOR);
        assert!(breaker.begin(later + SUSPENDED_FOR));
        assert!(breaker.begin(later + SUSPENDED_FOR));
    }

    #[test]
    fn asking_without_sending_keeps_nobody_from_trying() {
        let now = Instant::now();
        let breaker = open(now);
        assert!(!breaker.admits(now));
        for _ in 0..100 {
            assert!(breaker.admits(now + SUSPENDED_FOR));
        }
        assert!(breaker.begin(now + SUSPENDED_FOR));
    }

    #[test]
    fn a_failure_that_does_not_count_lets_another_send_try_at_once() {
        let now = Instant::now();
        let breaker = Breaker::default();
        for _ in 0..FAILURES_OF_ONE {
            breaker.ended(Failed, client(1), now);
        }
        for last in 2..10 {
            breaker.ended(Failed, client(last), now);
        }
        let later = now + SUSPENDED_FOR;
        assert!(!breaker.begin(now) && breaker.begin(later));
        breaker.ended(Failed, client(1), later);
        assert!(breaker.begin(later), "it is another's turn");
        breaker.ended(Failed, client(11), later);
        assert!(!breaker.begin(later));
    }

    #[test]
    fn a_send_that_tried_and_never_told_does_not_keep_it_open() {
        let now = Instant::now();
        let breaker = open(now);
        assert!(breaker.begin(now + SUSPENDED_FOR));
        assert!(breaker.begin(now + 2 * SUSPENDED_FOR));
    }
}
