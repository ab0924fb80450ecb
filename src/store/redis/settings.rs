//! What the Redis store is told.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use super::client::address::{Endpoint, RedisUrl};
use crate::otp::OtpSecret;

/// Where Redis is and how to speak to it.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Which servers there are.
    pub topology: Topology,
    /// Who we are at the servers that keep codes, as far as a URL does not say.
    pub credentials: Credentials,
    /// What all keys start with.
    pub key_prefix: KeyPrefix,
    /// What stands for phones and addresses in keys.
    pub subject: Subject,
    /// The longest that one decision may take, connecting included.
    pub timeout: Duration,
    /// Connections that requests share.
    pub pool_size: usize,
    /// Whether to serve on a Redis that may lose or give away codes.
    pub allow_unsafe: bool,
    /// How many replicas must have a decision before it is told; 0 for none.
    pub min_replicas_ack: u32,
    /// What becomes of codes that were made before a failover.
    pub after_failover: AfterFailover,
}

/// Which servers there are, and who says so.
#[derive(Debug, Clone)]
pub enum Topology {
    /// One address, which may be that of a proxy.
    Single(RedisUrl),
    /// A primary with replicas; sentinels say which one is the primary.
    Sentinel {
        /// Sentinels, any of which may be away.
        sentinels: Vec<Endpoint>,
        /// What the sentinels call the primary and its replicas.
        master_name: MasterName,
        /// Who we are at the sentinels.
        credentials: Credentials,
        /// Whether the primary and its replicas speak TLS, whatever the sentinels speak.
        servers_speak_tls: bool,
    },
    /// Several primaries with replicas, which say themselves who has which keys.
    Cluster {
        /// Some nodes of the cluster; the others are learnt from them.
        nodes: Vec<Endpoint>,
    },
}

impl Topology {
    /// The value of `redis.mode`.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        match self {
            Self::Single(_) => "single",
            Self::Sentinel { .. } => "sentinel",
            Self::Cluster { .. } => "cluster",
        }
    }

    /// Whether some address is not this machine's own.
    pub(super) fn is_on_a_network(&self) -> bool {
        match self {
            Self::Single(url) => url.endpoint().is_some_and(|endpoint| !endpoint.is_loopback()),
            Self::Sentinel { sentinels: endpoints, .. } | Self::Cluster { nodes: endpoints } => {
                endpoints.iter().any(|endpoint| !endpoint.is_loopback())
            }
        }
    }

    /// Whether connections are encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        match self {
            Self::Single(url) => url.endpoint().is_some_and(|endpoint| endpoint.is_tls()),
            // What sentinels are told and say names no phone.
            Self::Sentinel { servers_speak_tls, .. } => *servers_speak_tls,
            Self::Cluster { nodes } => nodes.iter().all(Endpoint::is_tls),
        }
    }
}

/// Where Redis is, as people say it, without passwords.
impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |endpoints: &[Endpoint]| endpoints.iter().map(Endpoint::name).collect::<Vec<_>>().join(", ");
        match self {
            Self::Single(url) => url.fmt(f),
            Self::Sentinel { sentinels, master_name, .. } => {
                write!(f, "primary {} of sentinels {}", master_name.as_str(), list(sentinels))
            }
            Self::Cluster { nodes } => write!(f, "cluster of {}", list(nodes)),
        }
    }
}

/// A user and a password, or neither.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The ACL user; without one it is `default`.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
}

/// What becomes of codes that were made before a failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailover {
    /// They are refused, as the new primary may have missed that they were used or guessed at.
    Reject,
    /// They stay good, used ones that the new primary missed included.
    Accept,
}

/// What sentinels call a primary and its replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterName(Box<str>);

/// The text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name in the sentinels' `sentinel monitor`: letters, digits, '.', '-' or '_'")]
pub struct MasterNameError;

impl MasterName {
    /// Takes a name of the characters that a sentinel takes.
    ///
    /// # Errors
    ///
    /// [`MasterNameError`] for other characters, or none.
    pub fn parse(text: &str) -> Result<Self, MasterNameError> {
        let fine = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if fine { Ok(Self(text.into())) } else { Err(MasterNameError) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first part of every key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(Box<str>);

/// The text cannot start keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to 64 letters, digits, '-', '_', '.' or ':'")]
pub struct KeyPrefixError;

impl KeyPrefix {
    /// Takes a prefix of harmless characters: braces would move the hash tag, `*?[\` would widen scans.
    ///
    /// # Errors
    ///
    /// [`KeyPrefixError`] for other characters, none, or more than 64.
    pub fn parse(text: &str) -> Result<Self, KeyPrefixError> {
        let fine = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
        if fine { Ok(Self(text.into())) } else { Err(KeyPrefixError) }
    }

    /// A prefix within this one, for the sandbox: its codes are under a secret of its own, and nobody's real ones.
    #[must_use]
    pub fn of_sandbox(&self) -> Self {
        Self(format!("{}:sandbox", self.0).into())
    }

    /// The prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What stands for a phone, or a client's address, in keys.
#[derive(Debug, Clone)]
pub enum Subject {
    /// Itself, so that operators can read keys.
    Phone,
    /// A keyed digest under this key, so that a copy of Redis names nobody.
    Hashed(OtpSecret),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_name_is_what_a_sentinel_takes() {
        assert_eq!(MasterName::parse("otp-eu_1.a").unwrap().as_str(), "otp-eu_1.a");
        for text in ["", "a b", "a/b"] {
            assert!(MasterName::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn prefixes_that_would_break_keys_are_refused() {
        assert_eq!(KeyPrefix::parse("otp-staging:eu").unwrap().as_str(), "otp-staging:eu");
        for text in ["", "a{b", "a}b", "a*", "a b", "ü"] {
            assert!(KeyPrefix::parse(text).is_err(), "{text}");
        }
    }
}
