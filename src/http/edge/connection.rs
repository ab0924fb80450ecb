//! One connection: served until it ends, is asked to close, or takes too long over something.
//!
//! An [`Activity`] notes the events on it in atomics, since every request causes some. Now and then a timer looks at them
//! and [`next`] decides; there is no timer per request.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Version};
use axum::response::Response;
use futures_util::FutureExt;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::{Service, ServiceExt};

use super::bounds::{CLOSE_TIMEOUT, HEAD_TIMEOUT, UNREAD_TIMEOUT};

/// The longest time between two looks at a connection.
const LOOK: Duration = Duration::from_secs(5);
/// The same while draining for a connection whose protocol is not known yet: HTTP/2 needs a GOAWAY.
const LOOK_WHILE_DRAINING: Duration = Duration::from_millis(250);

/// The phase of a listener, which its connections follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    #[default]
    Serving,
    /// Clients should send their next requests elsewhere; those that come are answered.
    Draining,
    /// Connections close once their current requests are answered, all by this moment.
    Stopping(Instant),
    /// Connections close immediately.
    Stopped,
}

impl Phase {
    /// Returns `true` if no more connections are accepted.
    pub(crate) fn is_ending(self) -> bool {
        matches!(self, Self::Stopping(_) | Self::Stopped)
    }
}

/// The end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It closed in its own time.
    Closed,
    /// Its handshake or the head of a request did not arrive in time.
    SlowHead,
    /// It had no request for too long.
    Idle,
    /// It did not read the bytes that were written to it.
    Unread,
    /// It did not close when asked to.
    NotClosing,
    /// It sent bytes that are not HTTP.
    Malformed,
}

impl End {
    /// Returns the name in metrics, if the server closed the connection.
    pub(crate) fn reason(self) -> Option<&'static str> {
        match self {
            Self::SlowHead => Some("slow_head"),
            Self::Idle => Some("idle"),
            Self::Unread => Some("unread"),
            Self::NotClosing => Some("not_closing"),
            Self::Closed | Self::Malformed => None,
        }
    }
}

/// Notes of the events on a connection. Times are milliseconds since it began, plus one; 0 is never.
pub(crate) struct Activity {
    began: Instant,
    phase: watch::Receiver<Phase>,
    requests: AtomicU32,
    had_request: AtomicBool,
    is_http2: AtomicBool,
    quiet_since: AtomicU64,
    head_since: AtomicU64,
    unread_since: AtomicU64,
}

impl Activity {
    pub(crate) fn new(phase: watch::Receiver<Phase>) -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            phase,
            requests: AtomicU32::new(0),
            had_request: AtomicBool::new(false),
            is_http2: AtomicBool::new(false),
            quiet_since: AtomicU64::new(1),
            head_since: AtomicU64::new(0),
            unread_since: AtomicU64::new(0),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Notes a request that lasts as long as the returned value.
    fn request(self: &Arc<Self>, version: Version) -> Busy {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.head_since.store(0, Ordering::Relaxed);
        if !self.had_request.load(Ordering::Relaxed) {
            self.is_http2.store(version == Version::HTTP_2, Ordering::Relaxed);
            self.had_request.store(true, Ordering::Relaxed);
        }
        Busy(Arc::clone(self))
    }

    /// Notes bytes that arrived: the first ones after a request begin the head of the next.
    fn read(&self) {
        if self.requests.load(Ordering::Relaxed) == 0 && self.head_since.load(Ordering::Relaxed) == 0 {
            self.head_since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Notes an attempt to write, which the system took or did not.
    fn written(&self, taken: bool) {
        let since = self.unread_since.load(Ordering::Relaxed);
        if taken && since != 0 {
            self.unread_since.store(0, Ordering::Relaxed);
        } else if !taken && since == 0 {
            self.unread_since.store(self.now(), Ordering::Relaxed);
        }
    }

    fn seen(&self) -> Seen {
        let now = self.now();
        let for_how_long = |since: &AtomicU64| {
            let since = since.load(Ordering::Relaxed);
            (since != 0).then(|| Duration::from_millis(now.saturating_sub(since)))
        };
        Seen {
            is_busy: self.requests.load(Ordering::Relaxed) > 0,
            had_request: self.had_request.load(Ordering::Relaxed),
            is_http2: self.is_http2.load(Ordering::Relaxed),
            quiet: for_how_long(&self.quiet_since).unwrap_or_default(),
            head: for_how_long(&self.head_since),
            unread: for_how_long(&self.unread_since),
        }
    }
}

/// A request in progress.
struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        let Self(activity) = self;
        activity.quiet_since.store(activity.now(), Ordering::Relaxed);
        activity.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection as the timer sees it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    is_busy: bool,
    had_request: bool,
    is_http2: bool,
    /// The time since its last request ended, if it is not busy.
    quiet: Duration,
    /// The time that the head of a request has taken so far.
    head: Option<Duration>,
    /// The time since a write was first not taken.
    unread: Option<Duration>,
}

/// The next step with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Look again after this long.
    Wait(Duration),
    /// Ask it to close: HTTP/1 after the current request, HTTP/2 with GOAWAY.
    Close,
    Drop(End),
}

