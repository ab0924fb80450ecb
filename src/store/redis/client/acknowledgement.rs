//! Waits until replicas have a decision, before its result is returned.
//!
//! `WAIT` blocks its connection, so it has one of its own; on the connection for decisions it would delay every
//! request. It covers only writes of its own connection, so each round first writes a key without meaning. Replication
//! preserves the order, so a replica that has this write has everything before it: one round covers every decision that
//! is waiting.
//!
//! This is sound only if the decision and the write belong to one replication history of one process. The [`Ticket`]
//! ensures it: taken before the decision, it is valid for one connection of the lane, which leads to the process that
//! makes the decision. After each round, that process must still write the history that it wrote when the lane
//! connected.

use std::sync::Arc;
use std::time::Duration;

use metrics::histogram;
use redis::{RedisError, Value};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::Redacted;
use super::info::Info;
use super::link::{Keeping, Link, Numbered, Purpose};
use super::schema::Schema;
use super::slots::Slots;
use crate::otp::StoreError;
use crate::supervisor;
use crate::telemetry::metrics::REDIS_ACK_DURATION_SECONDS;

/// The time that one round may block the lane. A decision that waits longer takes part in the next round too.
const ROUND_MS: u64 = 100;
/// The pause after a round that the server refused.
const PAUSE: Duration = Duration::from_millis(20);
/// The most decisions that may queue for the next round.
const QUEUE: usize = 4_096;
/// The lifetime of the written key.
const KEPT_MS: u64 = 10_000;

/// Lets a primary's decisions wait for its replicas.
pub(crate) struct Lane {
    link: Arc<Link>,
    queue: mpsc::Sender<Waiting>,
    replicas: u32,
    rounds: JoinHandle<()>,
}

/// The right to have one decision acknowledged, taken before it is made.
pub(crate) struct Ticket {
    number: u64,
    queue: mpsc::Sender<Waiting>,
    replicas: u32,
}

struct Waiting {
    number: u64,
    until: Instant,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

impl Lane {
    /// Starts a lane to the server of `keeping`, which owns `slots`.
    pub(crate) fn start(keeping: Keeping, replicas: u32, slots: watch::Receiver<Slots>) -> Self {
        let (patience, schema) = (keeping.patience, Arc::clone(&keeping.schema));
        let link = Arc::new(Link::start(keeping, Purpose::Acknowledgements));
        let (queue, waiting) = mpsc::channel(QUEUE);
        let key = schema.acknowledgement_key(&slots.borrow(), 0);
        let rounds = Rounds { link: Arc::clone(&link), replicas, patience, schema, slots, attempt: 0, key };
        Self { link, queue, replicas, rounds: supervisor::spawn("redis acknowledgements", rounds.run(waiting)) }
    }

