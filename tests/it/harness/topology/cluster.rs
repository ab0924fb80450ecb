//! Three primaries with a replica each, which share the slots.

use redis::Value;

use super::node::{Node, Role};
use super::{Passwords, Shard, data_configuration};

/// The number of slots in any cluster.
const SLOTS: u16 = 16_384;
pub(super) const PRIMARIES: usize = 3;
const NODES: usize = 6;
/// The silence after which a node counts as down.
const NODE_TIMEOUT_MS: u32 = 1_000;

pub(super) fn start(passwords: &Passwords) -> Vec<Node> {
    let mut configuration = data_configuration(passwords);
    configuration.extend([
        "cluster-enabled yes".to_owned(),
        format!("cluster-node-timeout {NODE_TIMEOUT_MS}"),
        // Any remaining replica may take over, however long it has heard nothing.
        "cluster-replica-validity-factor 0".to_owned(),
        // The others continue when a primary is lost, and each keeps its own replica.
        "cluster-require-full-coverage no".to_owned(),
        "cluster-allow-replica-migration no".to_owned(),
    ]);
    (0..NODES).map(|_| Node::start(Role::ClusterData, passwords.redis, &configuration)).collect()
}

/// Introduces the nodes to one another and assigns their roles.
pub(super) async fn form(nodes: &[Node]) {
    for (index, node) in nodes.iter().enumerate() {
        node.tell(&format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1)).await;
        if index < PRIMARIES {
            let share = |part: usize| usize::from(SLOTS) * part / PRIMARIES;
            let slots: Vec<String> = (share(index)..share(index + 1)).map(|slot| slot.to_string()).collect();
            node.tell(&format!("CLUSTER ADDSLOTS {}", slots.join(" "))).await;
        }
    }
    for node in &nodes[1..] {
        nodes[0].tell(&format!("CLUSTER MEET 127.0.0.1 {}", node.address().port())).await;
    }
    let all_know_all = async || {
        for node in nodes {
            if known(node).await.is_ok_and(|known| known.len() < NODES) {
                return false;
            }
        }
        true
    };
    crate::harness::eventually("all nodes of the cluster know each other", all_know_all).await;
    for (replica, primary) in nodes[PRIMARIES..].iter().zip(nodes) {
        replica.tell(&format!("CLUSTER REPLICATE {}", id(primary).await)).await;
    }
}

/// Returns the cluster's name for a node.
pub(super) async fn id(node: &Node) -> String {
    node.ask("CLUSTER MYID").await.unwrap()
}

/// One node's knowledge of another.
struct Known {
    id: String,
    port: String,
    flags: String,
    primary: String,
    linked: bool,
    has_slots: bool,
}

async fn known(node: &Node) -> Result<Vec<Known>, String> {
    let nodes: String = node.ask("CLUSTER NODES").await.map_err(|error| error.to_string())?;
    let known = |line: &str| {
        // id ip:port@bus flags primary ping-sent pong-received epoch link-state slots…
        let fields: Vec<&str> = line.split(' ').collect();
        let port = fields[1].split('@').next().unwrap_or_default().rsplit(':').next().unwrap_or_default();
        Known {
            id: fields[0].to_owned(),
            port: port.to_owned(),
            flags: fields[2].trim_start_matches("myself,").to_owned(),
            primary: fields[3].to_owned(),
            linked: fields[7] == "connected",
            has_slots: fields.len() > 8,
        }
    };
    Ok(nodes.lines().map(known).collect())
}

/// Returns the primaries, each with its replicas, if every node agrees.
///
/// # Errors
///
/// The first problem: nodes that are missing or disagree with the rest.
pub(super) async fn shards(nodes: &[Node]) -> Result<Vec<Shard>, String> {
    let mut views = Vec::new();
    for node in nodes {
        let info: String = node.ask("CLUSTER INFO").await.map_err(|error| error.to_string())?;
        if !info.contains("cluster_state:ok") {
            return Err(format!("{} says that the cluster is not ok", node.address()));
        }
        let known = known(node).await?;
        if let Some(lost) = known.iter().find(|known| !known.linked || known.flags.contains("fail")) {
            return Err(format!("{} has lost {}: {}", node.address(), lost.port, lost.flags));
        }
        let index = |known: &Known| nodes.iter().position(|node| node.address().port().to_string() == known.port);
        let mut view = Vec::new();
        for primary in known.iter().filter(|known| known.flags == "master" && known.has_slots) {
            let replicas = known.iter().filter(|replica| replica.primary == primary.id);
            let mut replicas: Vec<usize> = replicas.filter_map(index).collect();
            replicas.sort_unstable();
            view.push(Shard { primary: index(primary).ok_or("a stranger")?, replicas });
        }
        view.sort_by_key(|shard| shard.primary);
        views.push(view);
    }
    views.dedup();
    match views.pop() {
        Some(view) if views.is_empty() && view.len() == PRIMARIES => Ok(view),
        other => Err(format!("nodes see different primaries: {views:?} and {other:?}")),
    }
}

