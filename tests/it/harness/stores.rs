//! The stores under test, each with a way to let time pass.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use whatsapp_otp::otp::{EventQueue, Suspensions, UnixMillis, VerificationStore};
use whatsapp_otp::store::redis::{
    self, AfterFailover, Credentials, Endpoint, KeyPrefix, MasterName, RedisSettings, RedisStore, RedisUrl, Subject,
};
use whatsapp_otp::store::{Clock, EmbeddedStore};

use super::redis::RedisServer;
use super::topology::{Kind, MASTER_NAME, Node, Topology};
use super::unique_prefix;

/// A store and its clock.
#[derive(Clone)]
pub struct TestStore {
    pub store: Arc<dyn VerificationStore>,
    pub suspensions: Arc<dyn Suspensions>,
    /// The same store, as the queue of events.
    pub events: Arc<dyn EventQueue>,
    time: Time,
}

#[derive(Clone)]
enum Time {
    /// The embedded store's clock is advanced.
    Clock(Arc<ManualClock>),
    /// Redis has its own clock: the stored data is made older instead.
    Redis(Arc<RedisKeys>),
}

impl TestStore {
    pub fn embedded() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self::on(EmbeddedStore::new(clock.clone()), Time::Clock(clock))
    }

    pub fn redis() -> Self {
        Self::redis_with(Subject::Phone)
    }

    pub fn redis_with(subject: Subject) -> Self {
        let keys = RedisKeys::new(RedisServer::shared(), unique_prefix());
        let settings = RedisSettings { subject, ..settings(keys.url(), &keys.prefix) };
        Self::on(RedisStore::new(&settings).unwrap(), Time::Redis(Arc::new(keys)))
    }

    /// Returns a store on several servers that all tests of this run share, with every protection.
    pub async fn replicated(kind: Kind) -> Self {
        let servers = Topology::shared(kind).await;
        let keys = RedisKeys::on(servers, unique_prefix()).await;
        let store = RedisStore::new(&keys.settings()).unwrap();
        Self::on(store, Time::Redis(Arc::new(keys)))
    }

    fn on(store: impl VerificationStore + Suspensions + EventQueue + 'static, time: Time) -> Self {
        let store = Arc::new(store);
        Self { store: store.clone(), suspensions: store.clone(), events: store, time }
    }

    /// Lets `duration` pass.
    pub async fn advance(&self, duration: Duration) {
        match &self.time {
            Time::Clock(clock) => clock.advance(duration),
            Time::Redis(keys) => keys.age(duration).await,
        }
    }

    /// Sets the clock back by `duration`: stored events then lie ahead of it.
    pub async fn set_back(&self, duration: Duration) {
        match &self.time {
            Time::Clock(clock) => clock.set_back(duration),
            Time::Redis(keys) => keys.rejuvenate(duration).await,
        }
    }

    /// The test's keys in Redis.
    pub fn keys(&self) -> Option<&RedisKeys> {
        match &self.time {
            Time::Clock(_) => None,
            Time::Redis(keys) => Some(keys),
        }
    }
}

/// Returns settings for a store on `url`, with defaults except for the prefix.
pub fn settings(url: &str, prefix: &str) -> RedisSettings {
    RedisSettings {
        topology: redis::Topology::Single(RedisUrl::parse(url).unwrap()),
        credentials: Credentials::default(),
        key_prefix: KeyPrefix::parse(prefix).unwrap(),
        subject: Subject::Phone,
        timeout: Duration::from_secs(2),
        pool_size: 1,
        allow_unsafe: false,
        min_replicas_ack: 0,
        after_failover: AfterFailover::Accept,
    }
}

/// Returns settings for a store on several servers, with the defaults of their mode except for the prefix.
pub fn replicated_settings(servers: &Topology, prefix: &str) -> RedisSettings {
    let endpoints = |nodes: &[Node], port| {
        nodes.iter().map(|node| Endpoint::parse(&node.address().to_string(), port).unwrap()).collect()
    };
    let topology = match servers.kind() {
        Kind::Sentinel => redis::Topology::Sentinel {
            sentinels: endpoints(servers.sentinels(), 26_379),
            master_name: MasterName::parse(MASTER_NAME).unwrap(),
            credentials: Credentials::default(),
            servers_speak_tls: false,
        },
        Kind::Cluster => redis::Topology::Cluster { nodes: endpoints(servers.nodes(), 6_379) },
    };
    RedisSettings {
        topology,
        min_replicas_ack: 1,
        after_failover: AfterFailover::Reject,
        ..settings("redis://unused", prefix)
    }
}

/// A clock that moves only when told.
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

    pub fn set_back(&self, duration: Duration) {
        self.0.fetch_sub(i64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0.load(Ordering::SeqCst))
    }
}

/// One test's keys on a Redis.
pub struct RedisKeys {
    servers: Servers,
    /// The servers that have the keys.
    urls: Vec<String>,
    prefix: String,
}

/// Kept so that it keeps running.
enum Servers {
    One(#[expect(dead_code, reason = "dropping it stops the server")] Arc<RedisServer>),
    Several(Arc<Topology>),
}

impl RedisKeys {
    pub fn new(server: Arc<RedisServer>, prefix: String) -> Self {
        Self { urls: vec![server.url().to_owned()], servers: Servers::One(server), prefix }
    }

    /// Returns the keys of a test that does not change primaries.
    pub async fn on(servers: Arc<Topology>, prefix: String) -> Self {
        let primaries = servers.whole().await.into_iter().map(|shard| servers.nodes()[shard.primary].url());
        Self { urls: primaries.collect(), servers: Servers::Several(servers), prefix }
    }