    /// Takes a ticket for a decision that is about to be made on `connection` of `link`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`] if the lane does not lead to the same process.
    pub(crate) async fn ticket(&self, link: &Link, connection: &Numbered) -> Result<Ticket, StoreError> {
        let lane = self.link.connection().await?;
        let same = match (&lane.identity, &connection.identity) {
            (Some(one), Some(other)) => one.is_process_of(other),
            _ => false,
        };
        if !same {
            // One of them leads to a former primary.
            self.link.suspect(&lane);
            link.suspect(connection);
            return Err(StoreError::Unreachable("the connections lead to different servers".into()));
        }
        Ok(Ticket { number: lane.number, queue: self.queue.clone(), replicas: self.replicas })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.rounds.abort();
    }
}

impl Ticket {
    /// Asks for the decision to be acknowledged. The wait begins now, whenever the result is awaited.
    pub(crate) fn redeem(self, until: Instant) -> Acknowledgement {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { number: self.number, until, answer };
        let queued = self.queue.try_send(waiting).is_ok();
        Acknowledgement { queued, answered, began: Instant::now(), until, replicas: self.replicas }
    }
}

/// The pending acknowledgement of a decision.
pub(crate) struct Acknowledgement {
    queued: bool,
    answered: oneshot::Receiver<Result<(), StoreError>>,
    began: Instant,
    until: Instant,
    replicas: u32,
}

impl Acknowledgement {
    /// Waits until enough replicas have the decision.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unacknowledged`] if they do not have it in time.
    pub(crate) async fn wait(self) -> Result<(), StoreError> {
        let Self { queued, answered, began, until, replicas } = self;
        if !queued {
            return Err(StoreError::Unacknowledged("too many decisions are waiting for replicas".into()));
        }
        let result = match timeout_at(until, answered).await {
            Ok(Ok(result)) => result,
            // The lane dropped it a moment ago because its time was up.
            Ok(Err(_)) | Err(_) => Err(StoreError::Unacknowledged(too_few(replicas).into())),
        };
        histogram!(REDIS_ACK_DURATION_SECONDS).record(began.elapsed());
        result
    }
}

fn too_few(replicas: u32) -> String {
    format!("fewer than {replicas} replica(s) had it in time")
}

struct Rounds {
    link: Arc<Link>,
    replicas: u32,
    patience: Duration,
    schema: Arc<dyn Schema>,
    slots: watch::Receiver<Slots>,
    /// Selects one of the keys in these slots.
    attempt: usize,
    key: String,
}

/// The outcome of a round.
enum Round {
    /// This many replicas have everything that was written before.
    Reached(u32),
    /// The server refused to write or to wait.
    Refused(RedisError),
    /// The connection can no longer be used.
    Lost(&'static str),
}

impl Rounds {
    async fn run(mut self, mut queue: mpsc::Receiver<Waiting>) {
        let mut waiting: Vec<Waiting> = Vec::new();
        loop {
            if waiting.is_empty() {
                let Some(first) = queue.recv().await else { return };
                waiting.push(first);
            }
            while let Ok(another) = queue.try_recv() {
                waiting.push(another);
            }
            let now = Instant::now();
            waiting.retain(|one| one.until > now && !one.answer.is_closed());

            let Some(mut connection) = self.link.current() else {
                dismiss(&mut waiting, "the connection to the primary was lost");
                continue;
            };
            // Decisions from before this connection may belong to another history.
            dismiss_before(&mut waiting, connection.number);
            if waiting.is_empty() {
                continue;
            }
            match self.round(&mut connection).await {
                Round::Reached(replicas) if replicas >= self.replicas => {
                    for one in waiting.drain(..) {
                        // A receiver that is gone has given up.
                        let _ = one.answer.send(Ok(()));
                    }
                }
                Round::Reached(_) => {}
                Round::Refused(error) => {
                    let moving = error.is_cluster_error();
                    tracing::debug!(error = %Redacted(error), "the server refused a round of acknowledgements");
                    if moving {
                        // The key's slot is moving; another key's may not be.
                        self.attempt += 1;
                        self.choose_key();
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Round::Lost(reason) => {
                    self.link.suspect(&connection);
                    dismiss(&mut waiting, reason);
                }
            }
        }
    }

    fn choose_key(&mut self) {
        self.key = self.schema.acknowledgement_key(&self.slots.borrow_and_update(), self.attempt);
    }

    /// Writes the key and waits until replicas have it.
    async fn round(&mut self, connection: &mut Numbered) -> Round {
        if self.slots.has_changed().unwrap_or(false) {
            self.choose_key();
        }
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(&self.key).arg("").arg("PX").arg(KEPT_MS);
        commands.cmd("WAIT").arg(self.replicas).arg(ROUND_MS);
        commands.cmd("INFO").arg("replication");
        let answer =
            timeout(Duration::from_millis(ROUND_MS) + self.patience, commands.query_async(&mut connection.connection));
        let (_, replicas, info): (Value, u32, String) = match answer.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.is_io_error() || error.is_unrecoverable_error() => {
                return Round::Lost("the connection to the primary broke");
            }
            Ok(Err(error)) => return Round::Refused(error),
            Err(_) => return Round::Lost("the primary did not answer"),
        };
        let info = Info::parse(&info);
        let same = connection.identity.as_ref().is_some_and(|identity| identity.history() == info.get("master_replid"));
        if same && info.get("role") == "master" {
            Round::Reached(replicas)
        } else {
            Round::Lost("it is no longer the primary")
        }
    }
}

fn dismiss(waiting: &mut Vec<Waiting>, reason: &'static str) {
    for one in waiting.drain(..) {
        let _ = one.answer.send(Err(StoreError::Unacknowledged(reason.into())));
    }
}

fn dismiss_before(waiting: &mut Vec<Waiting>, number: u64) {
    let (mut earlier, current) = std::mem::take(waiting).into_iter().partition(|one| one.number < number);
    *waiting = current;
    dismiss(&mut earlier, "the connection to the primary was replaced in the meantime");
}
