//! Settings of the HTTP side.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use ipnet::IpNet;
use tokio::sync::watch;

use crate::otp::Key;

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
    /// The accepted API keys.
    pub keys: AcceptedKeys,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Anyone, as with the sample server.
    Open,
    /// The holders of accepted keys.
    ApiKey,
}

/// The newest accepted keys, as they may be replaced while the service runs.
pub type AcceptedKeys = watch::Receiver<Arc<[AcceptedKey]>>;

/// An API key that is accepted. Only the caller has the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedKey {
    /// The known details of the key.
    pub key: Arc<Key>,
    /// SHA-256 of the key.
    pub sha256: [u8; 32],
}
