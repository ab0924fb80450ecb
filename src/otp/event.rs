//! Events: what the service tells an app's endpoint.

use std::time::Duration;

use super::{AppName, EventType, UnixMillis, Verification};

/// An event. Each has an id of its own, the same however often it is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `evt_…`, unique among the events of all apps.
    pub id: String,
    /// The type.
    pub event_type: EventType,
    /// The app whose endpoint is told.
    pub app: AppName,
    /// The time at which it happened.
    pub at: UnixMillis,
    /// The subject.
    pub about: EventSubject,
}

/// The subject of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventSubject {
    /// A verification, as it was right after the event.
    Verification {
        /// The verification.
        verification: Box<Verification>,
        /// The place of the event among those of the verification, from 1.
        sequence: u32,
    },
    /// A sender that can no longer be used.
    Sender {
        /// The channel.
        channel: String,
        /// The cause, in a word.
        reason: String,
    },
    /// Nothing: somebody tries the endpoint.
    Nothing,
}

/// An event about a sender, which no decision about a verification causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderEvent {
    /// `evt_…`, the same whoever adds it.
    pub id: String,
    /// The type.
    pub event_type: EventType,
    /// The app whose endpoint is told.
    pub app: AppName,
    /// The time at which it happened.
    pub at: UnixMillis,
    /// The channel.
    pub channel: String,
    /// The cause, in a word.
    pub reason: String,
}

impl From<SenderEvent> for Event {
    fn from(SenderEvent { id, event_type, app, at, channel, reason }: SenderEvent) -> Self {
        Self { id, event_type, app, at, about: EventSubject::Sender { channel, reason } }
    }
}

/// An event that has been taken from the queue of its app, until the lease that it was taken with is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenEvent {
    /// The event.
    pub event: Event,
    /// Its place in the queue.
    pub place: String,
    /// The number of earlier attempts to deliver it.
    pub attempts: u32,
}

/// The result of an attempt to deliver an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The endpoint has it.
    Delivered,
    /// It failed; there is another attempt after this time.
    Retry {
        /// The time until the next attempt.
        after: Duration,
        /// The failure, in plain words, without anything that the endpoint answered.
        error: String,
    },
    /// It failed for the last time.
    GivenUp {
        /// The failure, in plain words.
        error: String,
    },
    /// The endpoint answered that it is gone: it is disabled.
    Gone {
        /// The answer, in plain words.
        error: String,
    },
}

/// An event that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndeliveredEvent {
    /// The event.
    pub event: Event,
    /// The time of the last attempt.
    pub given_up_at: UnixMillis,
    /// The last failure, in plain words.
    pub error: String,
}

/// The state of an app's endpoint and queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndpointState {
    /// The time since which it is disabled, if it is.
    pub disabled_at: Option<UnixMillis>,
    /// Events in the queue: new, being delivered, or waiting for another attempt.
    pub waiting: u64,
    /// Age of the oldest of them.
    pub oldest: Duration,
    /// Events kept after they were given up.
    pub undelivered: u64,
    /// Events that were dropped, as the queue was full.
    pub dropped: u64,
    /// The last failure, in plain words; empty if there was none since a success.
    pub last_error: String,
}
