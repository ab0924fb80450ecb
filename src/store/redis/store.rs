//! The store: its connections and keys, and the way to run a script.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{Histogram, counter, histogram};
use redis::{FromRedisValue, ScriptInvocation};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::client::acknowledgement::Ticket;
use super::client::route::Route;
use super::decisions::keys::Keys;
use super::outbox::Mover;
use super::settings::RedisSettings;
use crate::otp::{AppName, PhoneNumber, Policy, StoreError};
use crate::telemetry::metrics::{REDIS_ERRORS_TOTAL, REDIS_SCRIPT_DURATION_SECONDS};
use crate::telemetry::{CallSpan, Series};

/// Keeps verifications and limits in Redis.
pub struct RedisStore {
    pub(super) route: Arc<Route>,
    pub(super) keys: Keys,
    pub(super) timeout: Duration,
    pub(super) settings: RedisSettings,
    /// The durations of scripts, by name.
    durations: Series<&'static str, Histogram>,
    /// Notified when this instance has written events.
    events_written: Arc<Notify>,
    /// Moves events in a cluster.
    mover: Option<Mover>,
    /// The servers whose memory the metrics show.
    pub(super) measured: Mutex<BTreeSet<String>>,
}

impl RedisStore {
    /// Starts to connect in the background; an unreachable server is not an error here. Must be called within a Tokio
    /// runtime.
    ///
    /// # Errors
    ///
    /// [`StoreError::Faulty`] if the settings allow no connection, such as TLS without trusted certificates.
    pub fn new(settings: &RedisSettings) -> Result<Self, StoreError> {
        let keys = Keys::new(&settings.key_prefix, settings.subject.clone());
        let route = Arc::new(Route::start(settings, Arc::new(keys.clone()))?);
        let events_written = Arc::new(Notify::new());
        let written = Arc::clone(&events_written);
        let mover = (!route.is_one_server())
            .then(|| Mover::start(Arc::clone(&route), keys.clone(), settings.timeout, move || written.notify_one()));
        Ok(Self {
            route,
            keys,
            events_written,
            mover,
            timeout: settings.timeout,
            settings: settings.clone(),
            durations: Series::new(|script| histogram!(REDIS_SCRIPT_DURATION_SECONDS, "script" => script)),
            measured: Mutex::default(),
        })
    }

    /// Returns the value of `redis.mode`.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        self.settings.topology.mode()
    }

    /// Returns the servers that currently make decisions, `host:port` each, as far as they are known.
    #[must_use]
    pub fn primaries(&self) -> Vec<String> {
        self.route.primary_names()
    }

    /// Returns the stream that takes an app's events about a number in the same step as the decision.
    pub(super) fn events_key(&self, app: &AppName, phone: &PhoneNumber) -> String {
        if self.route.is_one_server() { self.keys.events(app).events } else { self.keys.outbox(app, phone) }
    }

    /// Takes note that a decision may have written events.
    pub(super) fn wrote_events(&self, app: &AppName, phone: &PhoneNumber, policy: &Policy) {
        if policy.events.is_empty() {
            return;
        }
        match &self.mover {
            None => self.events_written.notify_one(),
            Some(mover) => mover.empty(app, phone),
        }
    }

    /// Returns the bell that rings when this instance has written events.
    pub(super) fn events_written(&self) -> Arc<Notify> {
        Arc::clone(&self.events_written)
    }

    /// Returns the deadline of a decision that begins now, including its acknowledgement.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Runs a script that uses `key`, and counts failures. A script that failed is never run again, as its outcome is
    /// unknown.
    pub(super) async fn decide<T: FromRedisValue>(
        &self,
        name: &'static str,
        key: &str,
        script: &ScriptInvocation<'_>,
        deadline: Instant,
    ) -> Result<(T, Option<Ticket>), StoreError> {
        let (mut span, began) = (CallSpan::script(name), Instant::now());
        let answer = self.route.decide(key, script, deadline).await.inspect_err(count);
        self.durations.of(name).record(began.elapsed());
        if let Err(error) = &answer {
            span.failed(error.kind(), None);
        }
        answer
    }

    /// Waits until replicas have every decision of these tickets.
    pub(super) async fn acknowledged(
        &self,
        tickets: impl IntoIterator<Item = Ticket>,
        until: Instant,
    ) -> Result<(), StoreError> {
        // All of them wait concurrently, since each is redeemed before the first is awaited.
        let waiting: Vec<_> = tickets.into_iter().map(|ticket| ticket.redeem(until)).collect();
        for one in waiting {
            one.wait().await.inspect_err(count)?;
        }
        Ok(())
    }
}

pub(super) fn count(error: &StoreError) {
    counter!(REDIS_ERRORS_TOTAL, "kind" => error.kind()).increment(1);
}
