//! The names of all keys.
//!
//! `{…}` is a Redis Cluster hash tag: all keys of one phone live in one slot. `v2` is the schema version, which
//! increases when the contents of a key or the answer of a script change.

use std::borrow::Cow;

use crate::otp::{
    AppName, ClientAddress, Counted, Counter, IdempotencyEntry, LimitKind, MessageId, Pacing, PhoneNumber, World,
};
use crate::store::redis::client::slots::{Slot, Slots};
use crate::store::redis::settings::{KeyPrefix, Subject};

const SCHEMA: &str = "v2";
const VERIFICATION: &str = "}:verification:";
/// Enough numbers to find keys in each slot.
const TAGS: u32 = 200_000;
/// The number of keys to choose from for a set of slots.
const KEYS: usize = 8;

/// Builds keys for one prefix and one kind of subject.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// `otp:v2:{`
    start: String,
    subject: Subject,
}

/// The keys for one number and one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NumberKeys {
    /// Hash: the verifications.
    pub(crate) verification: String,
    /// Moments of wrong guesses at the number.
    pub(crate) failures: String,
    /// Hash of the same by client address.
    pub(crate) guessers: String,
}

/// The keys of the events of one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventKeys {
    /// Stream: the events on their way to the endpoint.
    pub(crate) events: String,
    /// The places of events that were taken, by the moment at which they are due again.
    pub(crate) retries: String,
    /// The ids of events that were added by `add_event`, by moment.
    pub(crate) added: String,
    /// Stream: events that were given up.
    pub(crate) undelivered: String,
    /// Hash: the state of the endpoint.
    pub(crate) endpoint: String,
}

impl Keys {
    pub(crate) fn new(prefix: &KeyPrefix, subject: Subject) -> Self {
        Self { start: format!("{}:{SCHEMA}:{{", prefix.as_str()), subject }
    }

    pub(crate) fn number(&self, app: &AppName, phone: &PhoneNumber) -> NumberKeys {
        let start = self.of_phone(app, phone);
        NumberKeys {
            verification: [&start, VERIFICATION, app.as_str()].concat(),
            failures: [&start, "}:failures"].concat(),
            guessers: [&start, "}:guessers"].concat(),
        }
    }

    pub(crate) fn verification(&self, app: &AppName, phone: &PhoneNumber) -> String {
        [&self.of_phone(app, phone), VERIFICATION, app.as_str()].concat()
    }

    /// Returns the key that counts those events of a number, over all apps of the app's world.
    pub(crate) fn of_number(&self, app: &AppName, phone: &PhoneNumber, event: Counted) -> String {
        [&self.of_phone(app, phone), "}:", event.as_str()].concat()
    }

    /// Returns every key that counts events of a number, over all apps of the app's world.
    pub(crate) fn counters_of(&self, app: &AppName, phone: &PhoneNumber) -> [String; 4] {
        let guessers = [&self.of_phone(app, phone), "}:guessers"].concat();
        let [sends, checks, failures] =
            [Counted::Send, Counted::Check, Counted::Failure].map(|event| self.of_number(app, phone, event));
        [sends, checks, failures, guessers]
    }

    /// Returns the start of a number's keys in the app's world.
    fn of_phone(&self, app: &AppName, phone: &PhoneNumber) -> String {
        [&self.start, app.world().prefix(), &*self.masked("phone", phone.digits())].concat()
    }

    /// Returns the key that counts a subject's events.
    pub(crate) fn counter(&self, counter: &Counter) -> String {
        let subject = &counter.subject;
        let text = match subject.purpose {
            Some(purpose) => self.masked(purpose, &subject.text),
            None => subject.text.as_str().into(),
        };
        [&self.start, subject.world.prefix(), subject.prefix, &*text, "}:", counter.name()].concat()
    }

    /// Returns a client's address, or its pseudonym.
    pub(crate) fn guesser(&self, client: &ClientAddress) -> String {
        self.masked("ip", &client.to_string()).into_owned()
    }

