//! Codes and limits in Redis: each decision is one Lua script, run by its hash, and one round trip.
//!
//! | Key | Type | Holds | Goes away |
//! |---|---|---|---|
//! | `otp:v1:{15551234567}:code` | hash | `id`, `digest`, `secret_id`, `attempts`, `max_attempts`, `created_at`, `expires_at`; `earlier` codes while a new one is being sent | lifetime + linger, or on success |
//! | `otp:v1:{15551234567}:sends` | string | moments of sends | with the longer of `per_phone`'s window and the cooldown |
//! | `otp:v1:{15551234567}:failures` | string | moments of wrong guesses | with the limit's window, or on success |
//! | `otp:v1:{15551234567}:guessers` | hash | the same by client address | likewise |
//! | `otp:v1:{ip:203.0.113.7}:sends` | string | moments of sends | with the limit's window |
//! | `otp:v1:{ip:203.0.113.7}:checks` | string | moments of guesses | with the limit's window |
//! | `otp:v1:{total:default}:sends` | hash | counts of sends by slices of the window | with the limit's window and a slice |
//! | `otp:v1:{sender:106540352242922}:pace` | string | when the next turn is, Unix us | when that has come |
//! | `otp:v1:{ack:0}:ack` | string | nothing: it is written in order to be waited for (`acknowledgement`) | after ten seconds |
//! | `otp:v1:{probe:0}:probe` | string, hash | nothing: it is written to see whether it can be (`probe`) | at once |
//!
//! Moments are Unix ms, 13 digits each, side by side, the newest last. With `redis.after_failover = "reject"` a code also
//! has the `history` that it belongs to.
//!
//! Start with the scripts in `decisions/lua/`; `keys` spells the keys, `reply` reads the answers. A decision goes through `route`
//! to the `primary` that has its keys, on a shared connection (`link`); `sentinel` and `cluster` say where that is.

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
use self::decisions::reply;
use self::decisions::scripts::Scripts;
pub use self::operators::findings::{Finding, Gravity};
pub use self::operators::survey::Survey;
use self::operators::{inspect, survey};
pub use self::settings::{
    AfterFailover, Credentials, KeyPrefix, KeyPrefixError, MasterName, MasterNameError, RedisSettings, Subject,
    Topology,
};
use crate::otp::{
    ActiveCode, Charge, Check, CodeStore, NewCode, PhoneNumber, PhoneStatus, Policy, Refund, Reservation, Revocation,
    StoreError, Turn, Verdict,
};
use crate::telemetry::metrics::{REDIS_ERRORS_TOTAL, REDIS_SCRIPT_DURATION_SECONDS};
use crate::telemetry::{CallSpan, Series};

/// Keeps codes and limits in Redis.
pub struct RedisStore {
    route: Route,
    keys: Keys,
    scripts: Scripts,
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
            scripts: Scripts::new(settings.after_failover),
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
impl CodeStore for RedisStore {
    async fn reserve(&self, code: &NewCode, policy: &Policy) -> Result<Reservation, StoreError> {
        self.reserve_in_parts(code, policy).await
    }

    async fn confirm(&self, code: &NewCode, policy: &Policy) -> Result<(), StoreError> {
        let (deadline, keys) = (self.deadline(), self.keys.phone(&code.phone));
        let script = self.scripts.confirm(&keys, code, policy);
        let (_, ticket) = self.decide::<u64>("confirm", &keys.code, &script, deadline).await?;
        self.acknowledged(ticket, deadline).await
    }

    async fn verify(&self, check: &Check<'_>, policy: &Policy) -> Result<Verdict, StoreError> {
        self.settle(check, policy).await
    }

    async fn take_back(
        &self,
        code: &NewCode,
        charge: Charge,
        refund: Refund,
        policy: &Policy,
    ) -> Result<(), StoreError> {
        self.take_back_all(code, charge, refund, policy).await
    }

    async fn take_turn(&self, policy: &Policy) -> Result<Turn, StoreError> {
        let key = self.keys.sender_pace(policy);
        let script = self.scripts.turn(&key, policy);
        let (answer, _) = self.decide("turn", &key, &script, self.deadline()).await?;
        reply::turn(answer).inspect_err(count)
    }

    async fn revoke(&self, phone: &PhoneNumber, limits: bool) -> Result<Revocation, StoreError> {
        let (deadline, keys) = (self.deadline(), self.keys.phone(phone));
        let script = self.scripts.revoke(&keys, limits);
        let ((codes, counters), ticket): ((u64, u64), _) = self.decide("revoke", &keys.code, &script, deadline).await?;
        self.acknowledged(ticket, deadline).await?;
        Ok(Revocation { code: codes > 0, limits: counters > 0 })
    }

    async fn status(&self, phone: &PhoneNumber, policy: &Policy) -> Result<PhoneStatus, StoreError> {
        let keys = self.keys.phone(phone);
        let script = self.scripts.status(&keys, policy);
        let (reply, _) = self.decide("status", &keys.code, &script, self.deadline()).await?;
        Ok(inspect::phone_status(reply, phone, policy))
    }

    async fn active(&self, most: usize) -> Result<Vec<ActiveCode>, StoreError> {
        let (codes, _) = inspect::active_codes(&self.route, &self.keys, self.timeout, most, usize::MAX).await?;
        Ok(codes)
    }

    async fn glance(&self, most: usize) -> Result<(Vec<ActiveCode>, bool), StoreError> {
        inspect::active_codes(&self.route, &self.keys, self.timeout, most, inspect::GLANCE_STEPS).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.try_any().await.inspect_err(count)
    }
}
