//! Codes and limits in Redis: each decision is one Lua script, run by its hash, and one round trip.
//!
//! | Key | Type | Holds | Goes away |
//! |---|---|---|---|
//! | `otp:v1:{15551234567}:code` | hash | `id`, `digest`, `secret_id`, `attempts`, `max_attempts`, `created_at`, `expires_at` | lifetime + linger, or on success |
//! | `otp:v1:{15551234567}:sends` | string | moments of sends | with the longer of `per_phone`'s window and the cooldown |
//! | `otp:v1:{15551234567}:failures` | string | moments of wrong guesses | with the limit's window |
//! | `otp:v1:{ip:203.0.113.7}:sends` | string | moments of sends | with the limit's window |
//! | `otp:v1:{sender:106540352242922}:sends` | string | turns of messages | after two seconds |
//!
//! Moments are Unix ms, 13 digits each, side by side, the newest last.
//!
//! Start with the scripts in `lua/`; `keys` spells the keys, `reply` reads the answers, `link` is the connection.

mod inspect;
mod keys;
mod link;
mod reply;
mod safety;
mod scripts;
mod settings;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use deadpool_redis::{Manager, Pool, PoolConfig, Runtime, Timeouts};
use metrics::{counter, histogram};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, FromRedisValue, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisError,
    ScriptInvocation,
};
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use self::keys::Keys;
use self::link::Link;
pub use self::safety::Finding;
use self::scripts::Scripts;
pub use self::settings::{KeyPrefix, KeyPrefixError, RedisSettings, RedisUrl, RedisUrlError, Subject};
use crate::otp::{
    ActiveCode, Charge, CodeStore, NewCode, PhoneNumber, PhoneStatus, Policy, Reservation, Revocation, SealedCode,
    StoreError, Verdict,
};
use crate::telemetry::CallSpan;
use crate::telemetry::metrics::{PACING_WAIT_SECONDS, REDIS_ERRORS_TOTAL, REDIS_SCRIPT_DURATION_SECONDS};

/// Keeps codes and limits in Redis.
pub struct RedisStore {
    links: Box<[Link]>,
    next: AtomicUsize,
    pool: Pool,
    keys: Keys,
    scripts: Scripts,
    timeout: Duration,
    settings: RedisSettings,
}

impl RedisStore {
    /// Sets up the connections, which then come about by themselves: a server that is away is no error here.
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// [`StoreError::Faulty`] if the settings are no way to connect, such as TLS without trusted certificates.
    pub fn new(settings: &RedisSettings) -> Result<Self, StoreError> {
        let (losses, lost) = watch::channel(0);
        let pool = pool(settings, losses).map_err(|error| StoreError::Faulty(error.to_string()))?;
        let patience = connect_timeout(settings.timeout);
        Ok(Self {
            links: (0..settings.pool_size.max(1))
                .map(|_| Link::start(pool.clone(), scripts::load(), patience, lost.clone()))
                .collect(),
            next: AtomicUsize::new(0),
            pool,
            keys: Keys::new(&settings.key_prefix, settings.subject.clone()),
            scripts: Scripts::new(),
            timeout: settings.timeout,
            settings: settings.clone(),
        })
    }

    /// What an operator should know about the server, gravest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the server does not say, or may not.
    pub async fn findings(&self) -> Result<Vec<Finding>, StoreError> {
        let info: String = self.bounded(async |connection| redis::cmd("INFO").query_async(connection).await).await?;
        Ok(safety::findings(&safety::Info::parse(&info), &self.settings))
    }

    /// Runs a script within the time-out. Its outcome is unknown if that fails, so it is never run again unasked.
    async fn run<T: FromRedisValue>(&self, name: &'static str, script: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        let (mut span, began) = (CallSpan::script(name), Instant::now());
        let answer = self.bounded(async |connection| script.invoke_async(connection).await).await;
        histogram!(REDIS_SCRIPT_DURATION_SECONDS, "script" => name).record(began.elapsed());
        if let Err(error) = &answer {
            span.failed(error.kind(), None);
        }
        answer
    }

