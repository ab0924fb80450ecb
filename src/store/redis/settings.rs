//! What the Redis store is told.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::otp::DigestKey;

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
            Self::Single(url) => url.endpoint().is_some_and(|endpoint| endpoint.tls),
            Self::Sentinel { sentinels: endpoints, .. } | Self::Cluster { nodes: endpoints } => {
                endpoints.iter().all(Endpoint::is_tls)
            }
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

/// A Redis URL. It may hold a password, so printing shows none.
#[derive(Clone)]
pub struct RedisUrl(SecretString);

/// The text is not a Redis URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("redis://[user[:password]@]host[:port][/database], or rediss:// for TLS")]
pub struct RedisUrlError;

impl RedisUrl {
    /// Reads a URL of either scheme.
    ///
    /// # Errors
    ///
    /// [`RedisUrlError`] for other schemes, a missing host, or a database that is not a number.
    pub fn parse(text: &str) -> Result<Self, RedisUrlError> {
        let url = Url::parse(text).map_err(|_| RedisUrlError)?;
        let database = url.path().trim_start_matches('/');
        let fine = matches!(url.scheme(), "redis" | "rediss")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && (database.is_empty() || database.parse::<u16>().is_ok());
        if fine { Ok(Self(text.to_owned().into())) } else { Err(RedisUrlError) }
    }

    /// Where it leads to.
    pub(super) fn endpoint(&self) -> Option<Endpoint> {
        let url = Url::parse(self.0.expose_secret()).ok()?;
        Some(Endpoint::new(url.host_str()?, url.port().unwrap_or(6379), url.scheme() == "rediss"))
    }

    pub(super) fn has_password(&self) -> bool {
        Url::parse(self.0.expose_secret()).is_ok_and(|url| url.password().is_some())
    }

    /// The URL with any password, for connecting.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// The URL without its password: `redis://user:***@host:6379/0`.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(mut url) = Url::parse(self.0.expose_secret()) else {
            return f.write_str("redis://***");
        };
        if url.password().is_some() && url.set_password(Some("***")).is_err() {
            return f.write_str("redis://***");
        }
        url.fmt(f)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

/// A server by host and port, and whether it speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    tls: bool,
}

/// The text names no server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "HOST[:PORT], redis://HOST[:PORT], or rediss://HOST[:PORT] for TLS; user and password have settings of their own"
)]
pub struct EndpointError;

impl Endpoint {
    /// Reads `host`, `host:port`, or a URL of either scheme with nothing else in it.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] for anything else.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, EndpointError> {
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("redis://{text}") };
        let url = Url::parse(&with_scheme).map_err(|_| EndpointError)?;
        let bare = url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        let host = url.host_str().filter(|host| bare && !host.is_empty()).ok_or(EndpointError)?;
        let tls = match url.scheme() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(EndpointError),
        };
        Ok(Self::new(host, url.port().unwrap_or(default_port), tls))
    }

    /// A server that another one named: its host may be an IPv6 address without brackets.
    pub(super) fn new(host: &str, port: u16, tls: bool) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Self { host, port, tls }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// `host:port`
    #[must_use]
    pub fn name(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// `redis://host:port`
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis{}://{}", if self.tls { "s" } else { "" }, self.name())
    }
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
    Hashed(DigestKey),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_prints_without_its_password() {
        let url = RedisUrl::parse("redis://app:hunter22@localhost:6380/1").unwrap();
        assert_eq!(url.to_string(), "redis://app:***@localhost:6380/1");
        assert!(!format!("{url:?}").contains("hunter22"));
        assert_eq!(url.expose(), "redis://app:hunter22@localhost:6380/1");
    }

    #[test]
    fn other_urls_are_refused() {
        for text in ["", "localhost:6379", "http://localhost", "redis://", "redis://host/db", "unix:///run/redis"] {
            assert!(RedisUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_server_is_named_with_or_without_a_scheme() {
        for (text, url) in [
            ("redis-1", "redis://redis-1:6379"),
            ("redis-1:7000", "redis://redis-1:7000"),
            ("10.0.0.1:7000", "redis://10.0.0.1:7000"),
            ("[::1]:7000", "redis://[::1]:7000"),
            ("redis://redis-1:7000/", "redis://redis-1:7000"),
            ("rediss://redis-1", "rediss://redis-1:6379"),
        ] {
            assert_eq!(Endpoint::parse(text, 6379).unwrap().url(), url, "{text}");
        }
        assert_eq!(Endpoint::new("::1", 7000, true).url(), "rediss://[::1]:7000");
        for text in ["", ":7000", "redis://", "http://a", "redis://a/1", "redis://:secret@a", "u@a", "a:b", "a b"] {
            assert!(Endpoint::parse(text, 6379).is_err(), "{text}");
        }
    }

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
