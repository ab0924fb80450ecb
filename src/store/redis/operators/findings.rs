//! Judges from a Redis server's own description whether it can be trusted with codes and limits.
//!
//! An unsafe server loses codes or gives them away in normal operation. Other findings are worth an operator's
//! attention.

use std::fmt;

use crate::store::redis::client::info::Info;
use crate::store::redis::settings::{AfterFailover, RedisSettings, Topology};

/// The oldest version that this program supports.
const OLDEST: (u32, u32) = (6, 2);

/// The share of its memory, in percent, at which a server counts as full, and above which it is getting short.
const MEMORY_FULL: u64 = 97;
const MEMORY_SHORT: u64 = 80;

/// Something about a Redis server that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The severity.
    pub gravity: Gravity,
    /// The fact and its consequence, in a sentence.
    pub what: String,
    /// The remedy, to follow "To fix it,".
    pub fix: String,
}

/// The severity of a finding, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// The server loses codes or gives them away. `serve` refuses to use it, unless told otherwise.
    Unsafe,
    /// Requests fail, or are about to. This may be temporary, so `serve` starts.
    Broken,
    /// The server works and could be set up better.
    Advice,
}

/// `what To fix it, fix`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} To fix it, {}", self.what, self.fix)
    }
}

pub(crate) fn danger(what: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding { gravity: Gravity::Unsafe, what: what.into(), fix: fix.into() }
}

pub(crate) fn broken(what: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding { gravity: Gravity::Broken, what: what.into(), fix: fix.into() }
}

pub(crate) fn advice(what: impl Into<String>, fix: impl Into<String>) -> Finding {
    Finding { gravity: Gravity::Advice, what: what.into(), fix: fix.into() }
}

/// Returns the findings about the server of `settings`, worst first.
pub(crate) fn findings(info: &Info, settings: &RedisSettings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if info.version().is_some_and(|version| version < OLDEST) {
        findings.push(danger(
            format!(
                "Redis {} is older than {}.{}, the oldest version that this program supports.",
                info.get("redis_version"),
                OLDEST.0,
                OLDEST.1
            ),
            "upgrade Redis.",
        ));
    }
    let policy = info.get("maxmemory_policy");
    if !policy.is_empty() && policy != "noeviction" {
        findings.push(danger(
            format!("maxmemory-policy is {policy}: when memory runs short, Redis evicts live codes and the counts of attempts and limits, which all have a TTL."),
            "run `CONFIG SET maxmemory-policy noeviction` and put `maxmemory-policy noeviction` into redis.conf.",
        ));
    }
    if info.get("role") == "slave" {
        findings.push(danger(
            "This Redis is a replica: writes to it are refused or lost.",
            "point redis.url to the primary, or use redis.mode = \"sentinel\".",
        ));
    }
    if info.get("cluster_enabled") == "1" && !matches!(settings.topology, Topology::Cluster { .. }) {
        findings.push(danger(
            "This Redis is a node of a cluster: it refuses keys in the slots of other nodes.",
            "set redis.mode = \"cluster\" and redis.nodes.",
        ));
    }
    let away = settings.topology.is_on_a_network();
    if away && !is_authenticated(settings) {
        findings.push(danger(
            "Redis is on a network and requires no password: anyone who can reach it can reset limits and attempts.",
            "set `requirepass` or an ACL user in Redis, and redis.password_file here.",
        ));
    }
    if away && !settings.topology.is_encrypted() {
        findings.push(advice(
            "Redis is on a network and the connection is not encrypted: its password and phone numbers can be read in transit.",
            "enable TLS in Redis (`tls-port`) and use rediss:// in redis.url, unless you trust the network.",
        ));
    }
    if info.get("aof_enabled") == "0" {
        findings.push(advice(
            "Redis keeps no append-only file: a restart loses live codes and resets attempts and limits.",
            "run `CONFIG SET appendonly yes` and put `appendonly yes` into redis.conf.",
        ));
    }
    findings.extend(about_memory(info));
    findings.extend(about_replicas(info, settings));
    findings
}