    /// Runs a command on a shared connection, connecting included, within the time-out. Failures are counted.
    async fn bounded<T>(
        &self,
        command: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, StoreError> {
        self.on_a_link(command).await.inspect_err(count)
    }

    async fn on_a_link<T>(
        &self,
        command: impl AsyncFnOnce(&mut MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, StoreError> {
        let deadline = Instant::now() + self.timeout;
        let link = &self.links[self.next.fetch_add(1, Ordering::Relaxed) % self.links.len()];
        let late = |_| StoreError::NoAnswer(format!("nothing within {:?}", self.timeout));

        let mut connected = timeout_at(deadline, link.connection()).await.map_err(late)??;
        match timeout_at(deadline, command(&mut connected.connection)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                let lost = error.is_io_error() || error.is_unrecoverable_error();
                // A primary that became a replica: its successor may be found by connecting anew.
                if lost || error.code() == Some("READONLY") {
                    link.suspect(&connected);
                }
                let text = describe(&error);
                Err(if lost { StoreError::NoAnswer(text) } else { StoreError::Faulty(text) })
            }
            Err(elapsed) => {
                link.suspect(&connected);
                Err(late(elapsed))
            }
        }
    }
}

fn count(error: &StoreError) {
    counter!(REDIS_ERRORS_TOTAL, "kind" => error.kind()).increment(1);
}

/// Connecting gets a quarter of the time a decision may take, so that a lost connection is replaced within one.
fn connect_timeout(timeout: Duration) -> Duration {
    (timeout / 4).clamp(Duration::from_millis(250), Duration::from_secs(1)).min(timeout)
}

/// Makes connections, and counts in `losses` those that turned out to be closed.
fn pool(
    settings: &RedisSettings,
    losses: watch::Sender<u64>,
) -> Result<Pool, Box<dyn std::error::Error + Send + Sync>> {
    let info = settings.url.expose().into_connection_info()?;
    // Only with RESP3, which every version from 6.0 speaks, does the client tell when it loses a connection.
    let mut redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    if let Some(password) = &settings.password {
        redis = redis.set_password(password.expose_secret());
    }
    // Nagle's delay would add to each round trip.
    let info = info.set_redis_settings(redis).set_tcp_settings(TcpSettings::default().set_nodelay(true));
    let connect = connect_timeout(settings.timeout);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(connect))
        .set_response_timeout(Some(settings.timeout))
        .set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                losses.send_modify(|count| *count += 1);
            }
            Ok::<(), redis::aio::SendError>(())
        });
    let timeouts = Timeouts { wait: Some(connect), create: Some(connect), recycle: Some(connect) };
    let pool = Pool::builder(Manager::new_with_config(info, config)?)
        .config(PoolConfig { max_size: settings.pool_size.max(1) + 1, timeouts, ..PoolConfig::default() })
        .runtime(Runtime::Tokio1)
        .build()?;
    Ok(pool)
}

/// The error without what it may quote: server errors can repeat arguments of the command.
fn describe(error: &RedisError) -> String {
    match error.code() {
        Some(code) => format!("{code} from the server"),
        None => error.category().to_owned(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[async_trait]
impl CodeStore for RedisStore {
    async fn reserve(&self, code: &NewCode, policy: &Policy) -> Result<Reservation, StoreError> {
        let keys = self.keys.phone(&code.phone);
        let address = self.keys.address_sends(&code.client);
        let sender = self.keys.sender_sends(policy);
        let script = self.scripts.reserve(&keys, &address, &sender, code, policy);
        let reservation = reply::reservation(self.run("reserve", &script).await?).inspect_err(count)?;
        if let (Reservation::Reserved(charge), true) = (reservation, policy.pacing.is_some()) {
            histogram!(PACING_WAIT_SECONDS).record(charge.wait);
        }
        Ok(reservation)
    }

    async fn verify(
        &self,
        phone: &PhoneNumber,
        candidates: &[SealedCode],
        policy: &Policy,
    ) -> Result<Verdict, StoreError> {
        let script = self.scripts.verify(&self.keys.phone(phone), candidates, policy);
        reply::verdict(self.run("verify", &script).await?).inspect_err(count)
    }

    async fn take_back(&self, code: &NewCode, charge: Charge, policy: &Policy) -> Result<(), StoreError> {
        let keys = self.keys.phone(&code.phone);
        let address = self.keys.address_sends(&code.client);
        let sender = self.keys.sender_sends(policy);
        self.run("take_back", &self.scripts.take_back(&keys, &address, &sender, code, charge)).await
    }

    async fn revoke(&self, phone: &PhoneNumber, limits: bool) -> Result<Revocation, StoreError> {
        let (codes, counters): (u64, u64) =
            self.run("revoke", &self.scripts.revoke(&self.keys.phone(phone), limits)).await?;
        Ok(Revocation { code: codes > 0, limits: counters > 0 })
    }

    async fn status(&self, phone: &PhoneNumber, policy: &Policy) -> Result<PhoneStatus, StoreError> {
        let reply = self.run("status", &self.scripts.status(&self.keys.phone(phone), policy)).await?;
        Ok(inspect::phone_status(reply, phone, policy))
    }

    async fn active(&self, most: usize) -> Result<Vec<ActiveCode>, StoreError> {
        inspect::active_codes(&self.pool, &self.keys, self.timeout, most).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.bounded(async |connection| redis::cmd("PING").query_async(connection).await).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connecting_takes_a_part_of_the_time_out() {
        let connect = |ms| connect_timeout(Duration::from_millis(ms)).as_millis();
        assert_eq!([connect(2_000), connect(30_000), connect(500), connect(100)], [500, 1_000, 250, 100]);
    }
}
