//! A primary, two replicas, and three sentinels that watch them.

use super::node::{Node, Role};
use super::{Passwords, SENTINEL_USER, Shard, THEIR_PASSWORD, data_configuration};

/// The sentinels' name for the primary.
pub const MASTER_NAME: &str = "otp";
/// The silence after which a primary counts as down.
const DOWN_AFTER_MS: u32 = 700;

/// The sentinels' intervals, in ms. The default ones are for networks, and make a failover take ten seconds or more. A
/// lost connection is replaced once per `ping-period`, which must be well below the time in which its server counts as
/// down, or one failover leads to the next.
const HASTE: &str = "ping-period 300 info-period 500 publish-period 300 ask-period 200 min-link-reconnect-period 500 \
                     election-timeout 2000 tilt-trigger 20000 tilt-period 1000";

pub(super) fn start(passwords: &Passwords) -> (Vec<Node>, Vec<Node>) {
    let configuration = data_configuration(passwords);
    let node = |further: Option<String>| {
        let lines: Vec<String> = configuration.iter().cloned().chain(further).collect();
        Node::start(Role::Data, passwords.redis, &lines)
    };
    let primary = node(None);
    let port = primary.address().port();
    let replicas = [(); 2].map(|()| node(Some(format!("replicaof 127.0.0.1 {port}"))));
    let mut watch = vec![
        format!("sentinel monitor {MASTER_NAME} 127.0.0.1 {port} 2"),
        format!("sentinel down-after-milliseconds {MASTER_NAME} {DOWN_AFTER_MS}"),
        format!("sentinel failover-timeout {MASTER_NAME} 3000"),
        format!("sentinel parallel-syncs {MASTER_NAME} 2"),
        format!("sentinel auth-user {MASTER_NAME} {SENTINEL_USER}"),
        format!("sentinel auth-pass {MASTER_NAME} {THEIR_PASSWORD}"),
    ];
    if let Some(password) = passwords.sentinel {
        watch.push(format!("requirepass {password}"));
        watch.push(format!("sentinel sentinel-pass {password}"));
    }
    let sentinels = [(); 3].map(|()| Node::start(Role::Sentinel, passwords.sentinel, &watch));
    (std::iter::once(primary).chain(replicas).collect(), sentinels.into())
}

/// Makes a sentinel fast. It forgets that when it restarts.
pub(super) async fn hasten(sentinel: &Node) {
    sentinel.tell(&format!("SENTINEL DEBUG {HASTE}")).await;
}

/// Returns the primary as the sentinels know it, and its replicas.
///
/// # Errors
///
/// The first problem: sentinels that disagree or do not see one another, or a missing node.
pub(super) async fn shard(nodes: &[Node], sentinels: &[Node]) -> Result<Shard, String> {
    let mut primaries = Vec::new();
    for sentinel in sentinels {
        let master: Vec<(String, String)> =
            sentinel.ask(&format!("SENTINEL MASTER {MASTER_NAME}")).await.map_err(said)?;
        let field = |name| master.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str());
        let sees = (field("flags"), field("num-slaves"), field("num-other-sentinels"));
        if sees != ("master", "2", "2") {
            return Err(format!("sentinel {} sees (flags, replicas, others) {sees:?}", sentinel.address()));
        }
        primaries.push(field("port").to_owned());
    }
    primaries.dedup();
    let [port] = &*primaries else { return Err(format!("sentinels name different primaries: {primaries:?}")) };
    let primary = nodes.iter().position(|node| node.address().port().to_string() == *port).ok_or("a stranger")?;
    let replicas = (0..nodes.len()).filter(|&node| node != primary).collect();
    Ok(Shard { primary, replicas })
}

/// Makes the sentinels promote a replica of a healthy primary.
pub(super) async fn fail_over(sentinels: &[Node]) -> Result<(), String> {
    sentinels[0].ask(&format!("SENTINEL FAILOVER {MASTER_NAME}")).await.map_err(said)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn said(error: redis::RedisError) -> String {
    error.to_string()
}
