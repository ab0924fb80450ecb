//! One connection that all requests share, and the task that keeps it alive.
//!
//! Concurrent requests pipeline their commands on it, which carries more than twice as many as a checkout per request
//! (`benches/redis_connection.rs`). redis's `ConnectionManager` is as fast, but it keeps a connection whose answers time
//! out, retries before failing a request, and can neither prepare a new connection nor follow a primary to another
//! address.
//!
//! While there is no connection, a request waits for the attempt in progress and no longer: it fails within
//! milliseconds if the server refuses connections, and when its time is up if the server does not answer.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use metrics::{Gauge, counter, gauge};
use redis::aio::MultiplexedConnection;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::bell::{Bell, Listener};
use super::schema::Schema;
use super::server::{Identity, Server};
use crate::otp::{Cause, StoreError};
use crate::supervisor;
use crate::telemetry::metrics::{REDIS_CONNECTED, REDIS_PRIMARY_CONNECTIONS, REDIS_RECONNECTS_TOTAL};

/// The interval of the heartbeat on an idle connection, so that a dead one is replaced before a request needs it.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// The first and the longest pause between attempts to connect. Pauses double, with up to as much jitter on top.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(75));

/// The server to connect to, or the reason why it is unknown.
pub(crate) type Whereabouts = Result<Arc<Server>, Arc<str>>;

/// Everything that keeping a connection takes.
#[derive(Clone)]
pub(crate) struct Keeping {
    pub(crate) schema: Arc<dyn Schema>,
    /// `redis.mode`
    pub(crate) mode: &'static str,
    /// The current server.
    pub(crate) whereabouts: watch::Receiver<Whereabouts>,
    /// The time to answer on connecting and to the heartbeat: as long as a request may take, since a network on which
    /// requests succeed is good enough.
    pub(crate) patience: Duration,
    /// `true` if the server must be a primary and is asked for its identity, which needs permission to use `INFO`.
    pub(crate) identify: bool,
    /// Rings when any connection was closed, perhaps this one.
    pub(crate) losses: Bell,
    /// Rung whenever there is no connection.
    pub(crate) lost: Bell,
}

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Running scripts, which each new connection loads first. Metrics count these connections.
    Decisions,
    /// Waiting for replicas.
    Acknowledgements,
}

/// A shared connection.
pub(crate) struct Link {
    state: watch::Receiver<State>,
    suspected: watch::Sender<u64>,
    keeper: JoinHandle<()>,
}

/// A connection with a number, so that trouble with it is not blamed on its successor.
#[derive(Clone)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) connection: MultiplexedConnection,
    /// The identity of the server, if it was asked.
    pub(crate) identity: Option<Arc<Identity>>,
}

#[derive(Clone)]
enum State {
    Up(Numbered),
    /// The number of failed attempts so far, and the reason for the last.
    Down(u64, Arc<dyn Error + Send + Sync>),
}

impl Link {
    /// Starts to connect, and keeps the connection until the link is dropped.
    pub(crate) fn start(keeping: Keeping, purpose: Purpose) -> Self {
        let (state, states) = watch::channel(State::Down(0, cause("not connected yet")));
        let (suspected, suspicions) = watch::channel(0);
        let keeper = Keeper { keeping, purpose, state, suspected: suspicions };
        Self { state: states, suspected, keeper: supervisor::spawn("redis link", keeper.run()) }
    }

    /// Returns the connection, once there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`] if the attempt in progress fails.
    pub(crate) async fn connection(&self) -> Result<Numbered, StoreError> {
        let mut state = self.state.clone();
        let mut failures_before = None;
        loop {
            match &*state.borrow_and_update() {
                State::Up(connection) => return Ok(connection.clone()),
                State::Down(failures, error) => {
                    if *failures_before.get_or_insert(*failures) < *failures {
                        return Err(StoreError::Unreachable(Arc::clone(error).into()));
                    }
                }
            }
            if state.changed().await.is_err() {
                return Err(StoreError::Unreachable("the connection's task has ended".into()));
            }
        }
    }

    /// Returns the connection, if there is one now.
    pub(crate) fn current(&self) -> Option<Numbered> {
        match &*self.state.borrow() {
            State::Up(connection) => Some(connection.clone()),
            State::Down(..) => None,
        }
    }

