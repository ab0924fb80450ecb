//! The record of callers' requests, their answers, and the messages that arrived on phones.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::harness::reply::{Reply, says};

/// A moment, as the time since the start of the history.
pub type Moment = Duration;

/// One request and its answer.
#[derive(Debug, Clone)]
pub struct Request {
    /// The phone's digits.
    pub phone: String,
    /// The instance of the service.
    pub instance: usize,
    pub call: Call,
    pub started: Moment,
    pub ended: Moment,
    pub answer: Answer,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A code was requested.
    Send,
    /// This code was submitted for verification.
    Guess(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 200 to a request for a code.
    Sent,
    /// 200 to a guess.
    Accepted,
    /// The guess was compared and wrong; this many are left.
    Wrong {
        left: u32,
    },
    Locked,
    Expired,
    Absent,
    /// 429.
    Limited,
    /// 503: it may have been decided or not.
    Unknown,
}

/// A message with a code that reached a phone.
#[derive(Debug, Clone)]
pub struct Message {
    /// The phone's digits.
    pub phone: String,
    pub code: String,
}

/// The whole record, in no particular order.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub requests: Vec<Request>,
    pub messages: Vec<Message>,
}

impl Answer {
    /// Interprets the service's answer.
    pub fn of(call: &Call, reply: &Reply) -> Self {
        let wrong = |left: &u32| reply.body == says::incorrect(*left);
        match (reply.status, call) {
            (200, Call::Send) => Self::Sent,
            (200, Call::Guess(_)) => Self::Accepted,
            (401, _) if reply.body == says::LOCKED => Self::Locked,
            (401, _) if reply.body == says::EXPIRED => Self::Expired,
            (401, _) => (1..100).find(wrong).map_or_else(|| panic!("{reply:?}"), |left| Self::Wrong { left }),
            (404, _) => Self::Absent,
            (429, _) => Self::Limited,
            (503, _) => Self::Unknown,
            _ => panic!("{call:?} was answered {reply:?}"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phone, instance, call, started, ended, answer } = self;
        write!(f, "{started:?} to {ended:?}, instance {instance}, {phone}: {call:?} was answered {answer:?}")
    }
}

impl History {
    /// Returns all requests for a phone, in the order in which they were made.
    pub fn of(&self, phone: &str) -> Vec<&Request> {
        let mut requests: Vec<&Request> = self.requests.iter().filter(|request| request.phone == phone).collect();
        requests.sort_by_key(|request| request.started);
        requests
    }

    /// Returns the largest number of messages with the same value of `by`.
    pub fn most(&self, by: impl Fn(&Message) -> String) -> usize {
        let mut counts = BTreeMap::<String, usize>::new();
        for message in &self.messages {
            *counts.entry(by(message)).or_default() += 1;
        }
        counts.into_values().max().unwrap_or_default()
    }

    /// Returns the number of times that an answer was given.
    pub fn count(&self, is: impl Fn(Answer) -> bool) -> usize {
        self.requests.iter().filter(|request| is(request.answer)).count()
    }
}
