//! Verifications and limits in Redis: each decision is one Lua script, run by its hash.
//!
//! | Key | Type | Holds | Goes away |
//! |---|---|---|---|
//! | `otp:v2:{15551234567}:verification:APP` | hash | the newest verification: `id`, `status`, `digest`, `secret_id`, `attempts`, `max_attempts`, `sends` if there were several, `created_at`, `expires_at`, `ended_at` when it is over, `deliveries` that were heard of; `earlier` ones, a line each | deadline + linger |
//! | `otp:v2:{15551234567}:sends` | string | moments of sends | with the longest window of its limits, up to a quarter later |
//! | `otp:v2:{15551234567}:failures` | string | moments of wrong guesses | likewise, or on success |
//! | `otp:v2:{15551234567}:guessers` | hash | the same by client address | likewise |
//! | `otp:v2:{ip:203.0.113.7}:sends` | string | moments of sends | with the limit's window, up to a quarter later |
//! | `otp:v2:{ip:203.0.113.7}:checks` | string | moments of guesses | likewise |
//! | `otp:v2:{app:default}:total` | hash | counts of sends by slices of the window | likewise |
//! | `otp:v2:{sender:106540352242922}:pace` | string | when the next turn is, Unix us | ten seconds later |
//! | `otp:v2:{ack:0}:ack` | string | nothing: it is written in order to be waited for (`acknowledgement`) | after ten seconds |
//! | `otp:v2:{probe:0}:probe` | string, hash | nothing: it is written to see whether it can be (`probe`) | immediately |
//!
//! Moments are Unix ms, 13 digits each, side by side, the newest last. With `redis.after_failover = "reject"` a verification
//! also has the `history` that it belongs to.
//!
//! `decisions` has a file for each decision and, in `lua/`, its script; `keys` there spells the keys. A decision goes
//! through `client::route` to the `primary` that has its keys, on a shared connection (`link`); `sentinel` and `cluster` say
//! where that is. `operators` is for those who look.

mod client;
mod decisions;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod operators;
mod settings;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use metrics::{Histogram, counter, histogram};
use redis::{FromRedisValue, ScriptInvocation};
use tokio::time::Instant;

use self::client::acknowledgement::Ticket;
pub use self::client::address::{Endpoint, EndpointError, RedisUrl, RedisUrlError};
use self::client::route::Route;
use self::decisions::keys::Keys;
pub use self::operators::findings::{Finding, Gravity};
pub use self::operators::survey::Survey;
use self::operators::{inspect, survey};
pub use self::settings::{
    AfterFailover, Credentials, KeyPrefix, KeyPrefixError, MasterName, MasterNameError, RedisSettings, Subject,
    Topology,
};
use crate::otp::{
    AppName, Cancellation, Charge, Check, Creation, DeliveryReport, NewVerification, Pacing, PhoneNumber, PhoneStatus,
    Policy, Progress, Refund, StoreError, Turn, Verdict, Verification, VerificationStore,
};
use crate::telemetry::metrics::{REDIS_ERRORS_TOTAL, REDIS_SCRIPT_DURATION_SECONDS};
use crate::telemetry::{CallSpan, Series};

/// Keeps verifications and limits in Redis.
pub struct RedisStore {
    route: Route,
    keys: Keys,
    timeout: Duration,
    settings: RedisSettings,
    /// How long scripts take, by name.
    durations: Series<&'static str, Histogram>,
    /// The servers whose memory metrics show.
    measured: Mutex<BTreeSet<String>>,
}

impl RedisStore {
    /// Sets up the connections, which then come about by themselves: a server that is away is no error here.
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`StoreError::Faulty`] if the settings are no way to connect, such as TLS without trusted certificates.
    pub fn new(settings: &RedisSettings) -> Result<Self, StoreError> {
        let keys = Keys::new(&settings.key_prefix, settings.subject.clone());
        Ok(Self {
            route: Route::start(settings, Arc::new(keys.clone()))?,
            keys,
            timeout: settings.timeout,
            settings: settings.clone(),
            durations: Series::new(|script| histogram!(REDIS_SCRIPT_DURATION_SECONDS, "script" => script)),
            measured: Mutex::default(),
        })
    }

    /// `redis.mode`
    #[must_use]
    pub fn mode(&self) -> &'static str {
        self.settings.topology.mode()
    }

    /// The servers that decide at the moment, `host:port` each, as far as is known.
    #[must_use]
    pub fn primaries(&self) -> Vec<String> {
        self.route.primary_names()
    }

    /// Looks at the servers, for operators.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a server that decides does not say, or may not.
    pub async fn survey(&self) -> Result<Survey, StoreError> {
        survey::survey(self).await.inspect_err(count)
    }

    /// When a decision that begins now has to be made, acknowledgement included.
    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Runs a script that has `key`. Its outcome is unknown if that fails, so it is never run again unasked. Failures are
    /// counted.
    async fn decide<T: FromRedisValue>(
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

    /// Returns once replicas have every decision of these tickets.
    async fn acknowledged(&self, tickets: impl IntoIterator<Item = Ticket>, until: Instant) -> Result<(), StoreError> {
        // All wait at the same time: each has told its lane before the first is awaited.
        let waiting: Vec<_> = tickets.into_iter().map(|ticket| ticket.redeem(until)).collect();
        for one in waiting {
            one.wait().await.inspect_err(count)?;
        }
        Ok(())
    }
}

fn count(error: &StoreError) {
    counter!(REDIS_ERRORS_TOTAL, "kind" => error.kind()).increment(1);
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[async_trait]
impl VerificationStore for RedisStore {
    async fn create(&self, new: &NewVerification, policy: &Policy) -> Result<Creation, StoreError> {
        decisions::create::create(self, new, policy).await
    }

    async fn confirm(&self, new: &NewVerification, policy: &Policy) -> Result<(), StoreError> {
        decisions::confirm::confirm(self, new, policy).await
    }

    async fn check(&self, check: &Check<'_>, policy: &Policy) -> Result<Verdict, StoreError> {
        decisions::check::check(self, check, policy).await
    }

    async fn take_back(
        &self,
        new: &NewVerification,
        charge: &Charge,
        refund: Refund,
        policy: &Policy,
    ) -> Result<(), StoreError> {
        decisions::take_back::take_back(self, new, charge, refund, policy).await
    }

    async fn take_turn(&self, pacing: &Pacing) -> Result<Turn, StoreError> {
        decisions::turn::turn(self, pacing).await
    }

    async fn record_delivery(&self, report: &DeliveryReport, policy: &Policy) -> Result<Progress, StoreError> {
        decisions::delivery::record(self, report, policy).await
    }

    async fn cancel(
        &self,
        phone: &PhoneNumber,
        apps: &[AppName],
        limits: bool,
        policy: &Policy,
    ) -> Result<Cancellation, StoreError> {
        decisions::cancel::cancel(self, phone, apps, limits, policy).await
    }

    async fn status(&self, phone: &PhoneNumber, app: &AppName, policy: &Policy) -> Result<PhoneStatus, StoreError> {
        decisions::status::status(self, phone, app, policy).await
    }

    async fn active(&self, most: usize) -> Result<Vec<Verification>, StoreError> {
        let (active, _) = inspect::active(&self.route, &self.keys, self.timeout, most, usize::MAX).await?;
        Ok(active)
    }

    async fn glance(&self, most: usize) -> Result<(Vec<Verification>, bool), StoreError> {
        inspect::active(&self.route, &self.keys, self.timeout, most, inspect::GLANCE_STEPS).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.try_any().await.inspect_err(count)
    }
}