/// Judges the memory that is left.
fn about_memory(info: &Info) -> Option<Finding> {
    let percent = info.memory()?.percent()?;
    let what = format!("Redis uses {percent} % of its maxmemory: once it is full, every request is answered with 503.");
    let fix = "raise maxmemory (`CONFIG SET maxmemory`, and redis.conf); docs/redis.md computes it under Sizing.";
    if percent >= MEMORY_FULL { Some(broken(what, fix)) } else { (percent > MEMORY_SHORT).then(|| advice(what, fix)) }
}

/// Judges the copies of a primary's data.
fn about_replicas(info: &Info, settings: &RedisSettings) -> Option<Finding> {
    let (replicas, acknowledgements) = (info.replicas().len(), settings.min_replicas_ack as usize);
    if acknowledgements > replicas {
        return Some(broken(
            format!(
                "redis.min_replicas_ack is {acknowledgements}, but this Redis has {replicas} replica(s): every decision is answered with 503."
            ),
            "connect as many replicas, or lower redis.min_replicas_ack.",
        ));
    }
    if replicas == 0 {
        let replicated = !matches!(settings.topology, Topology::Single(_));
        return replicated
            .then(|| advice("This Redis has no replica: if it is lost, so is its data.", "add a replica."));
    }
    if settings.after_failover == AfterFailover::Accept {
        return Some(advice(
            format!(
                "Redis has {replicas} replica(s), and redis.after_failover is accept: a failover may revive used codes and restore attempts."
            ),
            "set redis.after_failover = \"reject\".",
        ));
    }
    (acknowledgements == 0 && info.get("min_slaves_good_slaves").is_empty()).then(|| {
        advice(
            format!(
                "Redis has {replicas} replica(s), and decisions wait for none: a failover may undo the latest ones."
            ),
            "set redis.min_replicas_ack = 1.",
        )
    })
}