    /// Returns a number or an address, or its pseudonym.
    fn masked<'t>(&self, purpose: &str, text: &'t str) -> Cow<'t, str> {
        match &self.subject {
            Subject::Phone => text.into(),
            Subject::Hashed(key) => key.pseudonym(purpose, text).into(),
        }
    }

    /// Returns the key of the sender's next turn.
    pub(crate) fn pace(&self, pacing: &Pacing) -> String {
        [&self.start, "sender:", &pacing.sender, "}:pace"].concat()
    }

    /// Returns the keys of the events of an app, all in one slot.
    pub(crate) fn events(&self, app: &AppName) -> EventKeys {
        let key = |name: &str| [&self.start, app.world().prefix(), "app:", app.as_str(), "}:", name].concat();
        EventKeys {
            events: key("events"),
            retries: key("retries"),
            added: key("added"),
            undelivered: key("undelivered"),
            endpoint: key("endpoint"),
        }
    }

    /// Returns the outbox of a number, where its events wait in a cluster until they are moved to those of their apps.
    pub(crate) fn outbox(&self, app: &AppName, phone: &PhoneNumber) -> String {
        [&self.of_phone(app, phone), "}:outbox"].concat()
    }

    /// Returns the key of all timers.
    pub(crate) fn timers(&self) -> String {
        [&self.start, "timers}:timers"].concat()
    }

    /// Returns the key of the verification whose code a message carries.
    pub(crate) fn message(&self, message: &MessageId) -> String {
        [&self.start, "message:", message.as_str(), "}:verification_of"].concat()
    }

    /// Returns the key of an idempotency key's entry. Its slot is its own, as repetitions may be about another number.
    pub(crate) fn idempotency(&self, entry: &IdempotencyEntry) -> String {
        [&self.start, "request:", entry.as_str(), "}:idempotency"].concat()
    }

    /// Returns the key of the suspensions of an account's parts.
    pub(crate) fn suspensions(&self, account: &str) -> String {
        [&self.start, "waba:", account, "}:suspensions"].concat()
    }

    /// Returns a key to write for acknowledgements. In a cluster, a primary only accepts keys of its own slots, and
    /// temporarily refuses those of a slot that is moving, so each attempt gets another key.
    pub(crate) fn acknowledgement(&self, slots: &Slots, attempt: usize) -> String {
        self.in_slots("ack", slots, attempt)
    }

    /// Returns a key to write for a probe.
    pub(crate) fn probe(&self, slots: &Slots) -> String {
        self.in_slots("probe", slots, 0)
    }

    /// Returns one of several keys with this name in these slots.
    fn in_slots(&self, name: &str, slots: &Slots, attempt: usize) -> String {
        let key = |tag: u32| format!("{}{name}:{tag}}}:{name}", self.start);
        if slots.count() == 0 {
            return key(0);
        }
        let mut fitting = (0..TAGS).map(key).filter(|key| slots.contains(Slot::of(key)));
        fitting.nth(attempt % KEYS).unwrap_or_else(|| key(0))
    }

    /// Returns the `SCAN` pattern for all verifications.
    pub(crate) fn verification_pattern(&self) -> String {
        format!("{}*{VERIFICATION}*", self.start)
    }

    /// Returns the pattern of every key, for `SCAN`.
    pub(crate) fn pattern(&self) -> String {
        format!("{}*", self.start)
    }

    /// Returns `true` for the key of a limit's counter.
    pub(crate) fn is_counter(&self, key: &str) -> bool {
        let name = key.strip_prefix(&self.start).and_then(|key| key.split_once("}:")).map(|(_, name)| name);
        let events = [Counted::Send, Counted::Check, Counted::Failure].map(Counted::as_str);
        name.is_some_and(|name| name == "guessers" || events.contains(&name) || LimitKind::named(name).is_some())
    }

    /// Returns the number, or its pseudonym, and the app in the key of a verification in the live world.
    pub(crate) fn subject_of<'k>(&self, key: &'k str) -> Option<(&'k str, &'k str)> {
        let (subject, app) = key.strip_prefix(&self.start)?.split_once(VERIFICATION)?;
        (!subject.starts_with(World::Test.prefix())).then_some((subject, app))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::otp::{About, LIMITS, Limits, OtpSecret};

    fn keys(subject: Subject) -> Keys {
        Keys::new(&KeyPrefix::parse("otp").unwrap(), subject)
    }

    fn phone() -> PhoneNumber {
        PhoneNumber::parse("15551234567").unwrap()
    }

    fn address(text: &str) -> ClientAddress {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn keys_are_spelled_as_documented() {
        let (keys, app) = (keys(Subject::Phone), AppName::default());
        let NumberKeys { verification, failures, guessers } = keys.number(&app, &phone());
        assert_eq!(verification, "otp:v2:{15551234567}:verification:default");
        assert_eq!(verification, keys.verification(&app, &phone()));
        assert_eq!(failures, "otp:v2:{15551234567}:failures");
        assert_eq!(guessers, "otp:v2:{15551234567}:guessers");
        assert_eq!(keys.verification_pattern(), "otp:v2:{*}:verification:*");
        assert_eq!(keys.subject_of(&verification), Some(("15551234567", "default")));
        let test = keys.verification(&app.in_world(World::Test), &phone());
        assert_eq!(test, "otp:v2:{test:15551234567}:verification:default");
        assert_eq!(keys.subject_of(&test), None);
        assert_eq!(keys.subject_of("other:v2:{1}:verification:default"), None);
    }

    #[test]
    fn the_keys_of_an_apps_events_are_in_one_slot() {
        let (keys, app) = (keys(Subject::Phone), AppName::default());
        let EventKeys { events, retries, added, undelivered, endpoint } = keys.events(&app);
        assert_eq!(events, "otp:v2:{app:default}:events");
        for other in [retries, added, undelivered, endpoint] {
            assert_eq!(Slot::of(&other), Slot::of(&events), "{other}");
        }
        assert_eq!(keys.events(&app.in_world(World::Test)).events, "otp:v2:{test:app:default}:events");
    }

    /// Returns the keys of all counters.
    fn counters(keys: &Keys, client: &str) -> Vec<String> {
        let mut limits = Limits::default();
        for kind in &LIMITS {
            limits.set(kind, "5/1h".parse().ok());
        }
        let about = About { app: &AppName::default(), phone: &phone(), client: Some(address(client)) };
        let counters = [Counted::Send, Counted::Check].map(|event| limits.counters(event, &about));
        counters.iter().flatten().map(|counter| keys.counter(counter)).collect()
    }

    #[test]
    fn counters_are_spelled_as_documented() {
        let keys = keys(Subject::Phone);
        assert_eq!(
            counters(&keys, "203.0.113.7"),
            [
                "otp:v2:{ip:203.0.113.7}:sends",
                "otp:v2:{app:default}:total",
                "otp:v2:{15551234567}:sends",
                "otp:v2:{ip:203.0.113.7}:checks"
            ]
        );
        assert!(counters(&keys, "2001:db8::1").contains(&"otp:v2:{ip:2001:db8::/64}:checks".to_owned()));
        assert_eq!(keys.counters_of(&AppName::default(), &phone())[0], "otp:v2:{15551234567}:sends");
    }

    #[test]
    fn every_counter_is_known_by_its_key_and_nothing_else_is() {
        let (keys, app) = (keys(Subject::Phone), AppName::default());
        let of_number = keys.counters_of(&app, &phone());
        for key in counters(&keys, "203.0.113.7").iter().chain(&of_number) {
            assert!(keys.is_counter(key), "{key}");
        }
        let events = keys.events(&app).events;
        for key in [keys.verification(&app, &phone()), keys.timers(), events, "other:v2:{1}:sends".to_owned()] {
            assert!(!keys.is_counter(&key), "{key}");
        }
    }

    #[test]
    fn what_is_written_to_be_waited_for_is_in_a_slot_of_the_server() {
        let keys = keys(Subject::Phone);
        assert_eq!(keys.acknowledgement(&Slots::all(), 0), "otp:v2:{ack:0}:ack");
        assert_eq!(keys.acknowledgement(&Slots::all(), 1), "otp:v2:{ack:1}:ack");
        let mut one = Slots::default();
        one.add(4_711..=4_711);
        for attempt in 0..2 {
            assert!(one.contains(Slot::of(&keys.acknowledgement(&one, attempt))));
        }
        assert_ne!(keys.acknowledgement(&one, 0), keys.acknowledgement(&one, 1));
        assert_eq!(keys.probe(&Slots::all()), "otp:v2:{probe:0}:probe");
        assert!(one.contains(Slot::of(&keys.probe(&one))));
    }

    #[test]
    fn hashed_keys_name_nobody_and_depend_on_the_secret() {
        let hashed = |byte| keys(Subject::Hashed(OtpSecret::new(vec![byte; 32]).unwrap()));
        let (one, app) = (hashed(1), AppName::default());
        let verification = one.verification(&app, &phone());
        assert!(!verification.contains("5551234567"), "{verification}");
        for counter in counters(&one, "203.0.113.7") {
            assert!(!counter.contains("203.0.113.7") && !counter.contains("5551234567"), "{counter}");
        }
        assert_eq!(verification, one.verification(&app, &phone()));
        assert_ne!(verification, hashed(2).verification(&app, &phone()));
    }
}
