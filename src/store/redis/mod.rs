//! Verifications and limits in Redis: each decision is one Lua script, run by its hash.
//!
//! | Key | Type | Holds | Expires |
//! |---|---|---|---|
//! | `otp:v2:{15551234567}:verification:APP` | hash | the newest verification: `id`, `status`, `digest`, `secret_id`, `attempts`, `max_attempts`, `sends` if there were several, `created_at`, `expires_at`, `ended_at` once it has ended, known `deliveries`, `sent_at` if there were several messages, `details` of its caller, `checks` that can be repeated; `earlier` ones, a line each | deadline + linger |
//! | `otp:v2:{15551234567}:sends` | string | moments of sends | with the longest window of its limits, up to a quarter later |
//! | `otp:v2:{15551234567}:failures` | string | moments of wrong guesses | likewise, or on success |
//! | `otp:v2:{15551234567}:guessers` | hash | the same by client address | likewise |
//! | `otp:v2:{ip:203.0.113.7}:sends` | string | moments of sends | with the limit's window, up to a quarter later |
//! | `otp:v2:{ip:203.0.113.7}:checks` | string | moments of guesses | likewise |
//! | `otp:v2:{app:default}:total` | hash | counts of sends by slices of the window | likewise |
//! | `otp:v2:{sender:106540352242922}:pace` | string | the moment of the next turn, Unix us | ten seconds later |
//! | `otp:v2:{app:default}:events` | stream | the events of an app whose endpoint does not have them yet, at most about 10,000 | 7 days after the newest |
//! | `otp:v2:{15551234567}:outbox` | stream | in a cluster, the number's events until they are moved to those of the app | 7 days later |
//! | `otp:v2:{timers}:timers` | sorted set | ids of verifications whose app is told of events, by the moment to visit them | an hour after the latest |
//! | `otp:v2:{message:1f0c…}:verification_of` | string | the id of the verification whose code a message carries, by a digest of the channel's id | with the verification |
//! | `otp:v2:{request:1f0c…}:idempotency` | string | an idempotency key's entry: `running:TOKEN:FINGERPRINT`, then `created:ID:FINGERPRINT` or `resumed:…` | with the time for the call, then with the time to keep its result |
//! | `otp:v2:{waba:102290129340398}:suspensions` | hash | the suspended parts of the account, by scope: `since`, end, `timed` or `resumable`, cause | with the last of them, at most a day after its renewal |
//! | `otp:v2:{app:default}:events` | stream | events on their way to the app's endpoint: `id`, `type`, `at`, `app`, `sequence`, `about` each; about 10,000 at most | seven days after the last |
//! | `otp:v2:{app:default}:retries` | sorted set | the entries that were taken, by the moment at which they are due again | likewise |
//! | `otp:v2:{app:default}:added` | sorted set | ids of events that no decision about a number added, by moment; 10,000 at most | an hour after the last |
//! | `otp:v2:{app:default}:undelivered` | stream | events that were given up, with `given_up_at` and `error`; 1,000 at most | seven days after the last |
//! | `otp:v2:{app:default}:endpoint` | hash | the state of the endpoint: `disabled_at`, events that `failed` in a row, `last_error`; events `dropped` and `removed` | with its queue, up to a quarter later |
//! | `otp:v2:{ack:0}:ack` | string | nothing: it is written for acknowledgements (`acknowledgement`) | after ten seconds |
//! | `otp:v2:{probe:0}:probe` | string, hash, sorted set, stream | nothing: it is written to check that it can be (`probe`) | immediately |
//!
//! Moments are Unix ms, 13 digits each, without separators, the newest last. With `redis.after_failover = "reject"`, a
//! verification also has the `history` that it belongs to.
//!
//! `decisions` has a file for each decision and, in `lua/`, its script; `keys` there builds the keys. A decision goes
//! through `client::route` to the `primary` that has its keys, on a shared connection (`link`); `sentinel` and
//! `cluster` find that primary. `operators` has the view for operators.

mod client;
mod decisions;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod operators;
mod outbox;
mod settings;
mod store;
mod units;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

pub use self::client::address::{Endpoint, EndpointError, RedisUrl, RedisUrlError};
pub use self::operators::findings::{Finding, Gravity};
use self::operators::inspect;
pub use self::operators::survey::Survey;
pub use self::settings::{
    AfterFailover, Credentials, KeyPrefix, KeyPrefixError, MasterName, MasterNameError, RedisSettings, Subject,
    Topology,
};
pub use self::store::RedisStore;
use self::store::count;
use self::units::milliseconds;
use crate::otp::{
    AppName, Attempt, Begun, Cancellation, Charge, Check, Creation, DeliveryReport, Denial, EndpointState, EventQueue,
    EventTypes, FailedMessage, Finished, IdempotentCall, Message, MessageId, NewSuspension, NewVerification, Opened,
    Pacing, PhoneNumber, PhoneStatus, Policy, Progress, Refund, Resending, SenderEvent, Settlement, StoreError,
    Suspension, SuspensionScope, Suspensions, TakenEvent, Turn, UndeliveredEvent, UnixMillis, Verification,
    VerificationId, VerificationStore,
};

