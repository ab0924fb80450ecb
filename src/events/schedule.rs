//! The times at which an event is tried again.

use std::time::Duration;

/// The waits between the attempts to deliver an event. The first attempt is at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Box<[Duration]>);

impl Schedule {
    /// The maximum of all waits together: Redis keeps an event for a week.
    pub const LONGEST: Duration = Duration::from_hours(5 * 24);
    /// The maximum number of waits.
    pub const MOST: usize = 20;

    /// Returns the schedule with these waits; `None` if they are too many or too long.
    #[must_use]
    pub fn new(waits: Vec<Duration>) -> Option<Self> {
        let fits = waits.len() <= Self::MOST && waits.iter().sum::<Duration>() <= Self::LONGEST;
        fits.then(|| Self(waits.into()))
    }

    /// Returns the wait after an event has failed for the nth time, within a fifth of the schedule's; `None` if that was
    /// the last attempt. A longer wait that the endpoint asked for is respected, up to the longest of the schedule.
    #[must_use]
    pub fn wait(&self, failures: u32, asked: Option<Duration>) -> Option<Duration> {
        let wait = self.0.get(usize::try_from(failures.checked_sub(1)?).ok()?)?;
        let wait = wait.mul_f64(rand::random_range(0.8..=1.2));
        let longest = self.0.iter().copied().max().unwrap_or_default();
        Some(wait.max(asked.unwrap_or_default().min(longest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn schedule() -> Schedule {
        Schedule::new(vec![5 * SECOND, 30 * SECOND, 120 * SECOND]).unwrap()
    }

    #[test]
    fn waits_are_those_of_the_schedule_within_a_fifth() {
        for (failures, wait) in [(1, 5), (2, 30), (3, 120)] {
            let waits: Vec<_> = (0..100).map(|_| schedule().wait(failures, None).unwrap()).collect();
            let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(*least >= SECOND * wait * 4 / 5 && *most <= SECOND * wait * 6 / 5 && least < most, "{waits:?}");
        }
        assert_eq!((schedule().wait(4, None), schedule().wait(0, None)), (None, None));
    }

    #[test]
    fn an_endpoint_may_ask_for_more_time_within_the_schedule() {
        assert_eq!(schedule().wait(1, Some(60 * SECOND)), Some(60 * SECOND));
        assert_eq!(schedule().wait(1, Some(3_600 * SECOND)), Some(120 * SECOND));
        assert!(schedule().wait(1, Some(SECOND)).unwrap() >= 4 * SECOND);
        assert_eq!(schedule().wait(4, Some(SECOND)), None);
    }

    #[test]
    fn a_schedule_ends_before_the_queue_forgets() {
        assert_eq!(Schedule::new(vec![Schedule::LONGEST, SECOND]), None);
        assert_eq!(Schedule::new(vec![SECOND; 21]), None);
        assert_eq!(Schedule::new(Vec::new()).unwrap().wait(1, None), None);
    }
}
