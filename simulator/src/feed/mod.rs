//! The feed: the requests that programs make, newest last, each with its story: what happened because of it.
//!
//! The simulator itself sees calls to the Graph API ([`calls`]) and the webhooks that it sends ([`sent_webhooks`]). The
//! program that also runs the service adds the requests to the service, with their decisions, through [`Feed`]. Calls and
//! webhooks then join the story of the request that caused them, which they name by the message's callback data.
//! Everything is in memory and bounded. [`api`] shows it to the page.

pub(crate) mod api;
pub(crate) mod calls;
pub(crate) mod sent_webhooks;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tokio::sync::broadcast;

use super::{Simulator, lock};

/// The number of requests kept.
pub(crate) const KEPT: usize = 200;
/// The most steps kept of one story.
const MOST_STEPS: usize = 40;
/// The most names of messages that one request is known to have caused.
const MOST_MESSAGES: usize = 8;
/// The most of a body that is kept, in bytes.
const LONGEST_BODY: usize = 8 * 1024;
/// The most of any other text that is kept, in bytes.
const LONGEST_TEXT: usize = 1024;
/// The most headers kept of one message.
const MOST_HEADERS: usize = 20;
/// The updates that a listener may fall behind before it misses some.
const BACKLOG: usize = 256;

/// One half of an exchange: a request or a response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FeedMessage {
    /// The headers worth seeing, with names in lower case. None contains a secret.
    pub headers: Vec<(String, String)>,
    /// The body, if it is text.
    pub body: String,
    /// The body is longer, or is no text.
    pub is_cut: bool,
}

impl FeedMessage {
    /// A message with these headers and this body, as much of them as is kept.
    #[must_use]
    pub fn new(headers: Vec<(String, String)>, body: &[u8]) -> Self {
        let mut headers: Vec<_> = headers.into_iter().map(|(name, value)| (cut(name), cut(value))).collect();
        headers.truncate(MOST_HEADERS);
        let kept = &body[..body.len().min(LONGEST_BODY)];
        let text = String::from_utf8_lossy(kept).into_owned();
        let is_cut = kept.len() < body.len() || text.as_bytes() != kept;
        Self { headers, body: text, is_cut }
    }
}

/// A request to the service, as it comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedRequest {
    /// Its id.
    pub id: String,
    /// The method.
    pub method: String,
    /// The path and the query as they were requested.
    pub path: String,
    /// The same with numbers masked, for the list.
    pub shown: String,
}

/// The end of a request to the service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeedAnswer {
    /// The request, as far as it was read.
    pub request: FeedMessage,
    /// The response; `None` if the caller hung up before there was one.
    pub response: Option<(u16, FeedMessage)>,
    /// The outcome, in a word.
    pub outcome: String,
    /// More about it, in a word.
    pub reason: Option<String>,
    /// The masked number that it was about.
    pub phone: Option<String>,
    /// The app.
    pub app: Option<String>,
    /// The name of the caller's key.
    pub key: Option<String>,
    /// The verification's id.
    pub verification: Option<String>,
    /// The time it took.
    pub took: Duration,
}

/// A part of a story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FeedStep {
    /// The kind.
    pub kind: StepKind,
    /// The name of what was done: a decision, a call, or the status that a webhook reports.
    pub name: String,
    /// The outcome, in a word or as an HTTP status; empty while there is none.
    pub outcome: String,
    /// A sentence or a number that says more.
    pub detail: Option<String>,
    /// It went as the caller hoped.
    pub is_good: bool,
    /// The time it took; `None` while it goes on.
    #[serde(rename = "took_ms", serialize_with = "optional_milliseconds")]
    pub took: Option<Duration>,
}

/// The kind of a part of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A decision of the store.
    Decision,
    /// The service's attempt to send a message.
    Send,
    /// A call to the simulated WhatsApp.
    Call,
    /// A webhook that the simulated WhatsApp sent.
    Webhook,
}

/// The subject of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Subject {
    /// A request to the service.
    Request,
    /// A call to the simulated Graph API.
    Call,
    /// A webhook that the simulator sent.
    Webhook,
}

/// One request, with its story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Entry {
    number: u64,
    /// The number of its changes, as a list of entries may be older than an update that arrived before it.
    changes: u32,
    about: Subject,
    #[serde(serialize_with = "super::inbox::milliseconds")]
    at: Timestamp,
    id: Option<String>,
    method: String,
    path: String,
    shown: String,
    status: Option<u16>,
    outcome: Option<String>,
    reason: Option<String>,
    phone: Option<String>,
    app: Option<String>,
    key: Option<String>,
    verification: Option<String>,
    #[serde(rename = "took_ms", serialize_with = "optional_milliseconds")]
    took: Option<Duration>,
    request: FeedMessage,
    response: FeedMessage,
    steps: Vec<FeedStep>,
    /// The callback data and the ids of the messages that it caused.
    #[serde(skip)]
    messages: Vec<String>,
}

/// A change that listeners are told.
#[derive(Debug, Clone)]
enum Update {
    /// An entry is new, or has changed: its JSON.
    Entry(Arc<str>),
    /// All entries were removed.
    Cleared,
}

#[derive(Debug, Default)]
struct Entries {
    latest: VecDeque<Entry>,
    count: u64,
}

/// The entries, and the listeners for their changes.
#[derive(Debug)]
pub(crate) struct Log {
    entries: Mutex<Entries>,
    updates: broadcast::Sender<Update>,
    /// A program adds the requests to its service.
    has_service: AtomicBool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            updates: broadcast::Sender::new(BACKLOG),
            has_service: AtomicBool::new(false),
        }
    }
}

impl Log {
    /// Newest first.
    fn newest_first(&self) -> Vec<Entry> {
        lock(&self.entries).latest.iter().rev().cloned().collect()
    }

