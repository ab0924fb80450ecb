//! Limits, as data: the events and the subject that each counts, and the number of events allowed in a window.
//!
//! To add a limit, add it to [`LIMITS`]; a limit by a new kind of subject also needs a [`Scope`]. Settings, stores,
//! `inspect` and metrics read this table.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{AppName, ClientAddress, Destinations, PhoneNumber, World};

/// A limit that operators can set as `limits.NAME`.
#[derive(Debug, PartialEq, Eq)]
pub struct LimitKind {
    /// Its name in settings, logs, metrics and scripts.
    pub name: &'static str,
    /// The subjects whose events are counted together.
    pub scope: Scope,
    /// The events that are counted.
    pub event: Counted,
    /// The way in which they are counted.
    pub counting: Counting,
    /// The format of the setting.
    pub written: Written,
}

/// Every limit. If several are reached, the one with the longest wait is reported, or the first among equals.
pub static LIMITS: [LimitKind; 6] = [
    limit("per_phone", Scope::Number, Counted::Send, Counting::Moments, Written::CountPerWindow),
    // A cooldown is a window with room for one send.
    limit("resend_cooldown", Scope::Number, Counted::Send, Counting::Moments, Written::Window),
    limit("per_ip", Scope::Address, Counted::Send, Counting::Moments, Written::CountPerWindow),
    limit("checks_per_ip", Scope::Address, Counted::Check, Counting::Moments, Written::CountPerWindow),
    limit("total", Scope::App, Counted::Send, Counting::Slices, Written::CountPerWindow),
    // Counts over all codes of the number: a new code does not reset it (NIST SP 800-63B-4, 3.2.2). It also applies to
    // each address, which causes at most its share (`Limit::share`) of the number's failures, so that one address
    // cannot lock another person's number.
    limit("failures_per_phone", Scope::Number, Counted::Failure, Counting::Moments, Written::CountPerWindow),
];

const fn limit(name: &'static str, scope: Scope, event: Counted, counting: Counting, written: Written) -> LimitKind {
    LimitKind { name, scope, event, counting, written }
}

impl LimitKind {
    /// Returns the limit with that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        LIMITS.iter().find(|kind| kind.name == name)
    }

    /// Returns the highest value that the limit may be set to.
    #[must_use]
    pub fn most(&self) -> u32 {
        match self.counting {
            Counting::Moments => 10_000,
            Counting::Slices => 100_000_000,
        }
    }
}

/// The subjects whose events a limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// One client address.
    Address,
    /// One app.
    App,
    /// One number, over all apps.
    Number,
}

impl Scope {
    /// Returns the subject that a limit of this scope counts; `None` if the limit does not apply.
    #[must_use]
    pub fn subject(self, about: &About<'_>) -> Option<Subject> {
        let world = about.app.world();
        Some(match self {
            Self::Address => Subject { world, prefix: "ip:", text: about.client?.to_string(), purpose: Some("ip") },
            Self::App => Subject { world, prefix: "app:", text: about.app.to_string(), purpose: None },
            Self::Number => {
                Subject { world, prefix: "", text: about.phone.digits().to_owned(), purpose: Some("phone") }
            }
        })
    }
}

/// The subjects of a decision.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The app.
    pub app: &'a AppName,
    /// The number.
    pub phone: &'a PhoneNumber,
    /// The client, if limits by address apply.
    pub client: Option<ClientAddress>,
}

/// A subject whose events are counted, as the store names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The world.
    pub world: World,
    /// The name of the scope.
    pub prefix: &'static str,
    /// The number, address or name.
    pub text: String,
    /// The purpose of the pseudonym to use instead of the text, if the text identifies a person.
    pub purpose: Option<&'static str>,
}

/// The events that a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// A message with a code.
    Send,
    /// A guess, right or wrong, with or without a pending code.
    Check,
    /// A wrong guess.
    Failure,
}

impl Counted {
    /// Returns the events' name in keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "sends",
            Self::Check => "checks",
            Self::Failure => "failures",
        }
    }
}

/// The way in which a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counting {
    /// Exactly, by the moment of each event.
    Moments,
    /// By slices of the window, for limits with many events. An event may count for up to a thirtieth of the window too
    /// long.
    Slices,
}

/// The format of a limit in settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// `5/1h`, or `off`.
    CountPerWindow,
    /// `30s`, for one event in that window; `0s` for no limit.
    Window,
}

/// At most `max` events in any window of length `window`, wherever the window starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The number of events.
    pub max: u32,
    /// The length of the window, in whole milliseconds.
    pub window: Duration,
}

/// A limit in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The kind of limit.
    pub kind: &'static LimitKind,
    /// Its value.
    pub limit: Limit,
}

/// The limits in force, and the numbers that may receive codes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    rules: Vec<Rule>,
    /// The numbers that may receive codes.
    pub destinations: Destinations,
}

impl Limits {
    /// Sets the limit of that kind, or turns it off.
    pub fn set(&mut self, kind: &'static LimitKind, limit: Option<Limit>) {
        self.rules.retain(|rule| rule.kind != kind);
        self.rules.extend(limit.map(|limit| Rule { kind, limit }));
    }

