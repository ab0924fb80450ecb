//! Meta's rate limits, as pure functions of the given instant.
//!
//! A refused call does not count: Meta does not document whether it does, and if it did, a client that retries too
//! eagerly would lock itself out forever.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

const PAIR_WINDOW: Duration = Duration::from_secs(6);
const PAIR_BURST: u32 = 45;
const HOUR: Duration = Duration::from_hours(1);

/// The limit on one sender's messages in any one second.
#[derive(Debug, Default)]
pub(crate) struct Throughput {
    sent: VecDeque<Instant>,
}

impl Throughput {
    /// Counts a send at `now`, or refuses it. Zero means no limit.
    pub(crate) fn admit(&mut self, now: Instant, per_second: u32) -> bool {
        if per_second == 0 {
            return true;
        }
        while let Some(oldest) = self.sent.front()
            && now.saturating_duration_since(*oldest) >= Duration::from_secs(1)
        {
            self.sent.pop_front();
        }
        if self.sent.len() >= per_second as usize {
            return false;
        }
        self.sent.push_back(now);
        true
    }
}

/// The limit on messages from one sender to each recipient.
///
/// The sustained rate is one in six seconds. A burst of up to 45 within six seconds borrows from the future: after
/// those six seconds, nothing passes until the burst's messages would have passed at the sustained rate.
#[derive(Debug, Default)]
pub(crate) struct PairLimit {
    pairs: HashMap<String, Burst>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Burst {
    began: Instant,
    messages: u32,
}

impl Burst {
    /// The instant at which a new burst may begin.
    fn settled(&self) -> Instant {
        self.began + PAIR_WINDOW * self.messages
    }
}

impl PairLimit {
    const SMALLEST_SWEEP: usize = 1024;

    /// Counts a message to `recipient` at `now`, or refuses it.
    pub(crate) fn admit(&mut self, now: Instant, recipient: &str) -> bool {
        if let Some(burst) = self.pairs.get_mut(recipient)
            && now < burst.settled()
        {
            let open = now < burst.began + PAIR_WINDOW && burst.messages < PAIR_BURST;
            burst.messages += u32::from(open);
            return open;
        }
        self.sweep(now);
        self.pairs.insert(recipient.to_owned(), Burst { began: now, messages: 1 });
        true
    }

    /// Forgets the messages to `recipient`, or to everyone.
    pub(crate) fn reset(&mut self, recipient: Option<&str>) {
        match recipient {
            Some(recipient) => drop(self.pairs.remove(recipient)),
            None => self.pairs.clear(),
        }
    }

    /// Removes settled bursts whenever the map has doubled, so that its size follows current traffic.
    fn sweep(&mut self, now: Instant) {
        if self.pairs.len() < self.sweep_at.max(Self::SMALLEST_SWEEP) {
            return;
        }
        self.pairs.retain(|_, burst| now < burst.settled());
        self.sweep_at = self.pairs.len() * 2;
    }
}

/// The limit on requests to register a number: ten in any 72 hours.
#[derive(Debug, Default)]
pub(crate) struct Registrations {
    requested: VecDeque<Instant>,
}

impl Registrations {
    const MOST: usize = 10;
    const WINDOW: Duration = Duration::from_hours(72);

    /// Counts a request at `now`, or refuses it.
    pub(crate) fn admit(&mut self, now: Instant) -> bool {
        self.requested.retain(|requested| now.saturating_duration_since(*requested) < Self::WINDOW);
        let admitted = self.requested.len() < Self::MOST;
        self.requested.extend(admitted.then_some(now));
        admitted
    }
}

/// The limit on calls in the hour that begins with the first of them.
#[derive(Debug, Default)]
pub(crate) struct HourlyBudget {
    began: Option<Instant>,
    spent: u32,
}

impl HourlyBudget {
    /// Counts a call at `now`, or refuses it.
    pub(crate) fn admit(&mut self, now: Instant, per_hour: u32) -> bool {
        let fresh = self.began.is_none_or(|began| now.saturating_duration_since(began) >= HOUR);
        if fresh {
            self.began = Some(now);
            self.spent = 0;
        }
        let admitted = self.spent < per_hour;
        self.spent += u32::from(admitted);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_message_over_the_limit_is_refused_until_the_second_has_passed() {
        let (mut throughput, start) = (Throughput::default(), Instant::now());
        assert!(throughput.admit(start, 2));
        assert!(throughput.admit(start + Duration::from_millis(600), 2));
        assert!(!throughput.admit(start + Duration::from_millis(999), 2));
        assert!(throughput.admit(start + seconds(1), 2));
        assert!(!throughput.admit(start + Duration::from_millis(1599), 2));
        assert!(throughput.admit(start + Duration::from_millis(1600), 2));
    }

    #[test]
    fn a_throughput_of_zero_means_no_limit_and_remembers_nothing() {
        let (mut throughput, start) = (Throughput::default(), Instant::now());
        assert!((0..10_000).all(|_| throughput.admit(start, 0)));
        assert!(throughput.sent.is_empty());
    }

    #[test]
    fn one_message_every_six_seconds_is_never_refused() {
        let (mut pairs, start) = (PairLimit::default(), Instant::now());
        assert!((0..100).all(|n| pairs.admit(start + seconds(6 * n), "15551234567")));
    }

    #[test]
    fn a_burst_ends_at_forty_five_messages() {
        let (mut pairs, start) = (PairLimit::default(), Instant::now());
        assert!((0..45).all(|_| pairs.admit(start, "15551234567")));
        assert!(!pairs.admit(start + seconds(5), "15551234567"));
    }

    #[test]
    fn a_burst_of_twenty_must_wait_two_minutes_and_refusals_add_nothing() {
        let (mut pairs, start) = (PairLimit::default(), Instant::now());
        assert!((0..20).all(|_| pairs.admit(start, "15551234567")));
        assert!((6..120).all(|n| !pairs.admit(start + seconds(n), "15551234567")));
        assert!(pairs.admit(start + seconds(120), "15551234567"));
    }

    #[test]
    fn recipients_do_not_share_a_pair_limit() {
        let (mut pairs, start) = (PairLimit::default(), Instant::now());
        assert!((0..45).all(|_| pairs.admit(start, "15551234567")));
        assert!(!pairs.admit(start, "15551234567"));
        assert!(pairs.admit(start, "15557654321"));
    }

    #[test]
    fn settled_pairs_are_forgotten() {
        let (mut pairs, start) = (PairLimit::default(), Instant::now());
        for n in 0..PairLimit::SMALLEST_SWEEP {
            pairs.admit(start, &n.to_string());
        }
        pairs.admit(start + seconds(6), "15551234567");
        assert_eq!(pairs.pairs.len(), 1);
    }

    #[test]
    fn an_hourly_budget_is_refilled_an_hour_after_its_first_call() {
        let (mut budget, start) = (HourlyBudget::default(), Instant::now());
        assert!(budget.admit(start, 2));
        assert!(budget.admit(start + seconds(3599), 2));
        assert!(!budget.admit(start + seconds(3599), 2));
        assert!(budget.admit(start + seconds(3600), 2));
    }
}
