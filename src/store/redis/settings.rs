//! Settings of the Redis store.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use super::client::address::{Endpoint, RedisUrl};
use crate::otp::OtpSecret;

/// The servers and the way to use them.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// The deployment.
    pub topology: Topology,
    /// The user and password for the servers that keep codes, unless a URL has them.
    pub credentials: Credentials,
    /// The prefix of all keys.
    pub key_prefix: KeyPrefix,
    /// The form of phones and addresses in keys.
    pub subject: Subject,
    /// The maximum time for one decision, including connecting.
    pub timeout: Duration,
    /// The number of connections that requests share.
    pub pool_size: usize,
    /// `true` to serve on a Redis that may lose or give away codes.
    pub allow_unsafe: bool,
    /// The number of replicas that must have a decision before its result is returned; 0 for none.
    pub min_replicas_ack: u32,
    /// The handling of codes from before a failover.
    pub after_failover: AfterFailover,
}

/// The servers, by the way they are found.
#[derive(Debug, Clone)]
pub enum Topology {
    /// One address, which may be that of a proxy.
    Single(RedisUrl),
    /// A primary with replicas, found through sentinels.
    Sentinel {
        /// Sentinels, any of which may be unreachable.
        sentinels: Vec<Endpoint>,
        /// The sentinels' name for the primary and its replicas.
        master_name: MasterName,
        /// The user and password for the sentinels.
        credentials: Credentials,
        /// `true` if the primary and its replicas use TLS, regardless of the sentinels.
        servers_speak_tls: bool,
    },
    /// Several primaries with replicas, which know the owner of each key.
    Cluster {
        /// Some nodes of the cluster; the others are discovered.
        nodes: Vec<Endpoint>,
    },
}

impl Topology {
    /// Returns the value of `redis.mode`.
    #[must_use]
    pub fn mode(&self) -> &'static str {
        match self {
            Self::Single(_) => "single",
            Self::Sentinel { .. } => "sentinel",
            Self::Cluster { .. } => "cluster",
        }
    }

    /// Returns `true` if an address is on another machine.
    pub(super) fn is_on_a_network(&self) -> bool {
        match self {
            Self::Single(url) => url.endpoint().is_some_and(|endpoint| !endpoint.is_loopback()),
            Self::Sentinel { sentinels: endpoints, .. } | Self::Cluster { nodes: endpoints } => {
                endpoints.iter().any(|endpoint| !endpoint.is_loopback())
            }
        }
    }

    /// Returns `true` if connections are encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        match self {
            Self::Single(url) => url.endpoint().is_some_and(|endpoint| endpoint.is_tls()),
            // The traffic with sentinels contains no phone number.
            Self::Sentinel { servers_speak_tls, .. } => *servers_speak_tls,
            Self::Cluster { nodes } => nodes.iter().all(Endpoint::is_tls),
        }
    }
}

/// The deployment for people to read, without passwords.
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
    /// The ACL user; `default` if there is none.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
}

/// The handling of codes from before a failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailover {
    /// They are refused, as the new primary may not know of their use or wrong guesses.
    Reject,
    /// They stay valid, even used ones whose use the new primary does not know of.
    Accept,
}

/// The sentinels' name for a primary and its replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterName(Box<str>);

/// The text is not a valid name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name in the sentinels' `sentinel monitor`: letters, digits, '.', '-' or '_'")]
pub struct MasterNameError;

impl MasterName {
    /// Parses a name of the characters that sentinels accept.
    ///
    /// # Errors
    ///
    /// [`MasterNameError`] if the text is empty or contains other characters.
    pub fn parse(text: &str) -> Result<Self, MasterNameError> {
        let fine = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if fine { Ok(Self(text.into())) } else { Err(MasterNameError) }
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The prefix of every key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(Box<str>);

/// The text is not a valid prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to 64 letters, digits, '-', '_', '.' or ':'")]
pub struct KeyPrefixError;

impl KeyPrefix {
    /// Parses a prefix of harmless characters: braces would move the hash tag, `*?[\` would widen scans.
    ///
    /// # Errors
    ///
    /// [`KeyPrefixError`] if the text is empty, contains other characters, or has more than 64.
    pub fn parse(text: &str) -> Result<Self, KeyPrefixError> {
        let fine = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
        if fine { Ok(Self(text.into())) } else { Err(KeyPrefixError) }
    }

    /// Returns a prefix within this one for the sandbox, whose codes are separate from real ones.
    #[must_use]
    pub fn of_sandbox(&self) -> Self {
        Self(format!("{}:sandbox", self.0).into())
    }

    /// Returns the prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The form of a phone or a client's address in keys.
#[derive(Debug, Clone)]
pub enum Subject {
    /// Plain, so that operators can read keys.
    Phone,
    /// A keyed digest under this key, so that a copy of Redis identifies nobody.
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
