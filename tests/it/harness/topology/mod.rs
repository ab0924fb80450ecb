//! Several real Redis servers on loopback: watched by sentinels, or as a cluster.
//!
//! [`Topology`] is either. Both support the same operations, so one schedule of faults runs on each.

mod cluster;
mod node;
mod sentinel;
mod server;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

pub use self::cluster::Migration;
pub use self::node::{Node, Role};
pub use self::sentinel::MASTER_NAME;

/// Replicas and sentinels log in as these users, so that each can be locked out without affecting clients.
const REPLICATION_USER: &str = "replication";
const SENTINEL_USER: &str = "sentinel";
const THEIR_PASSWORD: &str = "the-password-of-the-servers";
/// The maximum time for a topology to be whole, at its start and after a fault.
const WHOLE_WITHIN: Duration = Duration::from_secs(40);

/// The kind of topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One primary, two replicas, three sentinels.
    Sentinel,
    /// Three primaries with a replica each.
    Cluster,
}

/// The passwords of clients, if any.
#[derive(Debug, Clone, Copy, Default)]
pub struct Passwords {
    pub redis: Option<&'static str>,
    pub sentinel: Option<&'static str>,
}

/// A primary and its replicas, as indexes of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    pub primary: usize,
    pub replicas: Vec<usize>,
}

/// A topology of Redis servers.
pub struct Topology {
    kind: Kind,
    nodes: Vec<Node>,
    sentinels: Vec<Node>,
    passwords: Passwords,
}

impl Topology {
    /// Starts one and waits until it is whole.
    pub async fn start(kind: Kind) -> Self {
        Self::start_with(kind, Passwords::default()).await
    }

    /// The same, with passwords.
    pub async fn start_with(kind: Kind, passwords: Passwords) -> Self {
        let (nodes, sentinels) = tokio::task::spawn_blocking(move || match kind {
            Kind::Sentinel => sentinel::start(&passwords),
            Kind::Cluster => (cluster::start(&passwords), Vec::new()),
        })
        .await
        .unwrap();
        let topology = Self { kind, nodes, sentinels, passwords };
        for sentinel in &topology.sentinels {
            sentinel::hasten(sentinel).await;
        }
        if kind == Kind::Cluster {
            cluster::form(&topology.nodes).await;
        }
        topology.whole().await;
        topology
    }