/// Decides the next step. `closing` is the time since the connection was asked to close, and the reason.
fn next(seen: Seen, phase: Phase, idle_timeout: Duration, closing: Option<(Duration, End)>) -> Next {
    let left = |limit: Duration, passed: Duration| limit.checked_sub(passed).filter(|left| !left.is_zero());
    let mut wait = LOOK;
    if let Some(unread) = seen.unread {
        let Some(left) = left(UNREAD_TIMEOUT, unread) else { return Next::Drop(End::Unread) };
        wait = wait.min(left);
    }
    match phase {
        Phase::Stopped => return Next::Drop(End::Closed),
        Phase::Stopping(_) if closing.is_none() => return Next::Close,
        Phase::Draining if closing.is_none() && seen.is_http2 => return Next::Close,
        Phase::Draining if !seen.had_request => wait = wait.min(LOOK_WHILE_DRAINING),
        _ => {}
    }
    if seen.is_busy {
        return Next::Wait(if closing.is_some() { wait.min(CLOSE_TIMEOUT) } else { wait });
    }
    if let Some((asked, why)) = closing {
        let why = if why == End::Closed { End::NotClosing } else { why };
        // Unless the listener stops, clients get more time to see that they should close.
        let limit = if matches!(phase, Phase::Stopping(_)) { CLOSE_TIMEOUT } else { LOOK };
        return left(limit, asked.min(seen.quiet)).map_or(Next::Drop(why), |left| Next::Wait(wait.min(left)));
    }
    // In HTTP/2, bytes need not belong to a request.
    let head = if seen.had_request { seen.head.filter(|_| !seen.is_http2) } else { Some(seen.quiet) };
    if let Some(head) = head {
        let Some(left) = left(HEAD_TIMEOUT, head) else { return Next::Drop(End::SlowHead) };
        wait = wait.min(left);
    }
    left(idle_timeout, seen.quiet).map_or(Next::Close, |left| Next::Wait(wait.min(left)))
}