/// Promotes a replica while all is well.
pub(super) async fn fail_over(replica: &Node) -> Result<(), String> {
    replica.ask("CLUSTER FAILOVER").await.map_err(|error| error.to_string())
}

/// Returns the primary that each phone belongs to when the cluster is formed, in the order of slots.
pub(super) async fn parts(node: &Node, phones: &[String]) -> Vec<usize> {
    let mut questions = redis::pipe();
    for phone in phones {
        questions.cmd("CLUSTER").arg("KEYSLOT").arg(phone);
    }
    let slots: Vec<usize> = questions.query_async(&mut node.connection().await.unwrap()).await.unwrap();
    slots.into_iter().map(|slot| slot * PRIMARIES / usize::from(SLOTS)).collect()
}

/// Returns the slot of a phone's keys, given by its digits, and the node that has it.
pub(super) async fn slot_of(nodes: &[Node], digits: &str) -> (u16, usize) {
    let slot: u16 = nodes[0].ask(&format!("CLUSTER KEYSLOT {digits}")).await.unwrap();
    let ranges: Vec<Vec<Value>> = nodes[0].ask("CLUSTER SLOTS").await.unwrap();
    let number = |value: &Value| redis::from_redis_value_ref::<u16>(value).unwrap();
    let range = ranges.iter().find(|range| (number(&range[0])..=number(&range[1])).contains(&slot));
    // first slot, last slot, [host, port of the primary, …], …
    let primary: Vec<Value> = redis::from_redis_value_ref(&range.expect("covered")[2]).unwrap();
    let port = number(&primary[1]);
    (slot, nodes.iter().position(|node| node.address().port() == port).expect("one of ours"))
}

/// A slot on its way to another primary: its existing keys move one by one, and new keys are created at the new place.
pub struct Migration<'n> {
    slot: u16,
    from: &'n Node,
    to: &'n Node,
    nodes: &'n [Node],
}

impl<'n> Migration<'n> {
    pub(super) async fn begin(nodes: &'n [Node], slot: u16, from: usize, to: usize) -> Self {
        let (from, to) = (&nodes[from], &nodes[to]);
        to.tell(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", id(from).await)).await;
        from.tell(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", id(to).await)).await;
        Self { slot, from, to, nodes }
    }

    /// Moves one key. Returns `false` if there was none left.
    pub async fn move_a_key(&self) -> bool {
        let keys: Vec<String> = self.from.ask(&format!("CLUSTER GETKEYSINSLOT {} 1", self.slot)).await.unwrap();
        let Some(key) = keys.first() else { return false };
        let port = self.to.address().port();
        // A key that has expired meanwhile is answered with NOKEY, which is fine.
        self.from.tell(&format!("MIGRATE 127.0.0.1 {port} {key} 0 2000")).await;
        true
    }

    /// Moves the remaining keys and tells every primary who has the slot now.
    pub async fn finish(self) {
        let to = id(self.to).await;
        // A key may be created after the last one was moved: then the old place refuses.
        loop {
            while self.move_a_key().await {}
            self.to.tell(&format!("CLUSTER SETSLOT {} NODE {to}", self.slot)).await;
            let told: redis::RedisResult<()> = self.from.ask(&format!("CLUSTER SETSLOT {} NODE {to}", self.slot)).await;
            if told.is_ok() {
                break;
            }
        }
        for node in self.nodes {
            let is_primary: bool = node
                .ask::<Vec<Value>>("ROLE")
                .await
                .is_ok_and(|role| matches!(&role[0], Value::BulkString(role) if role == b"master"));
            if is_primary {
                node.tell(&format!("CLUSTER SETSLOT {} NODE {to}", self.slot)).await;
            }
        }
    }
}
