//! Listening, with or without TLS, and stopping without dropping anyone.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::Response;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use metrics::{Counter, Gauge, counter, gauge};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::connection::{Activity, End, Phase, Serving, Watched};
use super::connections::{
    CONNECTION_WINDOW, ConnectionBounds, HEAD_TIMEOUT, MAX_HEAD_BYTES, MAX_HEAD_LIST_BYTES, MAX_RESET_STREAMS,
    MAX_STREAMS, SOCKET_BUFFER, STREAM_WINDOW,
};
use super::log_throttle::LogThrottle;
use super::places::{Place, Places};
use super::tls::Certificate;
use crate::http::settings::TlsFiles;
use crate::telemetry::metrics::{
    CONNECTIONS, CONNECTIONS_ENDED_TOTAL, CONNECTIONS_REFUSED_TOTAL, MALFORMED_REQUESTS_TOTAL,
};

/// Connections that the system accepts before we do.
const BACKLOG: u32 = 4_096;
/// How long to wait before the next one if none can be accepted, as when there is no descriptor left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A bound address, not yet served.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    certificate: Option<Certificate>,
    bounds: ConnectionBounds,
}

/// Listening is not possible.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("{address} cannot be listened on: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("server.tls_cert_file {certificate} and server.tls_key_file {key} cannot be used: {source}", certificate = files.certificate.display(), key = files.key.display())]
    Certificate {
        /// The files.
        files: TlsFiles,
        /// Why.
        source: io::Error,
    },
}

/// Tells a listener to stop, and knows its connections. Clones are for the same one.
#[derive(Debug, Clone)]
pub struct Handle {
    phase: watch::Sender<Phase>,
    connections: TaskTracker,
}

impl Default for Handle {
    fn default() -> Self {
        Self::new()
    }
}

impl Handle {
    /// For a listener that is about to serve.
    #[must_use]
    pub fn new() -> Self {
        Self { phase: watch::Sender::new(Phase::Serving), connections: TaskTracker::new() }
    }

    /// Asks clients to take their next requests elsewhere: `Connection: close` in HTTP/1, GOAWAY in HTTP/2. Whoever does
    /// not is still served.
    pub fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// Accepts no more connections, and ends those there are with the requests that are under way, within this time.
    pub fn graceful_shutdown(&self, within: Duration) {
        self.phase.send_replace(Phase::Stopping(Instant::now() + within));
    }

    /// Ends everything now.
    pub fn shutdown(&self) {
        self.phase.send_replace(Phase::Stopped);
    }

    /// How many connections are open.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }
}

impl Listener {
    /// Binds `address` within `bounds`; with `tls`, connections speak HTTPS, and the files are read again whenever they
    /// change.
    ///
    /// # Errors
    ///
    /// [`ListenError`] if the address is taken or the certificate is none.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<TlsFiles>,
        bounds: ConnectionBounds,
    ) -> Result<Self, ListenError> {
        let (socket, bound) = listen(address).map_err(|source| ListenError::Address { address, source })?;
        let certificate = match tls {
            None => None,
            Some(files) => {
                let certificate = Certificate::read(files.clone()).await;
                Some(certificate.map_err(|source| ListenError::Certificate { files, source })?)
            }
        };
        Ok(Self { socket, address: bound, certificate, bounds })
    }

    /// The address, with the port that was given if any would do.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }

    /// Serves until `handle` says to stop. No failure to accept a connection ends it.
    pub async fn serve<S>(self, service: S, handle: Handle)
    where
        S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static,
    {
        let Self { socket, certificate, bounds, .. } = self;
        let Handle { phase, connections } = handle;
        let mut stopping = phase.subscribe();
        let places = bounds.places();
        let meters = Meters::new(bounds.is_public);
        let listening =
            Arc::new(Listening { service, builder: builder(), certificate, bounds, meters, phase: phase.subscribe() });
        loop {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                _ = stopping.wait_for(|phase| phase.is_ending()) => break,
            };
            match accepted {
                Ok((stream, peer)) => match places.take(listening.bounds.holder(peer.ip())) {
                    Ok(place) => {
                        let places = Arc::clone(&places);
                        drop(connections.spawn(Arc::clone(&listening).connected(stream, peer, places, place)));
                    }
                    Err(full) => {
                        listening.refused(full.as_str(), places.taken());
                        // Reset rather than closed, which would leave the system with a socket to wait for.
                        let _ = stream.set_zero_linger();
                    }
                },
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    listening.meters.cannot_accept(&error, places.taken());
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
        drop(socket);
        connections.close();
        let until = match *phase.borrow() {
            Phase::Stopping(until) => until,
            _ => Instant::now(),
        };
        tokio::select! {
            () = connections.wait() => return,
            _ = stopping.wait_for(|phase| *phase == Phase::Stopped) => {}
            () = tokio::time::sleep_until(until.into()) => {}
        }
        phase.send_replace(Phase::Stopped);
        connections.wait().await;
    }
}

