//! The events of each app on their way to its endpoint, in memory.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::otp::{AppName, Attempt, EndpointState, Event, TakenEvent, UndeliveredEvent, UnixMillis};
use crate::store::{MOST_EVENTS, MOST_FAILED_EVENTS, MOST_UNDELIVERED_EVENTS};

/// The time for which an event is not added again.
const REMEMBERED: Duration = Duration::from_hours(1);

/// The queue of each app.
#[derive(Default)]
pub(super) struct Queues(HashMap<AppName, Queue>);

#[derive(Default)]
pub(super) struct Queue {
    /// Oldest first.
    waiting: VecDeque<Waiting>,
    /// Oldest first.
    undelivered: VecDeque<UndeliveredEvent>,
    added: u64,
    /// Events that no decision caused, by id, and the time at which they were added.
    lately: HashMap<String, UnixMillis>,
    dropped: u64,
    disabled_at: Option<UnixMillis>,
    /// The number of events that were given up since one was delivered.
    failed: u64,
    last_error: String,
}

struct Waiting {
    place: u64,
    event: Event,
    attempts: u32,
    /// The time of the next attempt; `None` if there was no attempt.
    due_at: Option<UnixMillis>,
    added_at: UnixMillis,
}

impl Queues {
    /// Adds an event. The oldest event is dropped if there are too many.
    pub(super) fn push(&mut self, event: Event) {
        self.0.entry(event.app.clone()).or_default().push(event);
    }

    pub(super) fn of(&mut self, app: &AppName) -> &mut Queue {
        self.0.entry(app.clone()).or_default()
    }
}

impl Queue {
    /// Adds an event unless it was added lately, and returns `true` if it is new.
    pub(super) fn add(&mut self, event: Event, now: UnixMillis) -> bool {
        let is_remembered = |added_at: &UnixMillis| now.since(*added_at) < REMEMBERED;
        let is_new = !self.lately.get(&event.id).is_some_and(is_remembered);
        if is_new {
            if self.lately.len() >= MOST_EVENTS {
                self.lately.retain(|_, added_at| is_remembered(added_at));
            }
            self.lately.insert(event.id.clone(), now);
            self.push(event);
        }
        is_new
    }

    /// Returns events that were given up, the newest first.
    pub(super) fn undelivered(&self, most: usize) -> Vec<UndeliveredEvent> {
        self.undelivered.iter().rev().take(most).cloned().collect()
    }

    pub(super) fn push(&mut self, event: Event) {
        if self.waiting.len() >= MOST_EVENTS {
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.added += 1;
        let added_at = event.at;
        self.waiting.push_back(Waiting { place: self.added, event, attempts: 0, due_at: None, added_at });
    }

    pub(super) fn take(&mut self, most: usize, lease: Duration, now: UnixMillis) -> Vec<TakenEvent> {
        if self.disabled_at.is_some() {
            return Vec::new();
        }
        let mut due: Vec<_> = self.waiting.iter_mut().filter(|event| event.due_at.is_none_or(|at| at <= now)).collect();
        due.sort_by_key(|event| (event.due_at.is_none(), event.due_at, event.place));
        let take = |waiting: &mut Waiting| {
            let Waiting { place, event, attempts, due_at, .. } = waiting;
            let taken = TakenEvent { event: event.clone(), place: place.to_string(), attempts: *attempts };
            *attempts += 1;
            *due_at = Some(now.plus(lease));
            taken
        };
        due.into_iter().take(most).map(take).collect()
    }

    /// Records the result of an attempt. Returns `true` if the endpoint is disabled now and was not before.
    pub(super) fn settle(&mut self, place: &str, attempt: &Attempt, now: UnixMillis) -> bool {
        let Some(index) = self.waiting.iter().position(|waiting| waiting.place.to_string() == place) else {
            return false;
        };
        match attempt {
            Attempt::Delivered => {
                self.waiting.remove(index);
                self.failed = 0;
                self.last_error.clear();
                return false;
            }
            Attempt::Retry { after, error } => {
                self.waiting[index].due_at = Some(now.plus(*after));
                self.last_error.clone_from(error);
                return false;
            }
            Attempt::GivenUp { error } | Attempt::Gone { error } => {
                if let Some(Waiting { event, .. }) = self.waiting.remove(index) {
                    if self.undelivered.len() >= MOST_UNDELIVERED_EVENTS {
                        self.undelivered.pop_front();
                    }
                    self.undelivered.push_back(UndeliveredEvent { event, given_up_at: now, error: error.clone() });
                }
                self.failed += 1;
                self.last_error.clone_from(error);
            }
        }
        let is_sick = matches!(attempt, Attempt::Gone { .. }) || self.failed >= MOST_FAILED_EVENTS;
        let disables = is_sick && self.disabled_at.is_none();
        if disables {
            self.disabled_at = Some(now);
        }
        disables
    }

    pub(super) fn replay(&mut self, id: Option<&str>, now: UnixMillis) -> u64 {
        (self.disabled_at, self.failed) = (None, 0);
        let is_meant = |event: &UndeliveredEvent| id.is_none_or(|id| event.event.id == id);
        let (meant, others) = self.undelivered.drain(..).partition::<Vec<_>, _>(is_meant);
        self.undelivered = others.into();
        let mut replayed = 0;
        for UndeliveredEvent { event, .. } in meant {
            self.push(event);
            if let Some(newest) = self.waiting.back_mut() {
                newest.added_at = now;
            }
            replayed += 1;
        }
        replayed
    }

    pub(super) fn state(&self, now: UnixMillis) -> EndpointState {
        EndpointState {
            disabled_at: self.disabled_at,
            waiting: self.waiting.len() as u64,
            oldest: self.waiting.front().map_or(Duration::ZERO, |oldest| now.since(oldest.added_at)),
            undelivered: self.undelivered.len() as u64,
            dropped: self.dropped,
            last_error: self.last_error.clone(),
        }
    }
}
