//! The stores under test, each with a way to let time pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use whatsapp_otp::otp::{CodeStore, UnixMillis};
use whatsapp_otp::store::redis::{KeyPrefix, RedisSettings, RedisStore, RedisUrl, Subject};
use whatsapp_otp::store::{Clock, EmbeddedStore};

use super::redis::RedisServer;
use super::unique_prefix;

/// A store and its clock.
pub struct TestStore {
    pub store: Arc<dyn CodeStore>,
    time: Time,
}

enum Time {
    /// The embedded store's clock is moved.
    Clock(Arc<ManualClock>),
    /// Redis's clock is its own: what it stored is made older instead.
    Redis(RedisKeys),
}

impl TestStore {
    pub fn embedded() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { store: Arc::new(EmbeddedStore::new(clock.clone())), time: Time::Clock(clock) }
    }

    pub fn redis() -> Self {
        Self::redis_with(Subject::Phone)
    }

    pub fn redis_with(subject: Subject) -> Self {
        let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
        let settings = RedisSettings { subject, ..settings(keys.server.url(), &keys.prefix) };
        Self { store: Arc::new(RedisStore::new(&settings).unwrap()), time: Time::Redis(keys) }
    }

    /// Lets `duration` pass.
    pub async fn advance(&self, duration: Duration) {
        match &self.time {
            Time::Clock(clock) => clock.advance(duration),
            Time::Redis(keys) => keys.age(duration).await,
        }
    }

    /// The test's keys, on Redis.
    pub fn keys(&self) -> Option<&RedisKeys> {
        match &self.time {
            Time::Clock(_) => None,
            Time::Redis(keys) => Some(keys),
        }
    }
}

/// Settings for a store on `url`, with defaults but for the prefix.
pub fn settings(url: &str, prefix: &str) -> RedisSettings {
    RedisSettings {
        url: RedisUrl::parse(url).unwrap(),
        password: None,
        key_prefix: KeyPrefix::parse(prefix).unwrap(),
        subject: Subject::Phone,
        timeout: Duration::from_secs(2),
        pool_size: 1,
        allow_unsafe: false,
    }
}

/// A clock that moves when told.
pub struct ManualClock(AtomicI64);

impl Default for ManualClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_750_000_000_000))
    }
}

impl ManualClock {
    pub fn advance(&self, duration: Duration) {
        self.0.fetch_add(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

/// One test's keys on a Redis.
pub struct RedisKeys {
    server: Arc<RedisServer>,
    prefix: String,
}

impl RedisKeys {
    pub fn new(server: Arc<RedisServer>, prefix: String) -> Self {
        Self { server, prefix }
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The server's URL.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// A connection of the test's own. It is patient: the machine may be busy with other tests.
    pub async fn connection(&self) -> ::redis::aio::MultiplexedConnection {
        let patience = Some(Duration::from_secs(20));
        let config =
            ::redis::AsyncConnectionConfig::new().set_connection_timeout(patience).set_response_timeout(patience);
        let client = ::redis::Client::open(self.server.url()).unwrap();
        client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
    }

    /// A key of the test by what follows its prefix, such as `v1:{15551234567}:code`.
    pub fn key(&self, rest: &str) -> String {
        format!("{}:{rest}", self.prefix)
    }

    /// A field of the record of a phone's code.
    pub async fn of_code(&self, digits: &str, field: &str) -> Option<String> {
        let key = self.key(&format!("v1:{{{digits}}}:code"));
        ::redis::cmd("HGET").arg(key).arg(field).query_async(&mut self.connection().await).await.unwrap()
    }

    /// Every key of the test, sorted.
    pub async fn list(&self) -> Vec<String> {
        let mut connection = self.connection().await;
        let (mut cursor, mut found) = (0_u64, std::collections::BTreeSet::new());
        loop {
            let mut scan = ::redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{}:*", self.prefix)).arg("COUNT").arg(1_000);
            let (next, keys): (u64, Vec<String>) = scan.query_async(&mut connection).await.unwrap();
            found.extend(keys);
            if next == 0 {
                return found.into_iter().collect();
            }
            cursor = next;
        }
    }

    /// Keys without a TTL: there must be none.
    pub async fn immortal(&self) -> Vec<String> {
        let mut connection = self.connection().await;
        let mut immortal = Vec::new();
        for key in self.list().await {
            let ttl: i64 = ::redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
            if ttl == -1 {
                immortal.push(key);
            }
        }
        immortal
    }

    /// Moves every stored moment and every TTL `duration` back, in one step.
    pub async fn age(&self, duration: Duration) {
        const AGE: &str = r"
            for _, key in ipairs(KEYS) do
              local ttl = redis.call('PTTL', key)
              if ttl >= 0 and ttl <= tonumber(ARGV[1]) then
                redis.call('DEL', key)
              else
                if redis.call('TYPE', key).ok == 'hash' then
                  redis.call('HINCRBY', key, 'created_at', -ARGV[1])
                  redis.call('HINCRBY', key, 'expires_at', -ARGV[1])
                else
                  local older = string.gsub(redis.call('GET', key), '%d%d%d%d%d%d%d%d%d%d%d%d%d', function(moment)
                    return string.format('%013.0f', moment - ARGV[1])
                  end)
                  redis.call('SET', key, older, 'KEEPTTL')
                end
                if ttl >= 0 then redis.call('PEXPIRE', key, ttl - ARGV[1]) end
              end
            end";
        let keys = self.list().await;
        if keys.is_empty() {
            return;
        }
        let mut age = ::redis::cmd("EVAL");
        age.arg(AGE).arg(keys.len()).arg(&keys).arg(u64::try_from(duration.as_millis()).unwrap());
        age.query_async::<()>(&mut self.connection().await).await.unwrap();
    }
}