/// What connections share.
struct Listening<S> {
    service: S,
    builder: auto::Builder<TokioExecutor>,
    certificate: Option<Certificate>,
    bounds: ConnectionBounds,
    meters: Meters,
    phase: watch::Receiver<Phase>,
}

impl<S> Listening<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static,
{
    async fn connected(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, places: Arc<Places>, _place: Place) {
        let _counted = self.meters.open();
        // Answers are written at once; there is nothing to wait for.
        let _ = stream.set_nodelay(true);
        let activity = Activity::new(self.phase.clone());
        let io = Watched::new(stream, &activity);
        let serving = Serving { builder: &self.builder, service: self.service.clone(), peer, activity };
        let idle_timeout = || self.bounds.idle_timeout(&places);
        let end = match &self.certificate {
            None => serving.serve(io, idle_timeout).await,
            Some(certificate) => match self.shaken(certificate, io).await {
                Ok(io) => serving.serve(io, idle_timeout).await,
                Err(end) => end,
            },
        };
        self.meters.ended(end);
    }
}

impl<S> Listening<S> {
    /// The connection after its handshake, which must not take long.
    async fn shaken(&self, certificate: &Certificate, io: Watched) -> Result<TlsStream<Watched>, End> {
        let mut phase = self.phase.clone();
        let handshake = tokio::time::timeout(HEAD_TIMEOUT, certificate.acceptor().accept(io));
        tokio::select! {
            shaken = handshake => shaken.map_err(|_| End::SlowHead)?.map_err(|_| End::Closed),
            _ = phase.wait_for(|phase| phase.is_ending()) => Err(End::Closed),
        }
    }

    fn refused(&self, reason: &'static str, open: usize) {
        self.meters.refused(reason);
        let (most, of_one_address) = (self.bounds.most(), self.bounds.of_one_address());
        if let Some(refused) = self.meters.refusals.count() {
            tracing::warn!(refused, reason, open, most, of_one_address, "connections are refused: there are too many");
        }
    }
}

/// What is told of connections: metrics of the public listener alone, the log of any.
struct Meters {
    of_public: Option<PublicMeters>,
    refusals: LogThrottle,
    failures: LogThrottle,
    malformed: LogThrottle,
}

struct PublicMeters {
    open: Gauge,
    malformed: Counter,
}

/// Counts an open connection while it is one.
struct Open<'m>(Option<&'m Gauge>);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(open) = self.0 {
            open.decrement(1.0);
        }
    }
}

impl Meters {
    fn new(is_public: bool) -> Self {
        let of_public = is_public
            .then(|| PublicMeters { open: gauge!(CONNECTIONS), malformed: counter!(MALFORMED_REQUESTS_TOTAL) });
        Self {
            of_public,
            refusals: LogThrottle::default(),
            failures: LogThrottle::default(),
            malformed: LogThrottle::default(),
        }
    }

    fn open(&self) -> Open<'_> {
        let open = self.of_public.as_ref().map(|meters| &meters.open);
        if let Some(open) = open {
            open.increment(1.0);
        }
        Open(open)
    }

    fn refused(&self, reason: &'static str) {
        if self.of_public.is_some() {
            counter!(CONNECTIONS_REFUSED_TOTAL, "reason" => reason).increment(1);
        }
    }

    fn cannot_accept(&self, error: &io::Error, open: usize) {
        self.refused("failed");
        if let Some(failed) = self.failures.count() {
            tracing::error!(%error, failed, open, "connections cannot be accepted");
        }
    }

    fn ended(&self, end: End) {
        let Some(meters) = &self.of_public else { return };
        if let Some(reason) = end.reason() {
            counter!(CONNECTIONS_ENDED_TOTAL, "reason" => reason).increment(1);
        }
        if end == End::Malformed {
            meters.malformed.increment(1);
            if let Some(requests) = self.malformed.count() {
                tracing::info!(requests, "what is not HTTP, or has too long a head, was answered 400, 414 or 431");
            }
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Time-outs are ours (see `connection`), for both protocols the same.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEAD_BYTES).writev(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD_LIST_BYTES)
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    builder
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As the standard library does: what an earlier process left in TIME_WAIT does not matter.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Whether a connection could not be accepted because of itself: its client is gone already.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}
