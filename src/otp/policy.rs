//! What the operator allows: lifetimes, attempts and limits.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use super::{CodeLength, Destinations};

/// Everything the store and the service decide by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Digits of a code.
    pub code_length: CodeLength,
    /// How long a code can be verified after it was made.
    pub code_lifetime: Duration,
    /// How long its record outlives it, to tell an expired code from an unknown one.
    pub linger: Duration,
    /// Guesses that are compared with one code before it locks.
    pub max_attempts: u32,
    /// How often is too often.
    pub limits: Limits,
    /// The longest that sending a code may take. A code that was not refused by then has replaced the earlier ones.
    pub send_time: Duration,
    /// How fast the sender may go, if that is limited.
    pub pacing: Option<Pacing>,
}

/// What the sender may send, over all instances: codes beyond it wait their turn, but not for long.
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

/// The limits; those of how often are `None` when switched off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// Sends to one phone.
    pub per_phone: Option<Limit>,
    /// Least time between two sends to one phone.
    pub resend_cooldown: Option<Duration>,
    /// Sends for one client address.
    pub per_ip: Option<Limit>,
    /// Guesses from one client address, right ones included, whether there is a code or not.
    pub checks_per_ip: Option<Limit>,
    /// Sends of the whole app, counted in slices of the window: up to a thirtieth of it may pass before a send that left the
    /// window makes room.
    pub total: Option<Limit>,
    /// Wrong guesses for one phone, over all its codes, from one address as well as in all. A new code does not reset them
    /// (NIST SP 800-63B-4, 3.2.2). Of those in all no address causes more than its [`share`](Limit::share), so that nobody
    /// closes another's phone alone; the phone takes a third more guesses than the limit at most.
    pub failures_per_phone: Option<Limit>,
    /// The numbers that codes may be sent to.
    pub destinations: Destinations,
}

/// At most `max` events in any window of length `window`, wherever the window starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Events that fit.
    pub max: u32,
    /// Length of the window, whole milliseconds.
    pub window: Duration,
}

/// The text is not `COUNT/WINDOW`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("COUNT/WINDOW with a count of 1 to {most} and a window of 1s to 31days, such as 5/1h, or off")]
pub struct LimitError {
    most: u32,
}

impl Limit {
    /// The highest count of a limit that keeps a moment for each event.
    pub const MAX: u32 = 10_000;
    /// The highest count of a limit that counts by slices.
    pub const MAX_TOTAL: u32 = 100_000_000;
    const WINDOWS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(31 * 24);
}

impl Limit {
    /// Reads `COUNT/WINDOW` with a count of up to `most`.
    ///
    /// # Errors
    ///
    /// [`LimitError`] for anything else.
    pub fn parse(text: &str, most: u32) -> Result<Self, LimitError> {
        let error = LimitError { most };
        let (max, window) = text.split_once('/').ok_or(error)?;
        let max = max.trim().parse().map_err(|_| error)?;
        let window = humantime::parse_duration(window.trim()).map_err(|_| error)?;
        let whole = window.subsec_nanos().is_multiple_of(1_000_000);
        let fine = (1..=most).contains(&max) && Self::WINDOWS.contains(&window) && whole;
        if fine { Ok(Self { max, window }) } else { Err(error) }
    }

    /// What counts of one address against what others share: two thirds.
    #[must_use]
    pub fn share(&self) -> u32 {
        (self.max - self.max / 3).max(1)
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        Self::parse(text, Self::MAX)
    }
}

/// `5/1h`, as it is written in settings.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.max, humantime::format_duration(self.window))
    }
}

/// Which limit was reached. Its name is that of the setting, in logs, metrics and scripts alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// `limits.per_phone`
    PerPhone,
    /// `limits.resend_cooldown`
    ResendCooldown,
    /// `limits.per_ip`
    PerIp,
    /// `limits.checks_per_ip`
    ChecksPerIp,
    /// `limits.total`
    Total,
    /// `limits.failures_per_phone`
    FailuresPerPhone,
}

impl LimitKind {
    /// Every limit there is.
    pub const ALL: [Self; 6] =
        [Self::PerPhone, Self::ResendCooldown, Self::PerIp, Self::ChecksPerIp, Self::Total, Self::FailuresPerPhone];

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PerPhone => "per_phone",
            Self::ResendCooldown => "resend_cooldown",
            Self::PerIp => "per_ip",
            Self::ChecksPerIp => "checks_per_ip",
            Self::Total => "total",
            Self::FailuresPerPhone => "failures_per_phone",
        }
    }

    /// The limit of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_written_as_count_and_window() {
        let limit: Limit = "5/1h".parse().unwrap();
        assert_eq!(limit, Limit { max: 5, window: Duration::from_hours(1) });
        assert_eq!(limit.to_string(), "5/1h");
        assert_eq!(" 15 / 24h ".parse::<Limit>().unwrap().max, 15);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "5", "5/", "/1h", "0/1h", "-1/1h", "5/1", "5/0s", "10001/1h", "5/32days", "5/1h30ns", "five/1h"]
        {
            assert_eq!(text.parse::<Limit>(), Err(LimitError { most: 10_000 }), "{text}");
        }
        assert_eq!(Limit::parse("10001/1h", Limit::MAX_TOTAL).unwrap().max, 10_001);
        assert!(Limit::parse("100000001/1h", Limit::MAX_TOTAL).is_err());
    }

    #[test]
    fn one_address_may_use_up_two_thirds_of_a_shared_limit() {
        let share = |text: &str| text.parse::<Limit>().unwrap().share();
        assert_eq!(["1/1h", "2/1h", "3/1h", "15/24h"].map(share), [1, 2, 2, 10]);
    }

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

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in LimitKind::ALL {
            assert_eq!(LimitKind::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(LimitKind::from_name("other"), None);
    }
}
