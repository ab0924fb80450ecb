//! Webhooks that the simulator sends, each with the answer.

use std::time::Duration;

use url::Url;

use super::{Entry, FeedMessage, FeedStep, StepKind, Subject};
use crate::{Simulator, webhooks::Webhook};

/// The answer to a webhook: its status, or the reason why there is none.
pub(crate) type Answer<'a> = Result<u16, &'a str>;

impl Simulator {
    /// Adds a webhook to the story of the request that caused it, or as an entry of its own.
    pub(crate) fn record_webhook(&self, webhook: &Webhook, url: &Url, answer: Answer<'_>, took: Duration) {
        let log = &self.shared.feed;
        let is_good = answer == Ok(200);
        let outcome = answer.map_or_else(|_| "no answer".to_owned(), |status| status.to_string());
        let reason = answer.err().map(str::to_owned);
        let name = webhook.names().join(", ");
        if let Some(number) =
            webhook.messages().find_map(|message| log.cause_of(message, &[Subject::Request, Subject::Call]))
        {
            let step = FeedStep { kind: StepKind::Webhook, name, outcome, detail: reason, is_good, took: Some(took) };
            return log.change(number, |entry| entry.push(step));
        }
        let mut entry = Entry::new(Subject::Webhook, self.shared.clock.timestamp(), "POST", url.path(), url.path());
        entry.request = FeedMessage::new(vec![("content-type".into(), "application/json".into())], &webhook.bytes());
        (entry.status, entry.took) = (answer.ok(), Some(took));
        (entry.outcome, entry.reason) = (Some(name), reason);
        log.add(entry);
    }
}