    /// Reports that the connection does not work. It is replaced, unless it has been already.
    pub(crate) fn suspect(&self, connection: &Numbered) {
        self.suspected.send_if_modified(|newest| {
            let newer = *newest < connection.number;
            *newest = connection.number.max(*newest);
            newer
        });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

struct Keeper {
    keeping: Keeping,
    purpose: Purpose,
    state: watch::Sender<State>,
    suspected: watch::Receiver<u64>,
}

impl Keeper {
    async fn run(mut self) {
        let mut failures: u64 = 0;
        let mut losses = self.keeping.losses.listen();
        for number in 1.. {
            let mut pauses = pauses();
            let (server, connection) = loop {
                // Only changes after this line count as a move.
                let server = self.keeping.whereabouts.borrow_and_update().clone();
                let error = tokio::select! {
                    connected = self.connect(server.as_ref(), number) => match connected {
                        Ok(connection) => break (server, connection),
                        Err(error) => error,
                    },
                    () = moved(self.keeping.whereabouts.clone()) => continue,
                };
                failures += 1;
                if failures.is_power_of_two() {
                    tracing::warn!(%error, failures, "no connection to Redis");
                }
                self.state.send_replace(State::Down(failures, error.into()));
                self.keeping.lost.ring();
                tokio::select! {
                    () = tokio::time::sleep(pauses.next().unwrap_or(PAUSES.1)) => {}
                    () = moved(self.keeping.whereabouts.clone()) => {}
                }
            };
            let server = server.map_or_else(|_| String::new(), |server| server.name().to_owned());
            tracing::debug!(failures, server, "connected to Redis");
            let up = (self.purpose == Purpose::Decisions).then(|| Up::count(number, self.keeping.mode, &server));
            self.state.send_replace(State::Up(connection.clone()));
            let reason = self.until_lost(connection, &mut losses).await;
            drop(up);
            tracing::warn!(reason, server, "the connection to Redis was lost");
            self.state.send_replace(State::Down(failures, cause(reason)));
            self.keeping.lost.ring();
        }
    }

    /// Connects, and checks that the right server answers.
    async fn connect(&self, server: Result<&Arc<Server>, &Arc<str>>, number: u64) -> Result<Numbered, Cause> {
        let patience = self.keeping.patience;
        let server = match server {
            Ok(server) => server,
            // It may become known any moment, which interrupts this.
            Err(reason) => {
                tokio::time::sleep(patience / 4).await;
                let reason_by_now = self.keeping.whereabouts.borrow().as_ref().err().cloned();
                return Err(reason_by_now.unwrap_or_else(|| Arc::clone(reason)).to_string().into());
            }
        };
        let mut connection = server.connect().await?;
        let prepare = async {
            if self.purpose == Purpose::Decisions {
                self.keeping.schema.scripts().exec_async(&mut connection).await.map_err(|error| error.to_string())?;
            }
            let identity =
                if self.keeping.identify { Some(Identity::of_primary(&mut connection).await?) } else { None };
            Ok::<_, String>(identity.map(Arc::new))
        };
        match tokio::time::timeout(patience, prepare).await {
            Ok(Ok(identity)) => Ok(Numbered { number, connection, identity }),
            Ok(Err(error)) => Err(format!("{}: {error}", server.name()).into()),
            Err(_) => Err(format!("connected to {}, but it does not answer", server.name()).into()),
        }
    }

    /// Waits until the connection is suspected, does not answer or leads to the wrong server, and returns the reason.
    async fn until_lost(&mut self, connection: Numbered, losses: &mut Listener) -> &'static str {
        let Numbered { number, mut connection, identity } = connection;
        let Keeping { whereabouts, patience, .. } = &mut self.keeping;
        loop {
            tokio::select! {
                _ = self.suspected.wait_for(|&suspect| suspect >= number) => return "a command failed on it",
                () = moved(whereabouts.clone()) => return "the primary moved to another server",
                // Some connection was closed; the heartbeat finds out whether it was this one.
                () = losses.rung() => {}
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
            let beat = async {
                match &identity {
                    None => redis::cmd("PING").query_async::<()>(&mut connection).await.is_ok(),
                    Some(identity) => Identity::of_primary(&mut connection).await.is_ok_and(|now| now == **identity),
                }
            };
            match tokio::time::timeout(*patience, beat).await {
                Ok(true) => {}
                Ok(false) => return "the heartbeat failed",
                Err(_) => return "the heartbeat was not answered",
            }
        }
    }
}

fn cause(text: &str) -> Arc<dyn Error + Send + Sync> {
    Cause::from(text).into()
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(PAUSES.0)
        .with_max_delay(PAUSES.1)
        .without_max_times()
        .with_jitter()
        .build()
}

/// Waits until there is another server to connect to.
async fn moved(mut whereabouts: watch::Receiver<Whereabouts>) {
    loop {
        // The sender is gone, so the server can no longer change.
        if whereabouts.changed().await.is_err() {
            return std::future::pending().await;
        }
        if whereabouts.borrow_and_update().is_ok() {
            return;
        }
    }
}

/// Counts a connection in the metrics for as long as it lives, even if its task is aborted.
struct Up([Gauge; 2]);

impl Up {
    fn count(number: u64, mode: &'static str, server: &str) -> Self {
        if number > 1 {
            counter!(REDIS_RECONNECTS_TOTAL).increment(1);
        }
        let to_server = gauge!(REDIS_PRIMARY_CONNECTIONS, "mode" => mode, "primary" => server.to_owned());
        let gauges = [gauge!(REDIS_CONNECTED), to_server];
        for gauge in &gauges {
            gauge.increment(1.0);
        }
        Self(gauges)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        for gauge in &self.0 {
            gauge.decrement(1.0);
        }
    }
}