    /// Returns settings for a store with these keys.
    pub fn settings(&self) -> RedisSettings {
        match &self.servers {
            Servers::One(_) => settings(self.url(), &self.prefix),
            Servers::Several(servers) => replicated_settings(servers, &self.prefix),
        }
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the server's URL, or the first of several.
    pub fn url(&self) -> &str {
        &self.urls[0]
    }

    /// Opens a connection for the test.
    pub async fn connection(&self) -> MultiplexedConnection {
        connection(self.url()).await
    }

    /// Returns a key by the part after its prefix, such as `v2:{15551234567}:verification:default`.
    pub fn key(&self, rest: &str) -> String {
        format!("{}:{rest}", self.prefix)
    }

    /// Returns a field of a phone's newest verification.
    pub async fn of_verification(&self, digits: &str, field: &str) -> Option<String> {
        let key = self.key(&format!("v2:{{{digits}}}:verification:default"));
        ::redis::cmd("HGET").arg(key).arg(field).query_async(&mut self.connection().await).await.unwrap()
    }

    /// Sets a field of a phone's newest verification, on whichever server has it.
    pub async fn forge(&self, digits: &str, field: &str, value: &str) {
        let key = self.key(&format!("v2:{{{digits}}}:verification:default"));
        for url in &self.urls {
            let mut connection = connection(url).await;
            if self.list_on(&mut connection).await.contains(&key) {
                return ::redis::cmd("HSET")
                    .arg(&key)
                    .arg(field)
                    .arg(value)
                    .query_async(&mut connection)
                    .await
                    .unwrap();
            }
        }
        panic!("no server has {key}");
    }

    /// Returns every key of the test, sorted.
    pub async fn list(&self) -> Vec<String> {
        let mut found = BTreeSet::new();
        for url in &self.urls {
            found.extend(self.list_on(&mut connection(url).await).await);
        }
        found.into_iter().collect()
    }

    async fn list_on(&self, connection: &mut MultiplexedConnection) -> BTreeSet<String> {
        let (mut cursor, mut found) = (0_u64, BTreeSet::new());
        loop {
            let mut scan = ::redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{}:*", self.prefix)).arg("COUNT").arg(1_000);
            let (next, keys): (u64, Vec<String>) = scan.query_async(connection).await.unwrap();
            found.extend(keys);
            if next == 0 {
                return found;
            }
            cursor = next;
        }
    }

    /// Returns the keys without a TTL; there must not be any.
    pub async fn immortal(&self) -> Vec<String> {
        let mut immortal = Vec::new();
        for url in &self.urls {
            let mut connection = connection(url).await;
            for key in self.list_on(&mut connection).await {
                let ttl: i64 = ::redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
                if ttl == -1 {
                    immortal.push(key);
                }
            }
        }
        immortal
    }

    /// Moves every stored moment and every TTL back by `duration`: in one step per server, unless slots prevent that.
    pub async fn age(&self, duration: Duration) {
        self.shift(i64::try_from(duration.as_millis()).unwrap()).await;
    }

    /// Moves every stored moment ahead, as if the clock had been set back.
    pub async fn rejuvenate(&self, duration: Duration) {
        self.shift(-i64::try_from(duration.as_millis()).unwrap()).await;
    }

    async fn shift(&self, milliseconds: i64) {
        const AGE: &str = r"
            -- A turn in us begins with its ms.
            local function older(text)
              return (string.gsub(text, string.rep('%d', 13), function(moment)
                return string.format('%013.0f', moment - ARGV[1])
              end))
            end
            -- Of several words those that are moments: a digest may have as many digits in it.
            local function older_words(text)
              return (string.gsub(text, '%S+', function(word)
                return not string.find(word, '%D') and #word % 13 == 0 and older(word) or nil
              end))
            end
            for _, key in ipairs(KEYS) do
              local ttl = redis.call('PTTL', key)
              -- One that went away meanwhile is as old as can be.
              if ttl == -2 or ttl >= 0 and ttl <= tonumber(ARGV[1]) then
                redis.call('DEL', key)
              else
                local kind = redis.call('TYPE', key).ok
                if kind == 'zset' then
                  for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
                    redis.call('ZINCRBY', key, -ARGV[1], member)
                  end
                elseif kind == 'hash' then
                  local entries = redis.call('HGETALL', key)
                  for i = 1, #entries, 2 do
                    redis.call('HDEL', key, entries[i])
                    redis.call('HSET', key, older_words(entries[i]), older_words(entries[i + 1]))
                  end
                  redis.call('PEXPIRE', key, ttl)
                elseif kind == 'string' then
                  local text = redis.call('GET', key) or ''
                  redis.call('SET', key, string.find(text, '%D') and text or older(text), 'KEEPTTL')
                end
                if ttl >= 0 then redis.call('PEXPIRE', key, ttl - ARGV[1]) end
              end
            end";
        for url in &self.urls {
            let mut connection = connection(url).await;
            let mut keys: Vec<String> = self.list_on(&mut connection).await.into_iter().collect();
            keys.retain(|key| !key.contains("{ack:"));
            let at_once = if self.urls.len() == 1 { keys.len().max(1) } else { 1 };
            let mut age = ::redis::pipe();
            for keys in keys.chunks(at_once) {
                age.cmd("EVAL").arg(AGE).arg(keys.len()).arg(keys).arg(milliseconds).ignore();
            }
            if !keys.is_empty() {
                age.query_async::<()>(&mut connection).await.unwrap();
            }
        }
    }
}

/// Opens a patient connection: the machine may be busy with other tests.
async fn connection(url: &str) -> MultiplexedConnection {
    let patience = Some(Duration::from_secs(20));
    let config = ::redis::AsyncConnectionConfig::new().set_connection_timeout(patience).set_response_timeout(patience);
    let client = ::redis::Client::open(url).unwrap();
    client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
}