#[async_trait]
impl VerificationStore for RedisStore {
    async fn create(&self, new: &NewVerification, policy: &Policy) -> Result<Creation, StoreError> {
        decisions::create::create(self, new, policy).await
    }

    async fn confirm(&self, message: &Message, policy: &Policy) -> Result<(), StoreError> {
        decisions::confirm::confirm(self, message, policy).await
    }

    async fn resend(&self, message: &Message, policy: &Policy) -> Result<Resending, StoreError> {
        decisions::resend::resend(self, message, policy).await
    }

    async fn check(&self, check: &Check<'_>, policy: &Policy) -> Result<Settlement, StoreError> {
        decisions::check::check(self, check, policy).await
    }

    async fn take_back(
        &self,
        message: &Message,
        number: u32,
        charge: &Charge,
        refund: Refund,
        failure: Option<&FailedMessage>,
        policy: &Policy,
    ) -> Result<(), StoreError> {
        decisions::take_back::take_back(self, message, number, charge, refund, failure, policy).await
    }

    async fn take_turn(&self, pacing: &Pacing) -> Result<Turn, StoreError> {
        decisions::turn::turn(self, pacing).await
    }

    async fn record_delivery(&self, report: &DeliveryReport, policy: &Policy) -> Result<Progress, StoreError> {
        decisions::delivery::record(self, report, policy).await
    }

    async fn begin(&self, call: &IdempotentCall, hold: Duration) -> Result<Begun, StoreError> {
        decisions::begin::begin(self, call, hold).await
    }

    async fn finish(&self, call: &IdempotentCall, result: Option<Finished>, keep: Duration) -> Result<(), StoreError> {
        decisions::finish::finish(self, call, result, keep).await
    }

    async fn cancel(
        &self,
        phone: &PhoneNumber,
        apps: &[(AppName, EventTypes)],
        limits: bool,
        policy: &Policy,
    ) -> Result<Cancellation, StoreError> {
        decisions::cancel::cancel(self, phone, apps, limits, policy).await
    }

    async fn cancel_one(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Option<Verification>, StoreError> {
        decisions::cancel_one::cancel_one(self, phone, app, id, policy).await
    }

    async fn deny(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Denial, StoreError> {
        decisions::deny::deny(self, phone, app, id, policy).await
    }

    async fn verification_of(&self, message: &MessageId) -> Result<Option<VerificationId>, StoreError> {
        decisions::message::verification_of(self, message).await
    }

    async fn due(&self, most: usize, lease: Duration) -> Result<Vec<VerificationId>, StoreError> {
        decisions::timers::due(self, most, lease).await
    }

    async fn visit(
        &self,
        phone: &PhoneNumber,
        app: &AppName,
        id: &VerificationId,
        policy: &Policy,
    ) -> Result<Option<Duration>, StoreError> {
        decisions::expire::visit(self, phone, app, id, policy).await
    }

    async fn visited(&self, visits: &[(VerificationId, Option<Duration>)]) -> Result<(), StoreError> {
        decisions::timers::set(self, visits).await
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

#[async_trait]
impl Suspensions for RedisStore {
    async fn suspend(&self, account: &str, new: &NewSuspension) -> Result<Opened, StoreError> {
        decisions::suspend::suspend(self, account, new).await
    }

    async fn resume(
        &self,
        account: &str,
        scope: &SuspensionScope,
        seen: Option<UnixMillis>,
    ) -> Result<bool, StoreError> {
        decisions::resume::resume(self, account, scope, seen).await
    }

    async fn suspensions(&self, account: &str) -> Result<Vec<Suspension>, StoreError> {
        decisions::suspended::suspended(self, account).await
    }
}

#[async_trait]
impl EventQueue for RedisStore {
    async fn add(&self, event: &SenderEvent) -> Result<bool, StoreError> {
        let is_new = decisions::add_event::add(self, event).await?;
        self.events_written().notify_one();
        Ok(is_new)
    }

    fn bell(&self) -> Arc<Notify> {
        self.events_written()
    }

    async fn take(&self, app: &AppName, most: usize, lease: Duration) -> Result<Vec<TakenEvent>, StoreError> {
        decisions::take_events::take(self, app, most, lease).await
    }

    async fn settle(&self, app: &AppName, place: &str, attempt: &Attempt) -> Result<bool, StoreError> {
        decisions::settle_event::settle(self, app, place, attempt).await
    }

    async fn undelivered(&self, app: &AppName, most: usize) -> Result<Vec<UndeliveredEvent>, StoreError> {
        decisions::undelivered::undelivered(self, app, most).await
    }

    async fn replay(&self, app: &AppName, id: Option<&str>) -> Result<u64, StoreError> {
        decisions::replay_events::replay(self, app, id).await
    }

    async fn endpoint(&self, app: &AppName) -> Result<EndpointState, StoreError> {
        decisions::endpoint::endpoint(self, app).await
    }
}