    /// Returns one that all tests of this run share: none may disturb it.
    pub async fn shared(kind: Kind) -> Arc<Self> {
        static SHARED: [Mutex<Weak<Topology>>; 2] = [const { Mutex::const_new(Weak::new()) }; 2];
        let mut shared = SHARED[kind as usize].lock().await;
        if let Some(topology) = shared.upgrade() {
            return topology;
        }
        let topology = Arc::new(Self::start(kind).await);
        *shared = Arc::downgrade(&topology);
        topology
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the servers with data, by index.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns the sentinels, if there are any.
    pub fn sentinels(&self) -> &[Node] {
        &self.sentinels
    }

    /// Returns the service's settings for it.
    pub fn settings(&self) -> HashMap<String, String> {
        let addresses = |nodes: &[Node]| {
            let addresses: Vec<String> = nodes.iter().map(|node| node.address().to_string()).collect();
            addresses.join(",")
        };
        let mut settings = HashMap::new();
        let mut set = |key: &str, value: &str| settings.insert(key.to_owned(), value.to_owned());
        match self.kind {
            Kind::Sentinel => {
                set("redis.mode", "sentinel");
                set("redis.sentinels", &addresses(&self.sentinels));
                set("redis.master_name", MASTER_NAME);
                self.passwords.sentinel.map(|password| set("redis.sentinel_password", password));
            }
            Kind::Cluster => {
                set("redis.mode", "cluster");
                set("redis.nodes", &addresses(&self.nodes));
            }
        }
        self.passwords.redis.map(|password| set("redis.password", password));
        settings
    }

    /// Returns the primaries and their replicas, if nothing is missing, all agree, and every replica is in step.
    ///
    /// # Errors
    ///
    /// The first problem.
    pub async fn shards(&self) -> Result<Vec<Shard>, String> {
        let shards = match self.kind {
            Kind::Sentinel => vec![sentinel::shard(&self.nodes, &self.sentinels).await?],
            Kind::Cluster => cluster::shards(&self.nodes).await?,
        };
        for shard in &shards {
            self.in_step(shard).await?;
        }
        Ok(shards)
    }

    /// Returns `true` if all replicas of a shard are connected to its primary and have its data.
    async fn in_step(&self, shard: &Shard) -> Result<(), String> {
        let primary = &self.nodes[shard.primary];
        let info: String = primary.ask("INFO replication").await.map_err(|error| error.to_string())?;
        let online = info.lines().filter(|line| line.starts_with("slave") && line.contains("state=online")).count();
        let replicas = self.replicas_per_primary();
        if !info.contains("role:master") || online != replicas || shard.replicas.len() != replicas {
            return Err(format!("{} has {online} replicas of {:?}", primary.address(), shard.replicas));
        }
        for &replica in &shard.replicas {
            let replica = &self.nodes[replica];
            let info: String = replica.ask("INFO replication").await.map_err(|error| error.to_string())?;
            let follows = format!("master_port:{}\r\n", primary.address().port());
            let in_step = ["role:slave", "master_link_status:up", "master_sync_in_progress:0", &follows];
            if let Some(missing) = in_step.iter().find(|part| !info.contains(**part)) {
                return Err(format!("{} is not {missing}", replica.address()));
            }
        }
        Ok(())
    }

    /// Returns the number of replicas of each primary when the topology is whole.
    pub fn replicas_per_primary(&self) -> usize {
        match self.kind {
            Kind::Sentinel => 2,
            Kind::Cluster => 1,
        }
    }

    /// Waits until nothing is missing, all agree, and every replica is in step.
    pub async fn whole(&self) -> Vec<Shard> {
        let began = Instant::now();
        loop {
            match self.shards().await {
                Ok(shards) => return shards,
                Err(error) => assert!(began.elapsed() < WHOLE_WITHIN, "not whole within {WHOLE_WITHIN:?}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops a primary's changes from reaching its replicas, while it continues to serve clients.
    pub async fn cut_replication(&self, primary: usize) {
        let node = &self.nodes[primary];
        node.tell(&format!("ACL SETUSER {REPLICATION_USER} off")).await;
        node.tell("CLIENT KILL TYPE replica").await;
    }

    /// Stops sentinels from reaching a primary as well. Clients are not affected.
    pub async fn cut_off(&self, primary: usize) {
        // It can still log in; otherwise it would continue as the default user, who needs no password.
        self.nodes[primary].tell(&format!("ACL SETUSER {SENTINEL_USER} nocommands resetchannels")).await;
        self.cut_replication(primary).await;
    }

    /// Lets replicas and sentinels reach this primary again.
    pub async fn mend(&self, primary: usize) {
        let node = &self.nodes[primary];
        node.tell(&format!("ACL SETUSER {REPLICATION_USER} on")).await;
        node.tell(&format!("ACL SETUSER {SENTINEL_USER} allcommands allchannels")).await;
    }

    /// Promotes a replica of a healthy primary, as an operator does before an upgrade, and waits until it is done.
    pub async fn hand_over(&self, shard: &Shard) {
        let began = Instant::now();
        loop {
            let told = match self.kind {
                Kind::Sentinel => sentinel::fail_over(&self.sentinels).await,
                Kind::Cluster => cluster::fail_over(&self.nodes[shard.replicas[0]]).await,
            };
            match told {
                Ok(()) => break,
                // A failover may be under way, or the last one not yet forgotten.
                Err(error) => assert!(began.elapsed() < WHOLE_WITHIN, "no hand-over: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        loop {
            let shards = self.whole().await;
            if !shards.iter().any(|now| now.primary == shard.primary) {
                return;
            }
            assert!(began.elapsed() < WHOLE_WITHIN, "nobody took over from node {}", shard.primary);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until one of a shard's replicas is a primary.
    pub async fn promoted(&self, shard: &Shard) {
        let promoted = async || {
            for &replica in &shard.replicas {
                let role: redis::RedisResult<Vec<redis::Value>> = self.nodes[replica].ask("ROLE").await;
                if role.is_ok_and(|role| role[0] == redis::Value::BulkString(b"master".into())) {
                    return true;
                }
            }
            false
        };
        let took = super::eventually_within(WHOLE_WITHIN, "a replica is promoted", promoted).await;
        super::measured("promoted after", took);
    }

    /// Restarts every server, one by one, replicas first, as for an upgrade.
    pub async fn roll(&self) {
        for shard in self.whole().await {
            for &replica in &shard.replicas {
                self.nodes[replica].restart();
                self.whole().await;
            }
            self.hand_over(&shard).await;
            self.nodes[shard.primary].restart();
            self.whole().await;
        }
        for sentinel in &self.sentinels {
            sentinel.restart();
            sentinel::hasten(sentinel).await;
            self.whole().await;
        }
    }

    /// Returns the number of parts into which phones are divided over primaries.
    pub fn part_count(&self) -> usize {
        match self.kind {
            Kind::Sentinel => 1,
            Kind::Cluster => cluster::PRIMARIES,
        }
    }

    /// Returns the part of each phone, given by its digits.
    pub async fn parts(&self, phones: &[String]) -> Vec<usize> {
        match self.kind {
            Kind::Sentinel => vec![0; phones.len()],
            Kind::Cluster => cluster::parts(&self.nodes[0], phones).await,
        }
    }

    /// Returns the slot of a phone, given by its digits, and the index of its primary.
    pub async fn slot_of(&self, digits: &str) -> (u16, usize) {
        cluster::slot_of(&self.nodes, digits).await
    }

    /// Begins to move a slot.
    pub async fn migrate(&self, slot: u16, from: usize, to: usize) -> Migration<'_> {
        Migration::begin(&self.nodes, slot, from, to).await
    }

    /// Returns the keys of this prefix that have no TTL, on all primaries.
    pub async fn immortal(&self, prefix: &str) -> Vec<String> {
        const IMMORTAL: &str = "local found = {} \
            for _, key in ipairs(redis.call('KEYS', ARGV[1])) do \
              if redis.call('PTTL', key) == -1 then found[#found + 1] = key end \
            end \
            return found";
        let mut immortal = Vec::new();
        for shard in self.whole().await {
            let words = ["EVAL", IMMORTAL, "0", &format!("{prefix}:*")];
            immortal.extend(self.nodes[shard.primary].ask_words::<Vec<String>>(&words).await.unwrap());
        }
        immortal
    }
}

/// The configuration of every server with data.
fn data_configuration(passwords: &Passwords) -> Vec<String> {
    let mut configuration = vec![
        // A killed server comes back with its data.
        "save \"\"".to_owned(),
        "appendonly yes".to_owned(),
        "repl-diskless-sync-delay 0".to_owned(),
        format!("user {REPLICATION_USER} on >{THEIR_PASSWORD} +psync +replconf +ping"),
        format!("user {SENTINEL_USER} on >{THEIR_PASSWORD} allchannels allcommands"),
        format!("masteruser {REPLICATION_USER}"),
        format!("masterauth {THEIR_PASSWORD}"),
    ];
    configuration.extend(passwords.redis.map(|password| format!("requirepass {password}")));
    configuration
}
