//! One connection that all requests share, and the task that keeps it alive.
//!
//! Concurrent requests pipeline their commands on it, which carries more than twice as many as a checkout per request
//! (`benches/redis_connection.rs`). redis's `ConnectionManager` is as fast, but it keeps a connection whose answers time
//! out, retries before failing a request, and can neither prepare a new connection nor follow a primary to another address.
//!
//! While there is no connection, a request waits for the attempt under way and no longer: against a server that
//! refuses it fails in milliseconds, against one that says nothing when its own time is up.

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

/// How often an idle connection is tried, so that one that died unnoticed is replaced before a request needs it.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Pauses between attempts to connect: from the first to the second, doubling, each with up to as much jitter on top.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(75));

/// The server to connect to, or why none is known.
pub(crate) type Whereabouts = Result<Arc<Server>, Arc<str>>;

/// What a connection is kept by.
#[derive(Clone)]
pub(crate) struct Keeping {
    pub(crate) schema: Arc<dyn Schema>,
    /// `redis.mode`
    pub(crate) mode: &'static str,
    /// Where the server is, as of now.
    pub(crate) whereabouts: watch::Receiver<Whereabouts>,
    /// An answer on connecting or to the heartbeat later than this counts as none: as long as a request may take, since a
    /// network on which those succeed is good enough.
    pub(crate) patience: Duration,
    /// Whether the server must be a primary, and is asked which one. Who may not use `INFO` cannot.
    pub(crate) identify: bool,
    /// Rings whenever some connection was closed, perhaps this one.
    pub(crate) losses: Bell,
    /// Rung whenever there is no connection (any more).
    pub(crate) lost: Bell,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Scripts: each new connection first gets them. These connections are the ones that metrics count.
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

/// A connection, numbered, so that what befell it is not blamed on its successor.
#[derive(Clone)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) connection: MultiplexedConnection,
    /// Who answers on it, if that was asked.
    pub(crate) identity: Option<Arc<Identity>>,
}

#[derive(Clone)]
enum State {
    Up(Numbered),
    /// How many attempts to connect have failed in all, and how the last one did.
    Down(u64, Arc<dyn Error + Send + Sync>),
}

impl Link {
    /// Starts connecting, and goes on for as long as the link lives.
    pub(crate) fn start(keeping: Keeping, purpose: Purpose) -> Self {
        let (state, states) = watch::channel(State::Down(0, cause("not connected yet")));
        let (suspected, suspicions) = watch::channel(0);
        let keeper = Keeper { keeping, purpose, state, suspected: suspicions };
        Self { state: states, suspected, keeper: supervisor::spawn("redis link", keeper.run()) }
    }

    /// The connection, once there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`] if the attempt under way fails.
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

    /// The connection, if there is one now.
    pub(crate) fn current(&self) -> Option<Numbered> {
        match &*self.state.borrow() {
            State::Up(connection) => Some(connection.clone()),
            State::Down(..) => None,
        }
    }

    /// Says that the connection did not do its duty: it is replaced, unless it has been already.
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
                // What was known before is what is connected to, and what comes after that is news.
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
            tracing::warn!(reason, server, "the connection to Redis is given up");
            self.state.send_replace(State::Down(failures, cause(reason)));
            self.keeping.lost.ring();
        }
    }

    /// A new connection that the right server has answered on.
    async fn connect(&self, server: Result<&Arc<Server>, &Arc<str>>, number: u64) -> Result<Numbered, Cause> {
        let patience = self.keeping.patience;
        let server = match server {
            Ok(server) => server,
            // It may become known any moment, and is then news.
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
            Err(_) => Err(format!("connected to {}, but there is no answer", server.name()).into()),
        }
    }

    /// Returns, with the reason, once the connection is suspected, does not answer or leads to the wrong server.
    async fn until_lost(&mut self, connection: Numbered, losses: &mut Listener) -> &'static str {
        let Numbered { number, mut connection, identity } = connection;
        let Keeping { whereabouts, patience, .. } = &mut self.keeping;
        loop {
            tokio::select! {
                _ = self.suspected.wait_for(|&suspect| suspect >= number) => return "a command failed on it",
                () = moved(whereabouts.clone()) => return "the primary is elsewhere now",
                // Some connection was closed: the next ping tells whether it was this one.
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

/// Returns once another server is the one to connect to.
async fn moved(mut whereabouts: watch::Receiver<Whereabouts>) {
    loop {
        // Who only knows that nothing is known any more stays with what it knew.
        if whereabouts.changed().await.is_err() {
            return std::future::pending().await;
        }
        if whereabouts.borrow_and_update().is_ok() {
            return;
        }
    }
}

/// A connection as Prometheus counts it, for as long as this lives: also until its task is aborted.
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
