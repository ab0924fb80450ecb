//! A circuit breaker for one sender: it suspends sending while WhatsApp keeps failing, so that callers learn of it
//! immediately instead of after a time-out.
//!
//! It judges by the recent sends of many callers. Some numbers fail every time, and a caller may choose just those, so only
//! a few failures count per client address.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use metrics::gauge;

use crate::otp::ClientAddress;
use crate::telemetry::metrics::BREAKER_STATE;

/// The number of counted failures that suspends sending, if they are also at least as many as the answers.
const FAILURES: usize = 10;
/// The most failures that count per client address.
const FAILURES_OF_ONE: usize = 3;
/// The most sends that are considered, and the greatest age of the oldest.
const CONSIDERED: (usize, Duration) = (100, Duration::from_secs(30));
/// The time for which sending is suspended before one send may try, and for which that send holds off others.
const SUSPENDED_FOR: Duration = Duration::from_secs(5);

/// The outcome of a send, as evidence about WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// WhatsApp answered, even if it refused the message for a reason.
    Answered,
    /// WhatsApp failed to accept the message, possibly because of the recipient.
    Failed,
    /// WhatsApp was unreachable, which does not depend on the recipient.
    Unreachable,
}

/// Closed, it lets all sends through. After [`FAILURES`] it opens and lets none through; after [`SUSPENDED_FOR`] it lets one
/// try, and closes or stays open depending on its outcome.
#[derive(Debug)]
pub(super) struct Breaker {
    state: Mutex<State>,
    /// The sender's name in metrics and logs.
    sender: String,
}

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
    /// A closed breaker for this sender.
    pub(super) fn new(sender: &str) -> Self {
        let breaker = Self { state: Mutex::default(), sender: sender.to_owned() };
        breaker.show(CLOSED);
        breaker
    }

    /// Returns `true` if a send would have a chance at `now`. Asking changes nothing, so it holds off nobody.
    pub(super) fn admits(&self, now: Instant) -> bool {
        match self.state().phase {
            Phase::Closed => true,
            Phase::Open { until } => now >= until,
        }
    }

    /// Returns `true` if a send may begin at `now`. If the breaker is open, this send is the one that tries, and holds off
    /// others for a while.
    pub(super) fn begin(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.phase {
            Phase::Closed => true,
            Phase::Open { until } if now < until => false,
            Phase::Open { .. } => {
                state.phase = Phase::Open { until: now + SUSPENDED_FOR };
                self.show(HALF_OPEN);
                true
            }
        }
    }

    /// Records the outcome of a send for `client`.
    pub(super) fn ended(&self, outcome: Outcome, client: Option<ClientAddress>, now: Instant) {
        let mut state = self.state();
        state.forget(now);
        let sample = Sample { at: now, client, outcome };
        let counts = state.counts(&sample);
        state.recent.push_back(sample);
        match state.phase {
            Phase::Open { .. } if outcome == Outcome::Answered => {
                *state = State::default();
                self.show(CLOSED);
                tracing::info!(sender = self.sender, "WhatsApp answers again; sending has resumed");
            }
            Phase::Open { .. } => {
                // A failure that does not count proves nothing: another send may try immediately.
                state.phase = Phase::Open { until: if counts { now + SUSPENDED_FOR } else { now } };
                self.show(OPEN);
            }
            Phase::Closed if outcome != Outcome::Answered => {
                let (failures, answered) = state.tally();
                if failures >= FAILURES && failures >= answered {
                    tracing::error!(
                        sender = self.sender,
                        failures,
                        answered,
                        suspended_for = ?SUSPENDED_FOR,
                        "WhatsApp keeps failing; sending is suspended"
                    );
                    state.phase = Phase::Open { until: now + SUSPENDED_FOR };
                    self.show(OPEN);
                }
            }
            Phase::Closed => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, value: f64) {
        gauge!(BREAKER_STATE, "sender" => self.sender.clone()).set(value);
    }
}

