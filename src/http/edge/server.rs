//! Listening, with or without TLS, and stopping without dropping a request.

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

use super::bounds::{
    CONNECTION_WINDOW, ConnectionBounds, HEAD_TIMEOUT, MAX_HEAD_BYTES, MAX_HEAD_LIST_BYTES, MAX_RESET_STREAMS,
    MAX_STREAMS, SOCKET_BUFFER, STREAM_WINDOW,
};
use super::connection::{self, Activity, End, Phase, Watched};
use super::log_throttle::LogThrottle;
use super::places::{Place, Places};
use super::tls::Certificate;
use crate::http::settings::TlsFiles;
use crate::telemetry::metrics::{
    CONNECTIONS, CONNECTIONS_ENDED_TOTAL, CONNECTIONS_REFUSED_TOTAL, MALFORMED_REQUESTS_TOTAL,
};

/// Connections that the system accepts ahead of us.
const BACKLOG: u32 = 4_096;
/// The pause after a connection could not be accepted, as when no descriptor is left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A bound address that is not served yet.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    certificate: Option<Certificate>,
    bounds: ConnectionBounds,
}

/// Listening is not possible.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot use server.tls_cert_file {certificate} and server.tls_key_file {key}: {source}", certificate = files.certificate.display(), key = files.key.display())]
    Certificate {
        /// The files.
        files: TlsFiles,
        /// The cause.
        source: io::Error,
    },
}

/// Stops a listener and counts its connections. Clones are for the same listener.
#[derive(Debug, Clone, Default)]
pub struct Handle {
    phase: watch::Sender<Phase>,
    connections: TaskTracker,
}

impl Handle {
    /// Asks clients to send their next requests elsewhere: with `Connection: close` in HTTP/1 and GOAWAY in HTTP/2. Requests
    /// that come nevertheless are served.
    pub fn drain(&self) {
        self.phase.send_replace(Phase::Draining);
    }

    /// Accepts no more connections, and closes the open ones once their current requests are answered, within this time.
    pub fn graceful_shutdown(&self, within: Duration) {
        self.phase.send_replace(Phase::Stopping(Instant::now() + within));
    }

    /// Closes everything immediately.
    pub fn shutdown(&self) {
        self.phase.send_replace(Phase::Stopped);
    }

    /// Returns the number of open connections.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }
}

impl Listener {
    /// Binds `address`. With `tls`, connections speak HTTPS, and the files are read again when they change.
    ///
    /// # Errors
    ///
    /// [`ListenError`] if the address is taken or the certificate is invalid.
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

    /// Returns the bound address, with the port that the system chose if port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }

    /// Serves until `handle` stops it. Failures to accept a connection do not end it.
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
                        // Reset rather than closed, which would leave the system with a socket in TIME_WAIT.
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

/// State that the connections of a listener share.
struct Listening<S> {
    service: S,
    builder: auto::Builder<TokioExecutor>,
    certificate: Option<Certificate>,
    bounds: ConnectionBounds,
    meters: Meters,
    phase: watch::Receiver<Phase>,
}

impl<S> Listening<S> {
    async fn connected(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, places: Arc<Places>, _place: Place)
    where
        S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static,
    {
        self.meters.open.increment(1.0);
        // Responses are complete when they are written: there is nothing to collect them with.
        let _ = stream.set_nodelay(true);
        let activity = Activity::new(self.phase.clone());
        let io = Watched::new(stream, &activity);
        let (service, idle_timeout) = (self.service.clone(), || self.bounds.idle_timeout(&places));
        let end = match &self.certificate {
            None => connection::serve(&self.builder, io, service, peer, activity, idle_timeout).await,
            Some(certificate) => match self.handshake(certificate, io).await {
                Ok(io) => connection::serve(&self.builder, io, service, peer, activity, idle_timeout).await,
                Err(end) => end,
            },
        };
        self.meters.open.decrement(1.0);
        self.meters.ended(end);
    }

    async fn handshake(&self, certificate: &Certificate, io: Watched) -> Result<TlsStream<Watched>, End> {
        let mut phase = self.phase.clone();
        let handshake = tokio::time::timeout(HEAD_TIMEOUT, certificate.acceptor().accept(io));
        tokio::select! {
            accepted = handshake => accepted.map_err(|_| End::SlowHead)?.map_err(|_| End::Closed),
            _ = phase.wait_for(|phase| phase.is_ending()) => Err(End::Closed),
        }
    }

    fn refused(&self, reason: &'static str, open: usize) {
        self.meters.refused(reason);
        let (most, of_one_address) = (self.bounds.most, self.bounds.share);
        if let Some(refused) = self.meters.refusals.count() {
            tracing::warn!(refused, reason, open, most, of_one_address, "connections are refused: there are too many");
        }
    }
}

/// Reports connections: those of the public listener in metrics, those of any in the log.
struct Meters {
    is_public: bool,
    open: Gauge,
    refusals: LogThrottle,
    failures: LogThrottle,
    malformed: LogThrottle,
    malformed_total: Counter,
}

impl Meters {
    fn new(is_public: bool) -> Self {
        Self {
            is_public,
            open: if is_public { gauge!(CONNECTIONS) } else { Gauge::noop() },
            refusals: LogThrottle::default(),
            failures: LogThrottle::default(),
            malformed: LogThrottle::default(),
            malformed_total: counter!(MALFORMED_REQUESTS_TOTAL),
        }
    }

    fn refused(&self, reason: &'static str) {
        if self.is_public {
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
        if !self.is_public {
            return;
        }
        if let Some(reason) = end.reason() {
            counter!(CONNECTIONS_ENDED_TOTAL, "reason" => reason).increment(1);
        }
        if end == End::Malformed {
            self.malformed_total.increment(1);
            if let Some(requests) = self.malformed.count() {
                tracing::info!(
                    requests,
                    "requests that are not HTTP or whose head is too long were answered 400, 414 or 431"
                );
            }
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // The time-outs of `connection` are for both protocols.
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
    // As in the standard library: connections that an earlier process left in TIME_WAIT do not matter.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Returns `true` if a connection could not be accepted because its client has gone.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}
