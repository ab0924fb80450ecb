//! Settings of the HTTP side.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use ipnet::IpNet;
use tokio::sync::watch;
use url::Url;

use crate::otp::Key;

/// Settings of the listeners.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// The public listener.
    pub listen: SocketAddr,
    /// The operators' listener, if there is one.
    pub ops_listen: Option<SocketAddr>,
    /// The URL at which others reach the public listener, if it is known.
    pub public_url: Option<PublicUrl>,
    /// HTTPS on the public listener.
    pub tls: Option<TlsFiles>,
    /// Web origins that may call from a browser.
    pub cors_origins: Vec<HeaderValue>,
    /// `true` if every web origin on this machine may call from a browser, as in the sandbox.
    pub cors_local_origins: bool,
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
    /// `true` if the answers of the verification API say what is left of the limits.
    pub rate_limit_fields: bool,
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

/// The URL at which others reach the public listener, such as `https://otp.example.com`. It does not end in a slash, so a
/// path can follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(Box<str>);

/// The text is not such a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("http:// or https://, a host and, if need be, a path; no / at its end, user name, ? or #")]
pub struct PublicUrlError;

impl PublicUrl {
    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// [`PublicUrlError`] if the text is not such a URL.
    pub fn parse(text: &str) -> Result<Self, PublicUrlError> {
        let is_bare = !text.ends_with('/') && !text.contains(['?', '#', '@']);
        let url = Url::parse(text).ok().filter(|url| is_bare && matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or(PublicUrlError)?;
        Ok(Self(url.as_str().trim_end_matches('/').into()))
    }

    /// Returns the URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_follow_a_public_url() {
        for (text, url) in [
            ("https://OTP.example.com", "https://otp.example.com"),
            ("https://otp.example.com:443", "https://otp.example.com"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("https://example.com/otp", "https://example.com/otp"),
        ] {
            assert_eq!(PublicUrl::parse(text).unwrap().as_str(), url);
        }
        for text in [
            "",
            "otp.example.com",
            "https://",
            "https://otp.example.com/",
            "https://otp.example.com?a",
            "https://otp.example.com#a",
            "https://me@otp.example.com",
            "ftp://otp.example.com",
        ] {
            assert_eq!(PublicUrl::parse(text), Err(PublicUrlError), "{text}");
        }
    }
}