impl State {
    /// Drops sends that are too old, and makes room for one more.
    fn forget(&mut self, now: Instant) {
        let (most, oldest) = CONSIDERED;
        let outdated = |sample: &Sample| now.saturating_duration_since(sample.at) > oldest;
        while self.recent.len() >= most || self.recent.front().is_some_and(outdated) {
            self.recent.pop_front();
        }
    }

    /// Returns `true` if one more sample like this one counts.
    fn counts(&self, sample: &Sample) -> bool {
        let alike = |other: &&Sample| other.client == sample.client && other.outcome == Outcome::Failed;
        match (sample.outcome, sample.client) {
            (Outcome::Failed, Some(_)) => self.recent.iter().filter(alike).count() < FAILURES_OF_ONE,
            _ => true,
        }
    }

    /// Returns the number of failures that count, and of sends that were answered.
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

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::Outcome::{Answered, Failed, Unreachable};
    use super::*;
    use crate::telemetry::Metrics;

    #[expect(clippy::unnecessary_wraps, reason = "the type that a breaker takes")]
    fn client(last: u8) -> Option<ClientAddress> {
        Some(IpAddr::from([203, 0, 113, last]).into())
    }

    fn open(now: Instant) -> Breaker {
        let breaker = Breaker::new("test");
        for _ in 0..FAILURES {
            assert!(breaker.begin(now));
            breaker.ended(Unreachable, client(1), now);
        }
        breaker
    }

    #[test]
    fn it_opens_when_half_of_all_sends_fail() {
        let now = Instant::now();
        for (answered, opens) in [(0, true), (10, true), (11, false)] {
            let breaker = Breaker::new("test");
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
    fn one_address_cannot_open_it_with_numbers_that_fail() {
        let now = Instant::now();
        let breaker = Breaker::new("test");
        for _ in 0..1_000 {
            breaker.ended(Failed, client(1), now);
        }
        assert!(breaker.begin(now));
        // Callers without an address are trusted: they have a key, or addresses are not limited.
        for _ in 0..FAILURES {
            breaker.ended(Failed, None, now);
        }
        assert!(!breaker.begin(now));
    }

    #[test]
    fn each_sender_has_its_own() {
        let metrics = Metrics::install().unwrap();
        let (other, now) = (Breaker::new("other"), Instant::now());
        let failing = Breaker::new("failing");
        for _ in 0..FAILURES {
            failing.ended(Unreachable, None, now);
        }
        assert!(!failing.begin(now) && other.begin(now));
        let text = metrics.render();
        for series in [r#"{sender="failing"} 1"#, r#"{sender="other"} 0"#] {
            assert!(text.contains(&format!("\n{BREAKER_STATE}{series}\n")), "{series} is not in\n{text}");
        }
    }

    #[test]
    fn old_failures_do_not_count() {
        let now = Instant::now();
        let breaker = Breaker::new("test");
        for _ in 1..FAILURES {
            breaker.ended(Unreachable, None, now);
        }
        breaker.ended(Unreachable, None, now + CONSIDERED.1 + Duration::from_millis(1));
        assert!(breaker.begin(now + CONSIDERED.1 + Duration::from_millis(1)));
    }

    #[test]
    fn after_a_pause_one_send_tries() {
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
    fn asking_without_sending_holds_off_nobody() {
        let now = Instant::now();
        let breaker = open(now);
        assert!(!breaker.admits(now));
        for _ in 0..100 {
            assert!(breaker.admits(now + SUSPENDED_FOR));
        }
        assert!(breaker.begin(now + SUSPENDED_FOR));
    }

    #[test]
    fn after_a_failure_that_does_not_count_another_send_may_try_immediately() {
        let now = Instant::now();
        let breaker = Breaker::new("test");
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
    fn a_trial_without_an_outcome_does_not_keep_it_open() {
        let now = Instant::now();
        let breaker = open(now);
        assert!(breaker.begin(now + SUSPENDED_FOR));
        assert!(breaker.begin(now + 2 * SUSPENDED_FOR));
    }
}