    /// Returns the limit with that name if it is on.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Limit> {
        self.rules.iter().find(|rule| rule.kind.name == name).map(|rule| rule.limit)
    }

    /// Returns the limits in force.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns the limit on wrong guesses, if it is on.
    #[must_use]
    pub fn failures(&self) -> Option<Rule> {
        self.rules.iter().find(|rule| rule.kind.event == Counted::Failure).copied()
    }

    /// Returns `true` if clients' sends are limited by address.
    #[must_use]
    pub fn know_clients(&self) -> bool {
        self.rules.iter().any(|rule| rule.kind.scope == Scope::Address && rule.kind.event == Counted::Send)
    }

    /// Returns the counters of an `event`, by scope, the number's last. Rules of one scope share a counter, except
    /// those that count by slices, whose slices depend on the window.
    #[must_use]
    pub fn counters(&self, event: Counted, about: &About<'_>) -> Vec<Counter> {
        let mut counters: Vec<Counter> = Vec::new();
        for &rule in self.rules.iter().filter(|rule| rule.kind.event == event) {
            let shared = |counter: &&mut Counter| {
                counter.scope == rule.kind.scope
                    && counter.counting == Counting::Moments
                    && rule.kind.counting == Counting::Moments
            };
            if let Some(counter) = counters.iter_mut().find(shared) {
                counter.rules.push(rule);
            } else if let Some(subject) = rule.kind.scope.subject(about) {
                let (scope, counting) = (rule.kind.scope, rule.kind.counting);
                counters.push(Counter { scope, subject, event, counting, rules: vec![rule] });
            }
        }
        counters.sort_by_key(|counter| counter.scope);
        counters
    }
}

/// The counter of one subject's events, and the rules for it: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// The scope.
    pub scope: Scope,
    /// The subject.
    pub subject: Subject,
    /// The events.
    pub event: Counted,
    /// The way in which they are counted.
    pub counting: Counting,
    /// The rules.
    pub rules: Vec<Rule>,
}

impl Counter {
    /// Returns the counter's name in keys.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (self.counting, self.rules.first()) {
            (Counting::Slices, Some(rule)) => rule.kind.name,
            _ => self.event.as_str(),
        }
    }

    /// Returns the longest window.
    #[must_use]
    pub fn window(&self) -> Duration {
        self.rules.iter().map(|rule| rule.limit.window).max().unwrap_or_default()
    }
}

/// The text is not `COUNT/WINDOW`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("COUNT/WINDOW with a count of 1 to {most} and a window of 1s to 31days, such as 5/1h, or off")]
pub struct LimitError {
    most: u32,
}

impl Limit {
    const WINDOWS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(31 * 24);

    /// Parses `COUNT/WINDOW` with a count of up to `most`.
    ///
    /// # Errors
    ///
    /// [`LimitError`] if the text has another format, or the count or window is out of range.
    pub fn parse(text: &str, most: u32) -> Result<Self, LimitError> {
        let error = LimitError { most };
        let (max, window) = text.split_once('/').ok_or(error)?;
        let max = max.trim().parse().map_err(|_| error)?;
        let window = humantime::parse_duration(window.trim()).map_err(|_| error)?;
        let whole = window.subsec_nanos().is_multiple_of(1_000_000);
        let fine = (1..=most).contains(&max) && Self::WINDOWS.contains(&window) && whole;
        if fine { Ok(Self { max, window }) } else { Err(error) }
    }

    /// Returns the number of one address's events that count towards a total shared with others: two thirds.
    #[must_use]
    pub fn share(&self) -> u32 {
        (self.max - self.max / 3).max(1)
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        Self::parse(text, 10_000)
    }
}

/// `5/1h`, as in settings.
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.max, humantime::format_duration(self.window))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

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
        let total = LimitKind::named("total").unwrap();
        assert_eq!(Limit::parse("10001/1h", total.most()).unwrap().max, 10_001);
        assert!(Limit::parse("100000001/1h", total.most()).is_err());
    }

    #[test]
    fn one_address_may_use_up_two_thirds_of_a_shared_limit() {
        let share = |text: &str| text.parse::<Limit>().unwrap().share();
        assert_eq!(["1/1h", "2/1h", "3/1h", "15/24h"].map(share), [1, 2, 2, 10]);
    }

    #[test]
    fn rules_of_one_scope_share_a_counter_and_the_number_comes_last() {
        let mut limits = Limits::default();
        for name in ["per_phone", "resend_cooldown", "per_ip", "checks_per_ip", "total", "failures_per_phone"] {
            limits.set(LimitKind::named(name).unwrap(), "5/1h".parse().ok());
        }
        let (app, phone) = (AppName::default(), PhoneNumber::parse("15551234567").unwrap());
        let client = Some(IpAddr::from([203, 0, 113, 7]).into());
        let shown = |limits: &Limits, event, client| {
            let counters = limits.counters(event, &About { app: &app, phone: &phone, client });
            let shown = counters.iter().map(|counter| {
                let rules: Vec<_> = counter.rules.iter().map(|rule| rule.kind.name).collect();
                format!("{}{} {}: {}", counter.subject.prefix, counter.subject.text, counter.name(), rules.join(" "))
            });
            shown.collect::<Vec<_>>()
        };
        let (total, number) = ("app:default total: total", "15551234567 sends: per_phone resend_cooldown");
        assert_eq!(shown(&limits, Counted::Send, client), ["ip:203.0.113.7 sends: per_ip", total, number]);
        assert_eq!(shown(&limits, Counted::Send, None), [total, number]);
        assert_eq!(shown(&limits, Counted::Check, client), ["ip:203.0.113.7 checks: checks_per_ip"]);
        limits.set(LimitKind::named("per_ip").unwrap(), None);
        assert_eq!(shown(&limits, Counted::Send, client), [total, number]);
    }
}
