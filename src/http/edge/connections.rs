//! The bounds of what strangers can hold open: connections, streams, requests and waiting bodies, in all and for each
//! address. They are decided here and nowhere else.
//!
//! | | in all | for one address |
//! |---|---|---|
//! | connections | `server.max_connections` | a tenth |
//! | streams of an HTTP/2 connection | [`MAX_STREAMS`] | |
//! | requests that are worked on | `server.max_concurrent_requests` | a quarter |
//! | bodies that are waited for | as many again | a quarter |
//! | memory of a connection | [`MAX_HEAD_BYTES`], or over HTTP/2 [`CONNECTION_WINDOW`] | |
//!
//! Trusted proxies are exempt from the share of an address, and so are callers with an API key. Few places are not
//! shared out: an address may hold [`LEAST_SHARE`] of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::client_address::is_trusted;
use super::places::Places;
use crate::http::settings::ServerSettings;
use crate::otp::ClientAddress;

/// How long a handshake, a connection's first request, and the head of any other may take to arrive.
pub(in crate::http) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may be without a request.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// How long while less than a quarter of the connections is left, and on the operators' listener.
const SHORT_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may leave unread what was written to it.
pub(in crate::http) const UNREAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection without a request may take to close after it was asked to.
pub(in crate::http) const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest that a body may take to arrive: it has 4 KiB at most.
pub(in crate::http) const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest head of a request: HTTP/1 reads into a buffer of this size, HTTP/2 counts the list of headers.
pub(in crate::http) const MAX_HEAD_BYTES: usize = 16 * 1024;
pub(in crate::http) const MAX_HEAD_LIST_BYTES: u32 = 16 * 1024;
/// Requests at once on one HTTP/2 connection.
pub(in crate::http) const MAX_STREAMS: u32 = 128;
/// Streams that a client may have reset before anybody looked at them; one more closes the connection.
pub(in crate::http) const MAX_RESET_STREAMS: usize = 16;
/// What an HTTP/2 client may send of bodies that nobody has read yet, on a stream and on a connection.
pub(in crate::http) const STREAM_WINDOW: u32 = 16 * 1024;
pub(in crate::http) const CONNECTION_WINDOW: u32 = 64 * 1024;

/// What the system keeps for a connection of bytes that came and of bytes that were not read yet, of each.
pub(in crate::http) const SOCKET_BUFFER: u32 = 64 * 1024;

/// What any address may hold, however few places there are.
const LEAST_SHARE: usize = 16;
/// Connections to the operators' listener.
pub(crate) const MAX_OPS_CONNECTIONS: usize = 128;
/// Connections to the simulated WhatsApp, which is for one's own machine.
const MAX_LOCAL_CONNECTIONS: usize = 10_000;

/// What one listener lets people hold open.
pub struct ConnectionBounds {
    most: usize,
    share: usize,
    exempt: Box<[IpNet]>,
    idle: Duration,
    pub(in crate::http) is_public: bool,
}

impl ConnectionBounds {
    /// Those of the public listener, which may have `most` connections.
    #[must_use]
    pub fn public(most: usize, settings: &ServerSettings) -> Self {
        let exempt = settings.trusted_proxies.clone().into();
        Self { most, share: share(most, 10), exempt, idle: IDLE_TIMEOUT, is_public: true }
    }

    /// Those of the operators' listener. Its descriptors are kept for it, so that it is reachable whatever happens to the
    /// public one.
    #[must_use]
    pub fn ops() -> Self {
        let most = MAX_OPS_CONNECTIONS;
        Self { most, share: share(most, 2), exempt: Box::default(), idle: SHORT_IDLE_TIMEOUT, is_public: false }
    }

    /// Those of a listener that only this machine reaches.
    #[must_use]
    pub fn local() -> Self {
        let most = MAX_LOCAL_CONNECTIONS;
        Self { most, share: most, exempt: Box::default(), idle: IDLE_TIMEOUT, is_public: false }
    }

    pub(in crate::http) fn places(&self) -> Arc<Places> {
        Places::new(self.most, self.share)
    }

    /// Who a connection counts for: nobody, if it is a trusted proxy's.
    pub(in crate::http) fn holder(&self, peer: IpAddr) -> Option<ClientAddress> {
        let peer = peer.to_canonical();
        (!is_trusted(peer, &self.exempt)).then(|| peer.into())
    }

    /// How long a connection may be idle now.
    pub(in crate::http) fn idle_timeout(&self, places: &Places) -> Duration {
        if places.is_crowded() { self.idle.min(SHORT_IDLE_TIMEOUT) } else { self.idle }
    }

    pub(in crate::http) fn most(&self) -> usize {
        self.most
    }

    pub(in crate::http) fn of_one_address(&self) -> usize {
        self.share
    }
}

/// Places for requests that are worked on, or for bodies that are waited for.
pub(in crate::http) fn request_places(settings: &ServerSettings) -> Arc<Places> {
    let most = settings.max_concurrent_requests;
    Places::new(most, share(most, 4))
}

/// One of so many equal parts, but enough for somebody who does nothing unusual.
fn share(of: usize, parts: usize) -> usize {
    (of / parts).max(LEAST_SHARE).min(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_part_but_never_too_little_to_be_of_use() {
        assert_eq!([share(10_000, 10), share(100, 10), share(4_096, 4), share(2, 4)], [1_000, 16, 1_024, 2]);
    }
}
