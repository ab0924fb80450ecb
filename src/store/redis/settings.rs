//! What the Redis store is told.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::otp::DigestKey;

/// Where Redis is and how to speak to it.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// `redis://` or `rediss://` (TLS), with host, port and database.
    pub url: RedisUrl,
    /// The password, if the URL has none.
    pub password: Option<SecretString>,
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
    fn prefixes_that_would_break_keys_are_refused() {
        assert_eq!(KeyPrefix::parse("otp-staging:eu").unwrap().as_str(), "otp-staging:eu");
        for text in ["", "a{b", "a}b", "a*", "a b", "ü"] {
            assert!(KeyPrefix::parse(text).is_err(), "{text}");
        }
    }
}
