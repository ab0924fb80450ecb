//! Faults of several servers, drawn at random from a seed.

use std::time::{Duration, Instant};

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::history::Moment;
use super::traffic::Traffic;
use crate::harness::topology::{Kind, Shard, Topology};

/// A fault, or an operator's action, and its duration. Shards and replicas are numbered in the order found when the
/// fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A primary crashes and is started again after this time: before anyone noticed, or after another took its place.
    KillPrimary { shard: usize, down: Duration },
    /// A primary hangs, then continues with its old connections, still believing that it is the primary.
    PausePrimary { shard: usize, paused: Duration },
    /// A primary's decisions do not reach its replicas for this time. Then it crashes.
    CutThenKill { shard: usize, cut: Duration },
    /// The same, but then the connection is restored instead.
    CutThenMend { shard: usize, cut: Duration },
    /// Sentinels and replicas lose a primary that clients still reach, for this time: it does not learn that another
    /// takes its place.
    CutOff { shard: usize, cut: Duration },
    /// A replica crashes and is started again.
    KillReplica { shard: usize, replica: usize, down: Duration },
    /// A replica hangs, so it acknowledges nothing.
    PauseReplica { shard: usize, replica: usize, paused: Duration },
    /// The slot of a busy phone moves to another primary, key by key, in this time.
    MigrateSlot { takes: Duration },
    /// Every server is restarted, one by one, replicas first.
    RollAll,
}

/// The faults of one test, in order.
#[derive(Debug, Clone)]
pub struct Schedule {
    pub seed: u64,
    pub faults: Vec<Fault>,
}

/// The maximum time for which a crashed server stays down after another took its place.
const LONGEST: u64 = 4_000;

impl Schedule {
    /// Returns the schedule of a seed, always the same one.
    pub fn random(kind: Kind, seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let faults = (0..3).map(|_| Fault::random(kind, &mut random)).collect();
        Self { seed, faults }
    }
}

impl Fault {
    fn random(kind: Kind, random: &mut Xoshiro256PlusPlus) -> Self {
        let (shards, replicas) = match kind {
            Kind::Sentinel => (1, 2),
            Kind::Cluster => (3, 1),
        };
        let (shard, replica) = (random.random_range(0..shards), random.random_range(0..replicas));
        // As many short faults as long ones.
        let most = if random.random_bool(0.5) { 400 } else { LONGEST };
        let time = Duration::from_millis(random.random_range(0..most));
        match random.random_range(0..20) {
            0..4 => Self::KillPrimary { shard, down: time },
            4..8 => Self::PausePrimary { shard, paused: time },
            8..12 => Self::CutThenKill { shard, cut: time },
            12..14 => Self::CutThenMend { shard, cut: time },
            14 => Self::KillReplica { shard, replica, down: time },
            15 => Self::PauseReplica { shard, replica, paused: time },
            16..19 if kind == Kind::Cluster => Self::MigrateSlot { takes: time },
            16..19 => Self::CutOff { shard, cut: time },
            _ => Self::RollAll,
        }
    }

    /// Returns `true` if sentinels may promote a replica while the old primary serves, still or again, and another
    /// replica follows it and acknowledges decisions that are lost when both learn of the promotion. In a cluster,
    /// every existing replica has acknowledged them.
    pub fn promotes_behind_the_back(self, kind: Kind) -> bool {
        let promotes = !matches!(self, Self::CutThenMend { .. } | Self::KillReplica { .. } | Self::PauseReplica { .. });
        kind == Kind::Sentinel && promotes
    }

    /// Strikes, and returns the moment from which the service must serve again.
    pub async fn strike(self, topology: &Topology, traffic: &Traffic, acknowledgements: usize) -> Moment {
        let shards = topology.whole().await;
        let node = |shard: usize| &topology.nodes()[shards[shard].primary];
        let replica = |shard: usize, replica: usize| &topology.nodes()[shards[shard].replicas[replica]];
        let struck = traffic.now();
        // If every replica must acknowledge, nothing is decided until the last one is back.
        let spare = acknowledgements < topology.replicas_per_primary();
        let back_from = |struck: Moment| if spare { struck } else { traffic.now() };
        match self {
            Self::KillPrimary { shard, down } => {
                node(shard).kill();
                tokio::time::sleep(down).await;
                node(shard).restart();
                back_from(struck)
            }
            Self::PausePrimary { shard, paused } => {
                node(shard).pause();
                tokio::time::sleep(paused).await;
                node(shard).wake();
                back_from(struck)
            }
            Self::CutThenKill { shard, cut } => {
                topology.cut_replication(shards[shard].primary).await;
                tokio::time::sleep(cut).await;
                node(shard).kill();
                let killed = traffic.now();
                topology.promoted(&shards[shard]).await;
                node(shard).restart();
                back_from(killed)
            }
            Self::CutThenMend { shard, cut } => {
                topology.cut_replication(shards[shard].primary).await;
                tokio::time::sleep(cut).await;
                topology.mend(shards[shard].primary).await;
                traffic.now()
            }
            Self::CutOff { shard, cut } => {
                topology.cut_off(shards[shard].primary).await;
                tokio::time::sleep(cut).await;
                topology.mend(shards[shard].primary).await;
                back_from(struck)
            }
            Self::KillReplica { shard, replica: index, down } => {
                replica(shard, index).kill();
                tokio::time::sleep(down).await;
                replica(shard, index).restart();
                back_from(struck)
            }
            Self::PauseReplica { shard, replica: index, paused } => {
                replica(shard, index).pause();
                tokio::time::sleep(paused).await;
                replica(shard, index).wake();
                back_from(struck)
            }
            Self::MigrateSlot { takes } => {
                migrate(topology, &shards, traffic, takes).await;
                struck
            }
            Self::RollAll => {
                topology.roll().await;
                traffic.now()
            }
        }
    }
}

async fn migrate(topology: &Topology, shards: &[Shard], traffic: &Traffic, takes: Duration) {
    let Some(phone) = traffic.a_busy_phone() else { return };
    let (slot, from) = topology.slot_of(&phone).await;
    let to = shards.iter().map(|shard| shard.primary).find(|&primary| primary != from).expect("another primary");
    let migration = topology.migrate(slot, from, to).await;
    let began = Instant::now();
    tokio::time::sleep(takes / 3).await;
    while began.elapsed() < takes {
        migration.move_a_key().await;
        tokio::time::sleep(takes / 10).await;
    }
    migration.finish().await;
}
