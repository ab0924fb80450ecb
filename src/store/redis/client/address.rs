//! Addresses of servers: a URL with credentials and database, or host and port.

use std::fmt;
use std::net::IpAddr;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// A Redis URL. It may contain a password, which is never printed.
#[derive(Clone)]
pub struct RedisUrl(SecretString);

/// The text is not a Redis URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("redis://[user[:password]@]host[:port][/database], or rediss:// for TLS")]
pub struct RedisUrlError;

impl RedisUrl {
    /// Parses a `redis://` or `rediss://` URL.
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

    /// Returns the server's address.
    pub(crate) fn endpoint(&self) -> Option<Endpoint> {
        let url = Url::parse(self.0.expose_secret()).ok()?;
        Some(Endpoint::new(url.host_str()?, url.port().unwrap_or(6379), url.scheme() == "rediss"))
    }

    pub(crate) fn has_password(&self) -> bool {
        Url::parse(self.0.expose_secret()).is_ok_and(|url| url.password().is_some())
    }

    /// Returns the URL with its password, for connecting.
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

/// A server by host and port, with or without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    tls: bool,
}

/// The text is not a server's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "HOST[:PORT], redis://HOST[:PORT], or rediss://HOST[:PORT] for TLS; user and password have settings of their own"
)]
pub struct EndpointError;

impl Endpoint {
    /// Parses `host`, `host:port`, or a URL with nothing else in it.
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

    /// Makes the address of a server that another one named. The host may be an IPv6 address without brackets.
    pub(crate) fn new(host: &str, port: u16, tls: bool) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Self { host, port, tls }
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns `true` if it uses TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Returns `true` if it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
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
}
