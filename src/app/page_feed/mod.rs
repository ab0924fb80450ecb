//! The feed of the sandbox's page: each request to the service, with the decisions and sends on its way.
//!
//! The [`Recorder`] watches the public listener. Decorators around the [store](store) and the [sender](sender) note what
//! happens within a request, which they know by its id. The simulator adds the calls and webhooks about the messages.

mod sender;
mod store;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use whatsapp_otp_simulator::{Feed, FeedAnswer, FeedMessage, FeedRequest, FeedStep, StepKind};

pub(super) use self::sender::watched_sender;
pub(super) use self::store::WatchedStore;
use crate::http::{RequestWatch, WatchedAnswer, WatchedEnd, WatchedRequest};
use crate::otp::PhoneNumber;
use crate::telemetry;

/// The requests whose further steps are noted. Sends may outlast their requests.
const FOLLOWED: usize = 200;
/// The name under which WhatsApp's webhooks come. The simulator lists those itself.
const WEBHOOK_AGENT: &str = "facebookexternalua";

/// The numbers of the latest requests, by id.
type Followed = VecDeque<(Box<str>, u64)>;

/// Notes what happens to each request.
#[derive(Clone)]
pub(super) struct Recorder {
    feed: Feed,
    followed: Arc<Mutex<Followed>>,
}

/// The outcome of a step.
struct Noted {
    outcome: &'static str,
    detail: Option<String>,
    is_good: bool,
}

impl Noted {
    fn good(outcome: &'static str) -> Self {
        Self { outcome, detail: None, is_good: true }
    }

    fn bad(outcome: &'static str) -> Self {
        Self { outcome, detail: None, is_good: false }
    }

    fn because(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}

impl Recorder {
    pub(super) fn new(feed: Feed) -> Self {
        Self { feed, followed: Arc::default() }
    }

    fn followed(&self) -> MutexGuard<'_, Followed> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of the current request, if there is one and it is followed.
    fn current(&self) -> Option<u64> {
        let id = telemetry::request_id()?;
        let followed = self.followed();
        followed.iter().rev().find(|(followed, _)| **followed == *id.as_str()).map(|(_, number)| *number)
    }

    /// Notes a step of the current request that began at `began`.
    fn step(&self, kind: StepKind, name: &str, began: Instant, noted: Noted) {
        let took = Some(began.elapsed());
        let Some(number) = self.current() else { return };
        let Noted { outcome, detail, is_good } = noted;
        let (name, outcome) = (name.to_owned(), outcome.to_owned());
        self.feed.step(number, FeedStep { kind, name, outcome, detail, is_good, took });
    }
}

impl RequestWatch for Recorder {
    fn came(&self, request: &WatchedRequest<'_>) -> Option<u64> {
        let &WatchedRequest { id, method, route, target, user_agent } = request;
        if user_agent == Some(WEBHOOK_AGENT) {
            return None;
        }
        let shown = shown(route, target);
        let (id, method, path) = (id.to_owned(), method.to_owned(), target.to_owned());
        let number = self.feed.begin(FeedRequest { id: id.clone(), method, path, shown });
        let mut followed = self.followed();
        if followed.len() == FOLLOWED {
            followed.pop_front();
        }
        followed.push_back((id.into(), number));
        Some(number)
    }

    fn ended(&self, number: u64, end: WatchedEnd) {
        let WatchedEnd { mut headers, body, has_key, answer, took } = end;
        if has_key {
            // Which key it was does not belong on a screen.
            headers.push(("authorization".to_owned(), "Bearer …".to_owned()));
        }
        let request = FeedMessage::new(headers, &body);
        let answer = match answer {
            None => FeedAnswer { outcome: "caller_gone".to_owned(), ..FeedAnswer::default() },
            Some(answer) => answered(answer),
        };
        self.feed.end(number, FeedAnswer { request, took, ..answer });
    }
}

fn answered(answer: WatchedAnswer) -> FeedAnswer {
    let WatchedAnswer { status, headers, body, outcome, reason, phone, app, caller, verification } = answer;
    FeedAnswer {
        response: Some((status, FeedMessage::new(headers, &body))),
        outcome: outcome.unwrap_or_default().to_owned(),
        reason: reason.map(str::to_owned),
        phone: phone.map(|phone| phone.masked()),
        app: app.map(|app| app.to_string()),
        key: caller.and_then(|caller| caller.name().map(str::to_owned)),
        verification: verification.map(|id| id.to_string()),
        ..FeedAnswer::default()
    }
}

/// Returns a target with its number masked.
fn shown(route: Option<&'static str>, target: &str) -> String {
    let path = target.split('?').next().unwrap_or(target);
    match route.and_then(|route| route.split_once("{phone}")) {
        None if route.is_some() => path.to_owned(),
        None => telemetry::without_numbers(path).into_owned(),
        Some((before, after)) => {
            let given = path.get(before.len()..).unwrap_or_default().trim_end_matches('/');
            let given = percent_decode_str(given).decode_utf8_lossy();
            let phone = PhoneNumber::parse(&given).map(|phone| phone.masked());
            let phone = phone.unwrap_or_else(|_| telemetry::without_numbers(&given).into_owned());
            [before, &phone, after].concat()
        }
    }
}

/// A duration for people, `12 s` or `250 ms`.
fn wait(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{} s", duration.as_millis().div_ceil(1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_in_the_path() {
        let sample = Some("/otp/{phone}");
        for (route, target, expected) in [
            (sample, "/otp/15551234567", "/otp/1555*****67"),
            (sample, "/OTP/+1%20555%20123-4567/", "/otp/1555*****67"),
            (sample, "/otp/555123456789012345", "/otp/*******"),
            (sample, "/otp/", "/otp/"),
            (Some("/v1/verifications"), "/v1/verifications?a=1", "/v1/verifications"),
            (None, "/15551234567", "/*******"),
        ] {
            assert_eq!(shown(route, target), expected, "{target}");
        }
    }
}