    fn clear(&self) {
        let mut entries = lock(&self.entries);
        entries.latest.clear();
        self.tell(|| Some(Update::Cleared));
    }

    /// Adds an entry and returns its number.
    fn add(&self, mut entry: Entry) -> u64 {
        let mut entries = lock(&self.entries);
        entries.count += 1;
        entry.number = entries.count;
        if entries.latest.len() == KEPT {
            entries.latest.pop_front();
        }
        self.tell(|| update(&entry));
        entries.latest.push_back(entry);
        entries.count
    }

    /// Changes an entry, if it is still kept.
    fn change(&self, number: u64, change: impl FnOnce(&mut Entry)) {
        let mut entries = lock(&self.entries);
        if let Some(entry) = entries.latest.iter_mut().rev().find(|entry| entry.number == number) {
            change(entry);
            entry.changes = entry.changes.saturating_add(1);
            self.tell(|| update(entry));
        }
    }

    /// Returns the number of the latest entry that caused the message with this callback data or id, if it is about one
    /// of `subjects`.
    fn cause_of(&self, message: &str, subjects: &[Subject]) -> Option<u64> {
        let entries = lock(&self.entries);
        let caused =
            |entry: &&Entry| subjects.contains(&entry.about) && entry.messages.iter().any(|caused| caused == message);
        entries.latest.iter().rev().find(caused).map(|entry| entry.number)
    }

    /// Sends an update, in the order of the changes as the entries are locked. Without listeners none is made.
    fn tell(&self, update: impl FnOnce() -> Option<Update>) {
        if self.updates.receiver_count() > 0
            && let Some(update) = update()
        {
            // Having no listener is no failure.
            let _ = self.updates.send(update);
        }
    }
}

impl Entry {
    fn new(about: Subject, at: Timestamp, method: &str, path: &str, shown: &str) -> Self {
        Self {
            number: 0,
            changes: 0,
            about,
            at,
            id: None,
            method: cut(method.to_owned()),
            path: cut(path.to_owned()),
            shown: cut(shown.to_owned()),
            status: None,
            outcome: None,
            reason: None,
            phone: None,
            app: None,
            key: None,
            verification: None,
            took: None,
            request: FeedMessage::default(),
            response: FeedMessage::default(),
            steps: Vec::new(),
            messages: Vec::new(),
        }
    }
}

/// The part of the feed that is for the program that runs the service.
#[derive(Debug, Clone)]
pub struct Feed(Simulator);

impl Simulator {
    /// The feed, for a program that adds every request to its service. Calls that no request caused, such as the
    /// service's own look at its template, are left out from now on.
    #[must_use]
    pub fn feed_of_service(&self) -> Feed {
        self.shared.feed.has_service.store(true, Ordering::Relaxed);
        Feed(self.clone())
    }

    /// Returns `true` if a program adds the requests to its service.
    pub(crate) fn sees_requests(&self) -> bool {
        self.shared.feed.has_service.load(Ordering::Relaxed)
    }
}

impl Feed {
    /// A request has come. Returns its number.
    #[must_use]
    pub fn begin(&self, request: FeedRequest) -> u64 {
        let FeedRequest { id, method, path, shown } = request;
        let entry = Entry::new(Subject::Request, self.0.shared.clock.timestamp(), &method, &path, &shown);
        self.0.shared.feed.add(Entry { id: Some(cut(id)), ..entry })
    }

    /// The request has been answered.
    pub fn end(&self, number: u64, answer: FeedAnswer) {
        let FeedAnswer { request, response, outcome, reason, phone, app, key, verification, took } = answer;
        let (status, response) = response.unzip();
        self.0.shared.feed.change(number, |entry| {
            entry.request = request;
            (entry.status, entry.response) = (status, response.unwrap_or_default());
            (entry.outcome, entry.reason) = (Some(outcome), reason);
            (entry.phone, entry.app, entry.key) = (phone, app, key);
            (entry.verification, entry.took) = (verification, Some(took));
        });
    }

    /// Something happened because of the request.
    pub fn step(&self, number: u64, step: FeedStep) {
        self.0.shared.feed.change(number, |entry| entry.push(step));
    }

    /// The request causes a message with this callback data: calls and webhooks about it belong to the story.
    pub fn causes(&self, number: u64, message: String) {
        self.0.shared.feed.change(number, |entry| entry.causes(message));
    }
}

impl Entry {
    fn causes(&mut self, message: String) {
        if self.messages.len() < MOST_MESSAGES {
            self.messages.push(message);
        }
    }

    fn push(&mut self, step: FeedStep) {
        if self.steps.len() < MOST_STEPS {
            let detail = step.detail.map(cut);
            self.steps.push(FeedStep { detail, ..step });
        }
    }
}

fn update(entry: &Entry) -> Option<Update> {
    serde_json::to_string(entry).ok().map(|json| Update::Entry(json.into()))
}

/// The text, as much of it as is kept.
fn cut(mut text: String) -> String {
    if text.len() > LONGEST_TEXT {
        text.truncate(text.floor_char_boundary(LONGEST_TEXT));
        text.push('…');
    }
    text
}

/// A number without its middle, `1555*****67`.
fn masked(digits: &str) -> String {
    let digits = super::digits(digits);
    let hidden = digits.len().saturating_sub(6);
    if hidden == 0 {
        return "*".repeat(digits.len());
    }
    [&digits[..4], &"*".repeat(hidden), &digits[4 + hidden..]].concat()
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn optional_milliseconds<S: Serializer>(took: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    // One decimal is as much as anybody reads.
    took.map(|took| (took.as_secs_f64() * 1e4).round() / 10.0).serialize(serializer)
}
