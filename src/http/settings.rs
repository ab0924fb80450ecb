//! Settings of the HTTP side.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use ipnet::IpNet;

use crate::otp::{AppName, Key, KeyKind, KeyName, NameError};

/// Settings of the listeners.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The public listener.
    pub listen: SocketAddr,
    /// The operators' listener, if there is one.
    pub ops_listen: Option<SocketAddr>,
    /// HTTPS on the public listener.
    pub tls: Option<TlsFiles>,
    /// Web origins that may call from a browser.
    pub cors_origins: Vec<HeaderValue>,
    /// Networks whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// The time that one request may take.
    pub request_timeout: Duration,
    /// The time for a body to arrive: the rest of `request_timeout` is for the store.
    pub body_timeout: Duration,
    /// The most connections to the public listener, if there are descriptors for as many.
    pub max_connections: usize,
    /// The most requests in progress.
    pub max_concurrent_requests: usize,
    /// The most of them that may wait for a message to be sent.
    pub max_concurrent_sends: usize,
    /// The time that the listener goes on after readiness turned 503.
    pub drain_delay: Duration,
    /// The time for requests in flight to finish after that.
    pub shutdown_timeout: Duration,
    /// The callers that the sample calls are open to.
    pub auth: AuthMode,
    /// `true` if the sample server's two calls are answered.
    pub sample_enabled: bool,
}

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The callers that the sample calls are open to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthMode {
    /// Anyone, as with the sample server.
    Open,
    /// The holders of these keys.
    ApiKeys(Vec<AcceptedKey>),
}

/// An API key that is accepted. Only the caller has the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedKey {
    /// What is known about the key.
    pub key: Arc<Key>,
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
}

/// The text is not a hashed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("NAME:SHA256HEX, {NameError} and 64 hexadecimal digits")]
pub struct AcceptedKeyError;

impl AcceptedKey {
    /// Reads `name:sha256hex`, a server key for the app `default`.
    ///
    /// # Errors
    ///
    /// [`AcceptedKeyError`] for anything else.
    pub fn parse(text: &str) -> Result<Self, AcceptedKeyError> {
        let (name, hash) = text.split_once(':').ok_or(AcceptedKeyError)?;
        let name = KeyName::parse(name).map_err(|_| AcceptedKeyError)?;
        let hash = data_encoding::HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).map_err(|_| AcceptedKeyError)?;
        let sha256 = hash.try_into().map_err(|_| AcceptedKeyError)?;
        let key = Key { name, kind: KeyKind::Server, apps: vec![AppName::default()] };
        Ok(Self { key: Arc::new(key), sha256 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hashed_key_is_a_name_and_64_hexadecimal_digits() {
        let hash = "Aa".repeat(32);
        let key = AcceptedKey::parse(&format!("backend-1:{hash}")).unwrap();
        assert_eq!((key.key.name.as_str(), key.sha256), ("backend-1", [0xaa; 32]));
        for text in ["", "name", &format!(":{hash}"), &format!("a b:{hash}"), "name:aa", "name:zz", &hash] {
            assert_eq!(AcceptedKey::parse(text), Err(AcceptedKeyError), "{text}");
        }
    }
}
