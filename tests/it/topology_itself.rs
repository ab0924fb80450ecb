//! Tests of the topologies: without them, the tests that use them would prove nothing.

use crate::harness::topology::{Kind, Node, Passwords, Shard, Topology};
use crate::harness::{eventually, measured};

/// Writes through a primary until that succeeds, and returns whether a node has the data.
async fn has(node: &Node, key: &str) -> bool {
    node.ask::<Option<String>>(&format!("GET {key}")).await.is_ok_and(|value| value.is_some())
}

/// Waits until every replica of a shard has its primary's data.
async fn replicated(topology: &Topology, shard: &Shard) {
    let offset = async |node: usize| {
        let info: String = topology.nodes()[node].ask("INFO replication").await.unwrap();
        let line = info.lines().find_map(|line| line.strip_prefix("master_repl_offset:"));
        line.unwrap().to_owned()
    };
    let offset_now = offset(shard.primary).await;
    let all = async || {
        for &replica in &shard.replicas {
            if offset(replica).await.parse::<u64>().unwrap() < offset_now.parse::<u64>().unwrap() {
                return false;
            }
        }
        true
    };
    eventually("replicas have what their primary has", all).await;
}

#[tokio::test]
async fn sentinels_promote_a_replica_of_a_primary_that_was_killed_and_take_it_back_as_one() {
    let passwords = Passwords { redis: Some("sesame"), sentinel: Some("open") };
    let topology = Topology::start_with(Kind::Sentinel, passwords).await;
    let old = topology.whole().await[0].primary;
    topology.nodes()[old].kill();
    let promoted = async || {
        let named: Result<(String, u16), _> = topology.sentinels()[0].ask("SENTINEL GET-MASTER-ADDR-BY-NAME otp").await;
        named.is_ok_and(|(_, port)| port != topology.nodes()[old].address().port())
    };
    let took = eventually("a replica is promoted", promoted).await;
    measured("promoted by sentinels after", took);
    topology.nodes()[old].restart();
    let after = topology.whole().await;
    assert_ne!(after[0].primary, old);
    assert!(after[0].replicas.contains(&old));
}

#[tokio::test]
async fn what_is_written_while_replication_is_cut_is_gone_after_a_failover() {
    tokio::join!(cut_and_fail_over(Kind::Sentinel), cut_and_fail_over(Kind::Cluster));
}

async fn cut_and_fail_over(kind: Kind) {
    let topology = Topology::start(kind).await;
    let at = match kind {
        Kind::Sentinel => topology.whole().await[0].primary,
        Kind::Cluster => topology.slot_of("before").await.1,
    };
    let shards = topology.whole().await;
    let shard = shards.iter().find(|shard| shard.primary == at).unwrap();
    let primary = &topology.nodes()[shard.primary];
    primary.tell("SET {before} 1").await;
    replicated(&topology, shard).await;

    topology.cut_replication(shard.primary).await;
    primary.tell("SET {before}after 1").await;
    assert!(has(primary, "{before}after").await, "it still serves");
    primary.kill();
    topology.promoted(shard).await;
    primary.restart();
    let shards = topology.whole().await;
    let shard = shards.iter().find(|now| shard.replicas.contains(&now.primary)).expect("a replica is primary");
    let successor = &topology.nodes()[shard.primary];
    assert!(has(successor, "{before}").await, "{kind:?}: what was replicated is there");
    assert!(!has(successor, "{before}after").await, "{kind:?}: what was not is gone");
}

#[tokio::test]
async fn a_cluster_moves_a_slot_with_its_keys_and_hands_over() {
    let topology = Topology::start(Kind::Cluster).await;
    let (slot, from) = topology.slot_of("15551234567").await;
    let to = topology.whole().await.iter().map(|shard| shard.primary).find(|&primary| primary != from).unwrap();
    for key in ["{15551234567}:a", "{15551234567}:b"] {
        topology.nodes()[from].tell(&format!("SET {key} 1")).await;
    }
    let migration = topology.migrate(slot, from, to).await;
    assert!(migration.move_a_key().await);
    migration.finish().await;
    assert_eq!(topology.slot_of("15551234567").await, (slot, to));
    for key in ["{15551234567}:a", "{15551234567}:b"] {
        assert!(has(&topology.nodes()[to], key).await);
    }
    for shard in topology.whole().await {
        topology.hand_over(&shard).await;
    }
    assert_eq!(topology.immortal("{15551234567}").await.len(), 2);
}

#[tokio::test]
async fn a_primary_that_was_paused_wakes_as_a_replica() {
    tokio::join!(pause_and_wake(Kind::Sentinel), pause_and_wake(Kind::Cluster));
}

async fn pause_and_wake(kind: Kind) {
    let topology = Topology::start(kind).await;
    let shard = topology.whole().await[0].clone();
    topology.nodes()[shard.primary].pause();
    topology.promoted(&shard).await;
    topology.nodes()[shard.primary].wake();
    let after = topology.whole().await;
    assert!(after.iter().any(|now| now.replicas.contains(&shard.primary)));
}

#[tokio::test]
async fn a_primary_that_is_cut_off_serves_while_another_is_promoted() {
    let topology = Topology::start(Kind::Sentinel).await;
    let shard = topology.whole().await[0].clone();
    let old = &topology.nodes()[shard.primary];
    topology.cut_off(shard.primary).await;
    topology.promoted(&shard).await;
    old.tell("SET late 1").await;
    topology.mend(shard.primary).await;
    topology.whole().await;
    assert!(!has(old, "late").await, "it is a replica now");
}
