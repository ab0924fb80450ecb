//! Bounds on what strangers can hold open: connections, streams, requests and pending bodies, in total and per address. All
//! of them are here.
//!
//! | | in total | per address |
//! |---|---|---|
//! | connections | `server.max_connections` | a tenth |
//! | streams of an HTTP/2 connection | [`MAX_STREAMS`] | |
//! | requests in progress | `server.max_concurrent_requests` | a quarter |
//! | pending bodies | as many again | a quarter |
//! | pending bodies of webhooks | [`SMALL_WEBHOOKS`] and [`LARGE_WEBHOOKS`] | a quarter |
//! | webhooks that are applied | as many again | |
//! | memory of a connection | [`MAX_HEAD_BYTES`], or over HTTP/2 [`CONNECTION_WINDOW`] | |
//!
//! Trusted proxies and backends have no share, only the total. Where there are few places, an address may hold
//! [`LEAST_SHARE`] of them. Webhooks that have arrived have none either, as few addresses send all of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::client_address::is_trusted;
use super::places::{Place, Places};
use crate::http::settings::ServerSettings;
use crate::otp::ClientAddress;

/// The time for a handshake, for a connection's first request, and for the head of any other to arrive.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The time that a connection may be without a request.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// The same while less than a quarter of the connections is left, and on the operators' listener.
const SHORT_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// The time that a connection may leave written bytes unread.
pub(crate) const UNREAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The time for a connection without a request to close when asked to.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The time for a body to arrive. It has 4 KiB at most.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The time for the body of a webhook to arrive.
pub(crate) const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest body of a webhook: WhatsApp's has 3 MB at most.
pub(crate) const MAX_WEBHOOK_BYTES: usize = 3 * 1024 * 1024 + 64 * 1024;
/// The longest body of a small webhook. Ordinary ones have a few kilobytes.
const SMALL_WEBHOOK_BYTES: u64 = 64 * 1024;
/// Small webhooks whose bodies are pending, and large ones: they take 41 MiB at most. As many again may be applied.
const SMALL_WEBHOOKS: usize = 256;
const LARGE_WEBHOOKS: usize = 8;

/// The longest head of a request: the size of HTTP/1's buffer, and of HTTP/2's list of headers.
pub(crate) const MAX_HEAD_BYTES: usize = 16 * 1024;
pub(crate) const MAX_HEAD_LIST_BYTES: u32 = 16 * 1024;
/// Concurrent requests on one HTTP/2 connection.
pub(crate) const MAX_STREAMS: u32 = 128;
/// Streams that a client may reset before they are accepted; one more closes the connection.
pub(crate) const MAX_RESET_STREAMS: usize = 16;
/// Unread bytes of bodies that an HTTP/2 client may send, on a stream and on a connection.
pub(crate) const STREAM_WINDOW: u32 = 16 * 1024;
pub(crate) const CONNECTION_WINDOW: u32 = 64 * 1024;

/// The system's buffer for each direction of a connection.
pub(crate) const SOCKET_BUFFER: u32 = 64 * 1024;

/// The smallest share of an address.
const LEAST_SHARE: usize = 16;
/// The most connections to the operators' listener.
pub(crate) const MAX_OPS_CONNECTIONS: usize = 128;
/// The most connections to the simulated WhatsApp, which serves the machine it is on.
const MAX_LOCAL_CONNECTIONS: usize = 10_000;

/// Bounds on the connections of one listener.
pub struct ConnectionBounds {
    pub(super) most: usize,
    /// The most connections from one address.
    pub(super) share: usize,
    exempt: Box<[IpNet]>,
    idle: Duration,
    pub(crate) is_public: bool,
}

impl ConnectionBounds {
    /// Returns the bounds of the public listener, which may have `most` connections.
    #[must_use]
    pub fn public(most: usize, settings: &ServerSettings) -> Self {
        let exempt = settings.trusted_proxies.clone().into();
        Self { most, share: share(most, 10), exempt, idle: IDLE_TIMEOUT, is_public: true }
    }

    /// Returns the bounds of the operators' listener. Its descriptors are reserved, so that it stays reachable whatever
    /// happens to the public one.
    #[must_use]
    pub fn ops() -> Self {
        let most = MAX_OPS_CONNECTIONS;
        Self { most, share: share(most, 2), exempt: Box::default(), idle: SHORT_IDLE_TIMEOUT, is_public: false }
    }

    /// Returns the bounds of a listener that only this machine reaches.
    #[must_use]
    pub fn local() -> Self {
        let most = MAX_LOCAL_CONNECTIONS;
        Self { most, share: most, exempt: Box::default(), idle: IDLE_TIMEOUT, is_public: false }
    }

    pub(crate) fn places(&self) -> Arc<Places> {
        Places::new(self.most, self.share)
    }

    /// Returns the address whose share a connection takes, unless it is a trusted proxy's.
    pub(crate) fn holder(&self, peer: IpAddr) -> Option<ClientAddress> {
        let peer = peer.to_canonical();
        (!is_trusted(peer, &self.exempt)).then(|| peer.into())
    }

    /// Returns the time that a connection may be idle at the moment.
    pub(crate) fn idle_timeout(&self, places: &Places) -> Duration {
        if places.is_crowded() { self.idle.min(SHORT_IDLE_TIMEOUT) } else { self.idle }
    }
}

/// Places for requests in progress, or for pending bodies.
pub(crate) fn request_places(settings: &ServerSettings) -> Arc<Places> {
    let most = settings.max_concurrent_requests;
    Places::new(most, share(most, 4))
}

/// Places for webhooks whose bodies are still to come, and for those that are being applied. Most bodies arrive with their
/// heads and need only the second. Large ones have few places, and do not use up those of the others.
pub(crate) struct WebhookPlaces {
    pending: BySize,
    applied: BySize,
}

struct BySize {
    small: Arc<Places>,
    large: Arc<Places>,
}

impl Default for WebhookPlaces {
    fn default() -> Self {
        let of = |parts| BySize {
            small: Places::new(SMALL_WEBHOOKS, SMALL_WEBHOOKS / parts),
            large: Places::new(LARGE_WEBHOOKS, LARGE_WEBHOOKS / parts),
        };
        Self { pending: of(4), applied: of(1) }
    }
}

impl WebhookPlaces {
    /// Takes a place to wait for a body of at most this many bytes, if that is known.
    pub(crate) fn wait(&self, most_bytes: Option<u64>, holder: Option<ClientAddress>) -> Option<Place> {
        self.pending.of(most_bytes).take(holder).ok()
    }

    /// Takes a place to apply a body of this many bytes.
    pub(crate) fn apply(&self, bytes: usize) -> Option<Place> {
        self.applied.of(u64::try_from(bytes).ok()).take(None).ok()
    }
}

impl BySize {
    fn of(&self, most_bytes: Option<u64>) -> &Arc<Places> {
        let is_small = most_bytes.is_some_and(|most| most <= SMALL_WEBHOOK_BYTES);
        if is_small { &self.small } else { &self.large }
    }
}

/// One of so many equal parts, but enough for ordinary use.
fn share(of: usize, parts: usize) -> usize {
    (of / parts).max(LEAST_SHARE).min(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_part_but_never_too_small_to_use() {
        assert_eq!([share(10_000, 10), share(100, 10), share(4_096, 4), share(2, 4)], [1_000, 16, 1_024, 2]);
    }
}