fn is_authenticated(settings: &RedisSettings) -> bool {
    let by_url = matches!(&settings.topology, Topology::Single(url) if url.has_password());
    settings.credentials.password.is_some() || by_url
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::redis::client::address::RedisUrl;
    use crate::store::redis::settings::{AfterFailover, Credentials, KeyPrefix, Subject};

    fn settings(url: &str) -> RedisSettings {
        RedisSettings {
            topology: Topology::Single(RedisUrl::parse(url).unwrap()),
            credentials: Credentials::default(),
            key_prefix: KeyPrefix::parse("otp").unwrap(),
            subject: Subject::Phone,
            timeout: Duration::from_secs(2),
            pool_size: 1,
            allow_unsafe: false,
            min_replicas_ack: 0,
            after_failover: AfterFailover::Accept,
        }
    }

    const FINE: &str = "# Server\r\nredis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\nrole:master\r\nconnected_slaves:0\r\n";

    fn found(info: &str, url: &str) -> Vec<(bool, String)> {
        let findings = findings(&Info::parse(info), &settings(url));
        findings.into_iter().map(|finding| (finding.gravity == Gravity::Unsafe, finding.to_string())).collect()
    }

    /// Returns the only finding about a good server with `from` replaced by `to`.
    fn only(from: &str, to: &str) -> (bool, String) {
        assert!(FINE.contains(from));
        let mut found = found(&FINE.replace(from, to), "redis://127.0.0.1:6379/0");
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    #[test]
    fn nothing_is_said_about_a_safe_server() {
        for url in ["redis://127.0.0.1/0", "redis://localhost", "redis://[::1]:6379", "rediss://u:p@redis.example:6379"]
        {
            assert_eq!(found(FINE, url), Vec::new(), "{url}");
        }
    }

    #[test]
    fn what_loses_codes_is_unsafe() {
        for policy in ["allkeys-lru", "volatile-ttl", "volatile-lru", "allkeys-random"] {
            let (is_unsafe, text) = only("noeviction", policy);
            assert!(
                is_unsafe && text.contains(policy) && text.contains("CONFIG SET maxmemory-policy noeviction"),
                "{text}"
            );
        }
        let (is_unsafe, text) = only("7.0.15", "6.0.16");
        assert!(is_unsafe && text.contains("6.0.16 is older than 6.2"), "{text}");
        assert!(only("role:master", "role:slave").0);
        assert!(only("aof_enabled:1", "aof_enabled:1\r\ncluster_enabled:1").0);
    }

    #[test]
    fn an_open_server_on_a_network_is_unsafe() {
        let open = found(FINE, "redis://10.0.0.5:6379/0");
        assert!(open[0].0 && open[0].1.contains("requires no password"), "{open:?}");
        let encrypted = found(FINE, "rediss://redis.example:6379/0");
        assert!(encrypted.len() == 1 && encrypted[0].0, "{encrypted:?}");
        let plain = found(FINE, "redis://:secret@10.0.0.5:6379/0");
        assert!(plain.len() == 1 && !plain[0].0 && plain[0].1.contains("not encrypted"), "{plain:?}");
    }

    #[test]
    fn what_an_outage_may_undo_is_advised_about() {
        let (is_unsafe, text) = only("aof_enabled:1", "aof_enabled:0");
        assert!(!is_unsafe && text.contains("appendonly yes"), "{text}");
    }

    #[test]
    fn memory_that_runs_out_is_told_before_it_has() {
        let found = |used: u32, max: u32| {
            let info = Info::parse(&format!("{FINE}used_memory:{used}\r\nmaxmemory:{max}\r\n"));
            findings(&info, &settings("redis://127.0.0.1")).into_iter().map(|found| found.gravity).collect::<Vec<_>>()
        };
        assert_eq!(found(80, 0), []);
        assert_eq!(found(80, 100), []);
        assert_eq!(found(81, 100), [Gravity::Advice]);
        assert_eq!(found(97, 100), [Gravity::Broken]);
        assert_eq!(found(200, 1), [Gravity::Broken]);
    }

    #[test]
    fn replicas_and_what_they_are_for_are_looked_at() {
        let info = |replicas: usize| {
            let line = |index| format!("slave{index}:ip=10.0.0.{index},port=6379,state=online,offset=9,lag=1\r\n");
            Info::parse(&(FINE.to_owned() + "master_repl_offset:16\r\n" + &(0..replicas).map(line).collect::<String>()))
        };
        assert_eq!(info(2).replicas()[1].to_string(), "10.0.0.1:6379 (7 bytes behind, 1 s ago)");
        let found = |replicas, min_replicas_ack, after_failover| {
            let settings = RedisSettings { min_replicas_ack, after_failover, ..settings("redis://127.0.0.1") };
            findings(&info(replicas), &settings).into_iter().map(|found| (found.gravity, found.to_string())).collect()
        };
        let found = |replicas, acknowledgements, after_failover| -> Vec<(Gravity, String)> {
            found(replicas, acknowledgements, after_failover)
        };
        assert_eq!(found(0, 0, AfterFailover::Accept), []);
        assert_eq!(found(2, 2, AfterFailover::Reject), []);
        for (replicas, acknowledgements, after_failover, gravity, text) in [
            (1, 2, AfterFailover::Reject, Gravity::Broken, "has 1 replica(s): every decision is answered with 503"),
            (0, 1, AfterFailover::Accept, Gravity::Broken, "lower redis.min_replicas_ack"),
            (1, 1, AfterFailover::Accept, Gravity::Advice, "redis.after_failover = \"reject\""),
            (1, 0, AfterFailover::Reject, Gravity::Advice, "redis.min_replicas_ack = 1"),
        ] {
            let found = found(replicas, acknowledgements, after_failover);
            assert!(found.len() == 1 && found[0].0 == gravity && found[0].1.contains(text), "{found:?}");
        }
    }
}
