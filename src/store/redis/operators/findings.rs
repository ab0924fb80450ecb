//! Whether a Redis can be trusted with codes and limits, by what it says of itself.
//!
//! An unsafe one loses or gives away codes in normal operation; about the rest an operator should know.

use std::fmt;

use crate::store::redis::client::info::Info;
use crate::store::redis::settings::{AfterFailover, RedisSettings, Topology};

/// The oldest version whose scripts and commands are what this program was written for.
const OLDEST: (u32, u32) = (6, 2);

/// The share of its memory, in percent, at which a server is full, and beyond which that is near.
const MEMORY_FULL: u64 = 97;
const MEMORY_SHORT: u64 = 80;

/// Something about a Redis that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What follows from it.
    pub gravity: Gravity,
    /// What is so, and why it matters.
    pub what: String,
    /// What mends it.
    pub mend: String,
}

/// What follows from a finding, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// `serve` refuses to work with it, unless told otherwise: it loses or gives away codes.
    Unsafe,
    /// Some or all requests fail, or will. It may pass, so `serve` starts.
    Broken,
    /// It works, and could be better.
    Advice,
}

/// `what mend`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} To mend it: {}", self.what, self.mend)
    }
}

pub(crate) fn danger(what: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { gravity: Gravity::Unsafe, what: what.into(), mend: mend.into() }
}

pub(crate) fn broken(what: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { gravity: Gravity::Broken, what: what.into(), mend: mend.into() }
}

pub(crate) fn advice(what: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { gravity: Gravity::Advice, what: what.into(), mend: mend.into() }
}

/// What is to be said about the server of `settings`, gravest first.
pub(crate) fn findings(info: &Info, settings: &RedisSettings) -> Vec<Finding> {
    let mut findings = Vec::new();
    if info.version().is_some_and(|version| version < OLDEST) {
        findings.push(danger(
            format!(
                "Redis {} is older than {}.{}, the first that this program works with.",
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
            format!("maxmemory-policy is {policy}: short of memory, Redis would drop live codes and the counts of attempts and limits, which all have a TTL, before anything else."),
            "CONFIG SET maxmemory-policy noeviction, and `maxmemory-policy noeviction` in redis.conf.",
        ));
    }
    if info.get("role") == "slave" {
        findings.push(danger(
            "This Redis is a replica: what is written to it is refused, or lost.",
            "let redis.url name the primary, or use redis.mode = \"sentinel\".",
        ));
    }
    if info.get("cluster_enabled") == "1" && !matches!(settings.topology, Topology::Cluster { .. }) {
        findings.push(danger(
            "This Redis is a node of a cluster: it refuses what is in the slots of others.",
            "redis.mode = \"cluster\" and redis.nodes.",
        ));
    }
    let away = settings.topology.is_on_a_network();
    if away && !is_authenticated(settings) {
        findings.push(danger(
            "Redis is on a network and asks for no password: whoever reaches it can reset limits and attempts.",
            "`requirepass` or an ACL user in Redis, and redis.password_file here.",
        ));
    }
    if away && !settings.topology.is_encrypted() {
        findings.push(advice(
            "Redis is on a network and the connection is not encrypted: its password and phone numbers can be read on the way.",
            "TLS in Redis (`tls-port`), and rediss:// in redis.url; or be sure of the network.",
        ));
    }
    if info.get("aof_enabled") == "0" {
        findings.push(advice(
            "Redis keeps no append-only file: a restart forgets live codes, and attempts and limits start anew.",
            "CONFIG SET appendonly yes, and `appendonly yes` in redis.conf.",
        ));
    }
    findings.extend(about_memory(info));
    findings.extend(about_replicas(info, settings));
    findings
}

/// What is to be said about the memory that is left.
fn about_memory(info: &Info) -> Option<Finding> {
    let percent = info.memory()?.percent()?;
    let what = format!("Redis uses {percent} % of its maxmemory: when it is full, every request is answered 503.");
    let mend =
        "a higher maxmemory (`CONFIG SET maxmemory`, and redis.conf), as docs/redis.md computes it under Sizing.";
    if percent >= MEMORY_FULL { Some(broken(what, mend)) } else { (percent > MEMORY_SHORT).then(|| advice(what, mend)) }
}

/// What is to be said about the copies of a primary's data.
fn about_replicas(info: &Info, settings: &RedisSettings) -> Option<Finding> {
    let (replicas, acknowledgements) = (info.replicas().len(), settings.min_replicas_ack as usize);
    if acknowledgements > replicas {
        return Some(broken(
            format!(
                "redis.min_replicas_ack is {acknowledgements} and this Redis has {replicas} replica(s): decisions are answered 503."
            ),
            "as many replicas, connected; or a lower redis.min_replicas_ack.",
        ));
    }
    if replicas == 0 {
        let replicated = !matches!(settings.topology, Topology::Single(_));
        return replicated
            .then(|| advice("This Redis has no replica: if it is lost, so is what it holds.", "a replica."));
    }
    if settings.after_failover == AfterFailover::Accept {
        return Some(advice(
            format!(
                "Redis has {replicas} replica(s), and redis.after_failover is accept: a failover may bring codes back that were used, and attempts."
            ),
            "redis.after_failover = \"reject\".",
        ));
    }
    (acknowledgements == 0 && info.get("min_slaves_good_slaves").is_empty()).then(|| {
        advice(
            format!(
                "Redis has {replicas} replica(s) and nothing waits for any: a failover may undo the last decisions."
            ),
            "redis.min_replicas_ack = 1.",
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

    /// The one finding about a server that is fine but for `from` being `to`.
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
        assert!(open[0].0 && open[0].1.contains("asks for no password"), "{open:?}");
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
            (1, 2, AfterFailover::Reject, Gravity::Broken, "has 1 replica(s): decisions are answered 503"),
            (0, 1, AfterFailover::Accept, Gravity::Broken, "lower redis.min_replicas_ack"),
            (1, 1, AfterFailover::Accept, Gravity::Advice, "redis.after_failover = \"reject\""),
            (1, 0, AfterFailover::Reject, Gravity::Advice, "redis.min_replicas_ack = 1"),
        ] {
            let found = found(replicas, acknowledgements, after_failover);
            assert!(found.len() == 1 && found[0].0 == gravity && found[0].1.contains(text), "{found:?}");
        }
    }
}
