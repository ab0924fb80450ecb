//! Webhooks: what the account's app is told.
//!
//! Every accepted message is followed by its statuses ([`status`]), as its order or its number asks. A test can hold these
//! back, build others ([`webhook`], [`inbound`], [`management`]), and post them itself with any signature. [`queue`]
//! tries each webhook until it is taken: only an answer with status 200 counts, and redirects are not followed.

pub(crate) mod api;
pub(crate) mod inbound;
pub(crate) mod management;
mod post;
mod queue;
mod settings;
pub(crate) mod status;
#[cfg(test)]
pub(crate) mod tests;
mod webhook;
mod wire;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, watch};
use url::Url;

pub use post::NoAnswer;
pub use settings::{DEFAULT_APP_SECRET, WebhookSettings, WebhookTimes};
pub use webhook::{Change, Webhook};
pub use wire::webhook_signature;

use super::{Simulator, lock};
use post::Poster;
use queue::Pending;

/// The most webhooks that are held back.
const MOST_HELD: usize = 10_000;

/// The requests that are made at once.
const AT_ONCE: usize = 32;

/// The targets, and the webhooks on their way there.
#[derive(Debug)]
pub(crate) struct Webhooks {
    pub(crate) targets: Mutex<Targets>,
    /// The ordinary webhooks that are held back; `None` while none are.
    held: Mutex<Option<VecDeque<Webhook>>>,
    pending: watch::Sender<usize>,
    slots: Semaphore,
    pub(crate) poster: Poster,
}

/// The URLs that webhooks are posted to.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    pub(crate) app: Option<WebhookSettings>,
    /// The account's own URL for webhooks about messages.
    pub(crate) of_account: Option<Url>,
    /// The number's own, which takes precedence.
    pub(crate) of_number: Option<Url>,
    /// The fields that the app is subscribed to; `None` for all of them.
    pub(crate) fields: Option<Vec<String>>,
}

impl Targets {
    /// Returns the URLs for this webhook, and the secret that signs it.
    fn of(&self, webhook: &Webhook) -> (Vec<Url>, SecretString) {
        let own = self.of_number.as_ref().or(self.of_account.as_ref()).filter(|_| webhook.is_about_messages());
        let urls = match (own, &self.app) {
            (Some(own), _) => vec![own.clone()],
            (None, Some(app)) if webhook.is_about_any(self.fields.as_deref()) => app.urls.clone(),
            (None, _) => Vec::new(),
        };
        (urls, self.secret())
    }

    fn secret(&self) -> SecretString {
        self.app.as_ref().map_or_else(|| DEFAULT_APP_SECRET.into(), |app| app.app_secret.clone())
    }

    fn are_none(&self) -> bool {
        self.app.is_none() && self.of_account.is_none() && self.of_number.is_none()
    }
}

impl Webhooks {
    pub(crate) fn new(app: Option<WebhookSettings>) -> Self {
        Self {
            targets: Mutex::new(Targets { app, ..Targets::default() }),
            held: Mutex::default(),
            pending: watch::Sender::new(0),
            slots: Semaphore::new(AT_ONCE),
            poster: Poster::default(),
        }
    }

    /// Returns `true` if webhooks go anywhere.
    fn are_wanted(&self) -> bool {
        !lock(&self.targets).are_none() || lock(&self.held).is_some()
    }

    /// Keeps the webhook if ordinary ones are held back, or returns it.
    fn hold(&self, webhook: Webhook) -> Option<Webhook> {
        let mut held = lock(&self.held);
        let Some(held) = held.as_mut() else { return Some(webhook) };
        if held.len() == MOST_HELD {
            held.pop_front();
        }
        held.push_back(webhook);
        None
    }
}

/// Webhooks. Those that send one must be called within a Tokio runtime.
impl Simulator {
    /// Replaces the app that receives webhooks, or removes it.
    pub fn set_webhooks(&self, app: Option<WebhookSettings>) {
        lock(&self.shared.webhooks.targets).app = app;
    }

    /// Sends webhooks to this URL as well, all signed with this secret from now on.
    pub fn send_webhooks_to(&self, url: Url, app_secret: &str) {
        let mut targets = lock(&self.shared.webhooks.targets);
        let app = targets.app.get_or_insert_with(|| WebhookSettings::to([]));
        app.app_secret = app_secret.into();
        if !app.urls.contains(&url) {
            app.urls.push(url);
        }
    }

    /// Holds back the webhooks of ordinary traffic, for [`held_webhooks`](Self::held_webhooks) or
    /// [`release_webhooks`](Self::release_webhooks).
    pub fn hold_webhooks(&self) {
        lock(&self.shared.webhooks.held).get_or_insert_default();
    }

    /// Takes the webhooks that are held back, oldest first. They are not sent anymore. Later ones are still held back.
    #[must_use]
    pub fn held_webhooks(&self) -> Vec<Webhook> {
        lock(&self.shared.webhooks.held).as_mut().map(std::mem::take).unwrap_or_default().into()
    }

    /// Sends the webhooks that are held back, and holds back no more.
    pub fn release_webhooks(&self) {
        let held = lock(&self.shared.webhooks.held).take().unwrap_or_default();
        for webhook in held {
            self.send_webhook(webhook);
        }
    }

    /// Waits until every webhook was taken, dropped or held back, including those that follow a message later.
    pub async fn webhooks_are_idle(&self) {
        // Fails only if the sender is gone, and `self` has it.
        let _ = self.shared.webhooks.pending.subscribe().wait_for(|pending| *pending == 0).await;
    }

    /// A body about this account, without entries.
    #[must_use]
    pub fn webhook(&self) -> Webhook {
        Webhook::about(&self.settings().waba_id, self.shared.clock.timestamp().as_second())
    }

    /// Signs a webhook with the app's secret and sends it to every URL, again and again until all take it or the tries
    /// are used up.
    pub fn send_webhook(&self, webhook: Webhook) {
        let simulator = self.clone();
        if let Some(pending) = Pending::begin(self) {
            tokio::spawn(async move { simulator.deliver(webhook, &Arc::new(pending)).await });
        }
    }

    /// Posts these bytes once, with these values of `X-Hub-Signature-256`, and returns the answer's status. No value sends
    /// no such header, and several send it several times. [`webhook_signature`] makes a good one.
    ///
    /// # Errors
    ///
    /// If there is no answer within ten seconds.
    pub async fn post_webhook(&self, url: Url, body: Vec<u8>, signatures: &[&str]) -> Result<u16, NoAnswer> {
        self.shared.webhooks.poster.post(url, body, signatures).await
    }

    /// Returns `true` if some app receives webhooks.
    pub(crate) fn has_webhooks(&self) -> bool {
        !lock(&self.shared.webhooks.targets).are_none()
    }

    /// Returns `true` for the token that the app's id and secret make.
    pub(crate) fn is_app_token(&self, token: &str) -> bool {
        let secret = lock(&self.shared.webhooks.targets).secret();
        token.split_once('|') == Some((&*self.settings().app_id, secret.expose_secret()))
    }

    /// Returns a webhook's URLs and its signed bytes, if the app is subscribed.
    fn addressed(&self, webhook: &Webhook) -> (Vec<Url>, Vec<u8>, String) {
        let (urls, secret) = lock(&self.shared.webhooks.targets).of(webhook);
        let body = webhook.bytes();
        let signature = webhook_signature(secret.expose_secret(), &body);
        let subscribed = self.world().switches.app_subscribed;
        (if subscribed { urls } else { Vec::new() }, body, signature)
    }
}
