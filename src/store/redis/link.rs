//! One connection that all requests share, and the task that keeps it alive.
//!
//! Commands of concurrent requests are pipelined on it, which carries about three times what a checkout per request does
//! (`benches/redis_connection.rs`). deadpool-redis makes the connections; what it does not do for one that is shared,
//! noticing that it died and replacing it, is done here.
//!
//! While there is no connection, a request waits for the attempt under way and no longer: against a server that
//! refuses it fails in milliseconds, against one that says nothing within the connecting time-out.

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::{Connection, Pool};
use metrics::{Gauge, counter, gauge};
use redis::Pipeline;
use redis::aio::MultiplexedConnection;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::otp::StoreError;
use crate::telemetry::metrics::{REDIS_CONNECTED, REDIS_RECONNECTS_TOTAL};

/// How often an idle connection is tried, so that one that died unnoticed is replaced before a request needs it.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Pauses between attempts to connect: from the first to the second, doubling.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(100));

/// A shared connection.
pub(super) struct Link {
    state: watch::Receiver<State>,
    suspected: watch::Sender<u64>,
    keeper: JoinHandle<()>,
}

/// A connection, numbered, so that what befell it is not blamed on its successor.
#[derive(Clone)]
pub(super) struct Numbered {
    number: u64,
    pub(super) connection: MultiplexedConnection,
}

#[derive(Clone)]
enum State {
    Up(Numbered),
    /// How many attempts to connect have failed in all, and how the last one did.
    Down(u64, Arc<str>),
}

impl Link {
    /// Starts connecting through `pool`, and goes on for as long as the link lives. Each new connection first gets
    /// `preparation`. An answer to that or to the heartbeat later than `patience` counts as none. Whenever `losses`
    /// changes, some connection of the pool was closed, perhaps this one.
    pub(super) fn start(pool: Pool, preparation: Pipeline, patience: Duration, losses: watch::Receiver<u64>) -> Self {
        let (sender, state) = watch::channel(State::Down(0, "not connected yet".into()));
        let (suspected, suspicions) = watch::channel(0);
        let keeper = tokio::spawn(keep(pool, preparation, patience, sender, suspicions, losses));
        Self { state, suspected, keeper }
    }

    /// The connection, once there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`] if the attempt under way fails.
    pub(super) async fn connection(&self) -> Result<Numbered, StoreError> {
        if let State::Up(connection) = &*self.state.borrow() {
            return Ok(connection.clone());
        }
        let mut state = self.state.clone();
        let mut failures_before = None;
        loop {
            match &*state.borrow_and_update() {
                State::Up(connection) => return Ok(connection.clone()),
                State::Down(failures, error) => {
                    if *failures_before.get_or_insert(*failures) < *failures {
                        return Err(StoreError::Unreachable(error.to_string()));
                    }
                }
            }
            if state.changed().await.is_err() {
                return Err(StoreError::Unreachable("the connection's task has ended".to_owned()));
            }
        }
    }

    /// Says that the connection did not do its duty: it is replaced, unless it has been already.
    pub(super) fn suspect(&self, connection: &Numbered) {
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

async fn keep(
    pool: Pool,
    preparation: Pipeline,
    patience: Duration,
    state: watch::Sender<State>,
    mut suspected: watch::Receiver<u64>,
    mut losses: watch::Receiver<u64>,
) {
    let mut failures: u64 = 0;
    for number in 1.. {
        let mut pause = PAUSES.0;
        let connection = loop {
            match connect(&pool, &preparation, patience).await {
                Ok(connection) => break connection,
                Err(error) => {
                    failures += 1;
                    if failures.is_power_of_two() {
                        tracing::warn!(%error, failures, "no connection to Redis");
                    }
                    state.send_replace(State::Down(failures, error.into()));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        };
        tracing::debug!(failures, "connected to Redis");
        let up = Up::count(number);
        let connection = Numbered { number, connection };
        state.send_replace(State::Up(connection.clone()));
        let lost = until_lost(connection, patience, &mut suspected, &mut losses).await;
        drop(up);
        tracing::warn!(reason = lost, "the connection to Redis is given up");
        state.send_replace(State::Down(failures, lost.into()));
    }
}

/// A connection as Prometheus counts it, for as long as this lives: also until its task is aborted.
struct Up(Gauge);

impl Up {
    fn count(number: u64) -> Self {
        if number > 1 {
            counter!(REDIS_RECONNECTS_TOTAL).increment(1);
        }
        let connected = gauge!(REDIS_CONNECTED);
        connected.increment(1.0);
        Self(connected)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A new connection that a server has answered on.
async fn connect(pool: &Pool, preparation: &Pipeline, patience: Duration) -> Result<MultiplexedConnection, String> {
    let mut connection = Connection::take(pool.get().await.map_err(|error| error.to_string())?);
    match tokio::time::timeout(patience, preparation.exec_async(&mut connection)).await {
        Ok(Ok(())) => Ok(connection),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("connected, but there is no answer".to_owned()),
    }
}

/// Returns, with the reason, once the connection is suspected or does not answer.
async fn until_lost(
    Numbered { number, mut connection }: Numbered,
    patience: Duration,
    suspected: &mut watch::Receiver<u64>,
    losses: &mut watch::Receiver<u64>,
) -> &'static str {
    loop {
        tokio::select! {
            _ = suspected.wait_for(|&suspect| suspect >= number) => return "a command failed on it",
            // Some connection was closed: the next ping tells whether it was this one.
            Ok(()) = losses.changed() => {}
            () = tokio::time::sleep(HEARTBEAT) => {}
        }
        let ping = redis::cmd("PING");
        match tokio::time::timeout(patience, ping.query_async::<()>(&mut connection)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return "the heartbeat failed",
            Err(_) => return "the heartbeat was not answered",
        }
    }
}
