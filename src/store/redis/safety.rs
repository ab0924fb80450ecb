//! Whether a Redis can be trusted with codes and limits, by what it says of itself.
//!
//! An unsafe one loses or gives away codes in normal operation; about the rest an operator should know.

use std::collections::HashMap;
use std::fmt;

use super::settings::{RedisSettings, Topology};

/// The oldest version whose scripts and commands are what this program was written for.
const OLDEST: (u32, u32) = (6, 2);

/// Something about a Redis that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether `serve` refuses to work with it, unless told otherwise.
    pub is_unsafe: bool,
    /// What is so, and why it matters.
    pub what: String,
    /// What mends it.
    pub mend: String,
}

/// `what mend`
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} To mend it: {}", self.what, self.mend)
    }
}

fn danger(what: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { is_unsafe: true, what: what.into(), mend: mend.into() }
}

fn advice(what: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding { is_unsafe: false, what: what.into(), mend: mend.into() }
}

/// The answer to `INFO`, by field.
#[derive(Debug, Clone, Default)]
pub(super) struct Info(HashMap<String, String>);

impl Info {
    pub(super) fn parse(text: &str) -> Self {
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Self(fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn version(&self) -> Option<(u32, u32)> {
        let mut numbers = self.get("redis_version").split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

/// What is to be said about the server of `settings`, gravest first.
pub(super) fn findings(info: &Info, settings: &RedisSettings) -> Vec<Finding> {
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
            "let redis.url name the primary.",
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
    let replicas: u32 = info.get("connected_slaves").parse().unwrap_or(0);
    if replicas > 0 && info.get("min_slaves_good_slaves").is_empty() {
        findings.push(advice(
            format!("Redis has {replicas} replica(s) and accepts writes that none of them has seen: a failover may undo the last decisions."),
            "CONFIG SET min-replicas-to-write 1, and `min-replicas-to-write 1` in redis.conf.",
        ));
    }
    findings
}

fn is_authenticated(settings: &RedisSettings) -> bool {
    let by_url = matches!(&settings.topology, Topology::Single(url) if url.has_password());
    settings.credentials.password.is_some() || by_url
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::settings::{AfterFailover, Credentials, KeyPrefix, RedisUrl, Subject};
    use super::*;

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
        findings.into_iter().map(|finding| (finding.is_unsafe, finding.to_string())).collect()
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
        let (is_unsafe, text) = only("connected_slaves:0", "connected_slaves:2");
        assert!(!is_unsafe && text.contains("min-replicas-to-write 1"), "{text}");
    }
}
