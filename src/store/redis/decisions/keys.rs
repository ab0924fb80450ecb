//! The only place where a key is spelled.
//!
//! `{…}` is a Redis Cluster hash tag: all keys of one phone live in one slot. `v1` is the schema version; a change
//! of what a key holds, or of what a script answers, changes it.

use std::borrow::Cow;

use super::reservation::ReservationKeys;
use crate::otp::{ClientAddress, NewCode, PhoneNumber, Policy};
use crate::store::redis::client::slots::{Slot, Slots};
use crate::store::redis::settings::{KeyPrefix, Subject};

const SCHEMA: &str = "v1";
const CODE_SUFFIX: &str = "}:code";
/// Enough to find keys in each slot.
const TAGS: u32 = 200_000;
/// How many of the keys in some slots are chosen from.
const KEYS: usize = 8;

/// Spells keys for one prefix and one kind of subject.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    /// `otp:v1:{`
    start: String,
    subject: Subject,
}

/// The keys of one phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PhoneKeys {
    /// Hash: the code's record.
    pub(crate) code: String,
    /// Window: sends to the phone.
    pub(crate) sends: String,
    /// Window: wrong guesses for the phone.
    pub(crate) failures: String,
    /// Hash of windows: the same by client address.
    pub(crate) guessers: String,
}

impl Keys {
    pub(crate) fn new(prefix: &KeyPrefix, subject: Subject) -> Self {
        Self { start: format!("{}:{SCHEMA}:{{", prefix.as_str()), subject }
    }

    pub(crate) fn phone(&self, phone: &PhoneNumber) -> PhoneKeys {
        let tag: Cow<'_, str> = match &self.subject {
            Subject::Phone => phone.digits().into(),
            Subject::Hashed(key) => key.pseudonym("phone", phone.digits()).into(),
        };
        let start = self.start.as_str();
        PhoneKeys {
            code: [start, &*tag, CODE_SUFFIX].concat(),
            sends: [start, &*tag, "}:sends"].concat(),
            failures: [start, &*tag, "}:failures"].concat(),
            guessers: [start, &*tag, "}:guessers"].concat(),
        }
    }

    /// All keys that reserving this code is about.
    pub(crate) fn reservation(&self, code: &NewCode, policy: &Policy) -> ReservationKeys {
        ReservationKeys {
            address: code.client.as_ref().map(|client| self.of_address(client, "sends")),
            guesser: code.client.as_ref().map(|client| self.address(client)),
            total: format!("{}total:default}}:sends", self.start),
            sender: self.sender_pace(policy),
            phone: self.phone(&code.phone),
        }
    }

    /// What stands for a client's address.
    pub(crate) fn address(&self, client: &ClientAddress) -> String {
        match &self.subject {
            Subject::Phone => client.to_string(),
            Subject::Hashed(key) => key.pseudonym("ip", &client.to_string()),
        }
    }

    /// Window: guesses from a client's address.
    pub(crate) fn address_checks(&self, client: &ClientAddress) -> String {
        self.of_address(client, "checks")
    }

    fn of_address(&self, client: &ClientAddress, what: &str) -> String {
        format!("{}ip:{}}}:{what}", self.start, self.address(client))
    }

    /// Number: when the sender's next turn is.
    pub(crate) fn sender_pace(&self, policy: &Policy) -> String {
        let sender = policy.pacing.as_ref().map_or("none", |pacing| &pacing.sender);
        format!("{}sender:{sender}}}:pace", self.start)
    }

    /// What is written in order to be waited for. In a cluster a primary only takes keys of its own slots, and for a
    /// while not those of one that moves: each attempt gets another key.
    pub(crate) fn acknowledgement(&self, slots: &Slots, attempt: usize) -> String {
        self.in_slots("ack", slots, attempt)
    }

    /// What is written to see whether it can be.
    pub(crate) fn probe(&self, slots: &Slots) -> String {
        self.in_slots("probe", slots, 0)
    }

    /// One of several keys of this name that are in some slots.
    fn in_slots(&self, name: &str, slots: &Slots, attempt: usize) -> String {
        let key = |tag: u32| format!("{}{name}:{tag}}}:{name}", self.start);
        if slots.count() == 0 {
            return key(0);
        }
        let mut fitting = (0..TAGS).map(key).filter(|key| slots.contains(Slot::of(key)));
        fitting.nth(attempt % KEYS).unwrap_or_else(|| key(0))
    }

    /// What `SCAN` matches to find every code's record.
    pub(crate) fn code_pattern(&self) -> String {
        format!("{}*{CODE_SUFFIX}", self.start)
    }

    /// What stands for the phone in the key of a code's record.
    pub(crate) fn subject_of<'k>(&self, code_key: &'k str) -> Option<&'k str> {
        code_key.strip_prefix(&self.start)?.strip_suffix(CODE_SUFFIX)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::otp::DigestKey;

    fn keys(subject: Subject) -> Keys {
        Keys::new(&KeyPrefix::parse("otp").unwrap(), subject)
    }

    fn phone() -> PhoneNumber {
        PhoneNumber::parse("15551234567").unwrap()
    }

    fn client(text: &str) -> ClientAddress {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn keys_are_spelled_as_documented() {
        let keys = keys(Subject::Phone);
        let PhoneKeys { code, sends, failures, guessers } = keys.phone(&phone());
        assert_eq!(code, "otp:v1:{15551234567}:code");
        assert_eq!(sends, "otp:v1:{15551234567}:sends");
        assert_eq!(failures, "otp:v1:{15551234567}:failures");
        assert_eq!(guessers, "otp:v1:{15551234567}:guessers");
        assert_eq!(keys.of_address(&client("203.0.113.7"), "sends"), "otp:v1:{ip:203.0.113.7}:sends");
        assert_eq!(keys.address_checks(&client("2001:db8::1")), "otp:v1:{ip:2001:db8::/64}:checks");
        assert_eq!(keys.code_pattern(), "otp:v1:{*}:code");
        assert_eq!(keys.subject_of(&code), Some("15551234567"));
        assert_eq!(keys.subject_of("other:v1:{1}:code"), None);
    }

    #[test]
    fn what_is_written_to_be_waited_for_is_in_a_slot_of_the_server() {
        let keys = keys(Subject::Phone);
        assert_eq!(keys.acknowledgement(&Slots::all(), 0), "otp:v1:{ack:0}:ack");
        assert_eq!(keys.acknowledgement(&Slots::all(), 1), "otp:v1:{ack:1}:ack");
        let mut one = Slots::default();
        one.add(4_711..=4_711);
        for attempt in 0..2 {
            assert!(one.contains(Slot::of(&keys.acknowledgement(&one, attempt))));
        }
        assert_ne!(keys.acknowledgement(&one, 0), keys.acknowledgement(&one, 1));
        assert_eq!(keys.probe(&Slots::all()), "otp:v1:{probe:0}:probe");
        assert!(one.contains(Slot::of(&keys.probe(&one))));
    }

    #[test]
    fn hashed_keys_name_nobody_and_depend_on_the_secret() {
        let hashed = |byte| keys(Subject::Hashed(DigestKey::new(vec![byte; 32]).unwrap()));
        let one = hashed(1);
        let code = one.phone(&phone()).code;
        assert!(!code.contains("5551234567"), "{code}");
        assert!(!one.address_checks(&client("203.0.113.7")).contains("203.0.113.7"));
        assert_eq!(code, one.phone(&phone()).code);
        assert_ne!(code, hashed(2).phone(&phone()).code);
    }
}
