//! Failures of Redis in words, with the next step.

use super::advised::Advised;
use crate::otp::StoreError;
use crate::store::redis::{RedisSettings, Topology};

/// Returns the problem and the remedy for a command that needs Redis.
#[must_use]
pub fn about_redis(error: &StoreError, settings: &RedisSettings) -> Advised {
    let Advised { problem, fix } = explain(error, settings);
    Advised { problem: format!("Redis cannot be used ({}): {problem}", settings.topology), fix }
}

/// Returns the problem and the remedy. The problem does not name the servers.
pub(super) fn explain(error: &StoreError, settings: &RedisSettings) -> Advised {
    let cause = error.cause().to_string();
    let says = |word: &str| cause.contains(word);
    if says("NOAUTH") {
        return Advised::new("it requires a password", format!("Set {}.", passwords(&settings.topology)));
    }
    if says("WRONGPASS") {
        let fix = format!("Check redis.username and {}.", passwords(&settings.topology));
        return Advised::new("it refuses the user or the password", fix);
    }
    if says("NOPERM") {
        let fix = "Give the ACL user the permissions that docs/redis.md lists.";
        return Advised::new(format!("the user has too few permissions ({cause})"), fix);
    }
    match error {
        StoreError::Unreachable(_) => {
            Advised::new(format!("nothing answers there ({cause})"), reach(&settings.topology))
        }
        StoreError::NoAnswer(_) => {
            let fix = "Check that the server is not overloaded and the network is fast enough for redis.timeout.";
            Advised::new(format!("no answer came in time ({cause})"), fix)
        }
        StoreError::Faulty(_) | StoreError::Unacknowledged(_) => {
            Advised::new(format!("it answers with an error ({cause})"), "See the log of Redis, and docs/redis.md.")
        }
    }
}

fn reach(topology: &Topology) -> &'static str {
    match topology {
        Topology::Single(_) => "Start Redis, or set redis.url to its address.",
        Topology::Sentinel { .. } => "Start the sentinels, and check redis.sentinels and redis.master_name.",
        Topology::Cluster { .. } => "Start the nodes, make sure that they form a cluster, and check redis.nodes.",
    }
}

fn passwords(topology: &Topology) -> &'static str {
    match topology {
        Topology::Sentinel { .. } => "redis.password_file and redis.sentinel_password_file",
        Topology::Single(_) | Topology::Cluster { .. } => "redis.password_file",
    }
}