/// A socket that notes when it is read and written.
pub(crate) struct Watched {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl Watched {
    pub(crate) fn new(stream: TcpStream, activity: &Arc<Activity>) -> Self {
        Self { stream, activity: Arc::clone(activity) }
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if polled.is_ready() {
            self.activity.read();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.activity.written(polled.is_ready());
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Serves the requests of a connection until its end. `idle_timeout` is asked for each time the timer looks.
pub(crate) async fn serve<S, I>(
    builder: &auto::Builder<TokioExecutor>,
    io: I,
    service: S,
    peer: SocketAddr,
    activity: Arc<Activity>,
    idle_timeout: impl Fn() -> Duration,
) -> End
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut phase = activity.phase.clone();
    let noted = Arc::clone(&activity);
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let busy = noted.request(request.version());
        answer(service.clone(), peer, request, busy).map(Ok::<_, Infallible>)
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), answer));
    let mut closing = None;
    loop {
        let asked = closing.map(|(at, why): (Instant, End)| (at.elapsed(), why));
        let phase_now = *phase.borrow_and_update();
        let wait = match next(activity.seen(), phase_now, idle_timeout(), asked) {
            Next::Wait(wait) => wait,
            Next::Drop(end) => return end,
            Next::Close => {
                closing = Some((Instant::now(), if phase_now == Phase::Serving { End::Idle } else { End::Closed }));
                connection.as_mut().graceful_shutdown();
                continue;
            }
        };
        tokio::select! {
            biased;
            ended = connection.as_mut() => return end_of(ended, closing.map(|(_, why)| why)),
            _ = phase.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

fn end_of(ended: Result<(), axum::BoxError>, closing: Option<End>) -> End {
    match ended {
        Err(error) if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) => End::Malformed,
        _ => closing.unwrap_or(End::Closed),
    }
}

/// Returns the response of `service`. While the instance stops, it asks HTTP/1 clients to send their next request
/// elsewhere.
async fn answer<S>(
    service: S,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
    busy: Busy,
) -> hyper::Response<impl HttpBody<Data = Bytes, Error = axum::Error>>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let is_http1 = request.version() <= Version::HTTP_11;
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    let Ok(mut response) = service.oneshot(request).await;
    if is_http1 && *busy.0.phase.borrow() != Phase::Serving {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(|body| {
        // A body of known length is complete, and only the network can delay it. One that goes on, such as a stream of
        // events, holds its request for as long as it lasts.
        let busy = body.size_hint().exact().is_none().then_some(busy);
        body.map_err(move |error| {
            let _held = &busy;
            error
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_mins(1);
    const QUIET: Seen =
        Seen { is_busy: false, had_request: true, is_http2: false, quiet: Duration::ZERO, head: None, unread: None };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn next_while_serving(seen: Seen) -> Next {
        next(seen, Phase::Serving, IDLE, None)
    }

    #[test]
    fn a_first_request_and_any_head_have_ten_seconds() {
        for (seen, head) in [(Seen { had_request: false, quiet: seconds(9), ..QUIET }, None), (QUIET, Some(seconds(9)))]
        {
            assert_eq!(next_while_serving(Seen { head, ..seen }), Next::Wait(seconds(1)));
            let (quiet, head) = (seen.quiet + seconds(1), head.map(|head| head + seconds(1)));
            assert_eq!(next_while_serving(Seen { quiet, head, ..seen }), Next::Drop(End::SlowHead));
        }
        let ping = Seen { head: Some(seconds(11)), is_http2: true, ..QUIET };
        assert!(matches!(next_while_serving(ping), Next::Wait(_)), "frames outside a request");
    }

    #[test]
    fn a_connection_without_requests_is_asked_to_close_and_then_dropped() {
        for is_http2 in [false, true] {
            let idle = Seen { is_http2, quiet: IDLE, ..QUIET };
            assert_eq!(next_while_serving(idle), Next::Close);
            assert_eq!(next(idle, Phase::Serving, IDLE, Some((seconds(4), End::Idle))), Next::Wait(seconds(1)));
            assert_eq!(next(idle, Phase::Serving, IDLE, Some((seconds(5), End::Idle))), Next::Drop(End::Idle));
            assert_eq!(
                next_while_serving(Seen { is_busy: true, ..idle }),
                Next::Wait(LOOK),
                "a request is in progress"
            );
        }
    }

    #[test]
    fn bytes_left_unread_for_ten_seconds_end_any_connection() {
        for is_busy in [false, true] {
            let unread = |passed| next_while_serving(Seen { is_busy, unread: Some(seconds(passed)), ..QUIET });
            assert_eq!([unread(9), unread(10)], [Next::Wait(seconds(1)), Next::Drop(End::Unread)]);
        }
    }

    #[test]
    fn while_draining_http_2_is_asked_to_close_and_http_1_learns_it_from_its_next_response() {
        let draining = |seen| next(seen, Phase::Draining, IDLE, None);
        assert_eq!(draining(QUIET), Next::Wait(LOOK));
        assert_eq!(draining(Seen { is_http2: true, is_busy: true, ..QUIET }), Next::Close);
        assert_eq!(draining(Seen { had_request: false, ..QUIET }), Next::Wait(LOOK_WHILE_DRAINING));
    }

    #[test]
    fn a_stopping_connection_is_kept_only_while_it_has_a_request() {
        let stopping = Phase::Stopping(Instant::now());
        let asked = |seen, seconds| next(seen, stopping, IDLE, Some((Duration::from_secs(seconds), End::Closed)));
        assert_eq!(next(QUIET, stopping, IDLE, None), Next::Close);
        assert_eq!(asked(Seen { is_busy: true, ..QUIET }, 20), Next::Wait(CLOSE_TIMEOUT));
        assert_eq!(asked(QUIET, 20), Next::Wait(CLOSE_TIMEOUT), "the last response may still be in flight");
        assert_eq!(asked(Seen { quiet: seconds(1), ..QUIET }, 20), Next::Drop(End::NotClosing));
        assert_eq!(next(QUIET, Phase::Stopped, IDLE, None), Next::Drop(End::Closed));
    }
}
