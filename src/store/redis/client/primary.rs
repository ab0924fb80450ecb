//! A primary: the connections to it and the meaning of its errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, RedisError, ScriptInvocation, ServerErrorKind};
use tokio::sync::watch;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

use super::acknowledgement::{Lane, Ticket};
use super::asking::Asking;
use super::error::Redacted;
use super::link::{Keeping, Link, Numbered, Purpose, Whereabouts};
use super::server::Server;
use super::slots::Slots;
use crate::otp::StoreError;

/// A server that makes decisions, wherever it currently is.
pub(crate) struct Primary {
    links: Box<[Link]>,
    next: AtomicUsize,
    acknowledgements: Option<Lane>,
    whereabouts: watch::Receiver<Whereabouts>,
    slots: watch::Receiver<Slots>,
    /// If an answer takes longer than this, the connection is suspected.
    fair_share: Duration,
}

/// The settings of the connections to a primary.
pub(crate) struct Connecting {
    pub(crate) keeping: Keeping,
    /// The number of connections that requests share.
    pub(crate) links: usize,
    /// The number of replicas that must acknowledge a decision; 0 for none.
    pub(crate) acknowledgements: u32,
}

/// The use of `ASKING` before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Plain,
    /// The key's slot is moving to the server, which otherwise refuses the command.
    Asking,
}

/// The reason why a command has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Another server, `host:port`, owns the key; nothing was done.
    Elsewhere {
        server: String,
        /// Only this once, as the key's slot is moving there.
        once: bool,
    },
    /// The key's slot is moving and its keys are split between two nodes; nothing was done.
    Moving,
    /// Any other error.
    Failed(StoreError),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Elsewhere { server, .. } => Self::Faulty(
                format!("it redirects to {server}: it is a node of a cluster, so redis.mode must be cluster").into(),
            ),
            Failure::Moving => Self::Unreachable("the key is moving between nodes".into()),
            Failure::Failed(error) => error,
        }
    }
}

impl Primary {
    /// Starts to connect. `slots` are those that the server owns: all of them, unless it belongs to a cluster.
    pub(crate) fn start(connecting: Connecting, slots: watch::Receiver<Slots>) -> Self {
        let Connecting { keeping, links, acknowledgements } = connecting;
        Self {
            links: (0..links.max(1)).map(|_| Link::start(keeping.clone(), Purpose::Decisions)).collect(),
            next: AtomicUsize::new(0),
            whereabouts: keeping.whereabouts.clone(),
            fair_share: keeping.patience / 2,
            slots: slots.clone(),
            acknowledgements: (acknowledgements > 0).then(|| Lane::start(keeping, acknowledgements, slots)),
        }
    }

    /// Returns the current server, if known.
    pub(crate) fn whereabouts(&self) -> Whereabouts {
        self.whereabouts.borrow().clone()
    }

    /// Returns the slots that it owns.
    pub(crate) fn slots(&self) -> Slots {
        self.slots.borrow().clone()
    }

    /// Returns the current server, once there is a connection to it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`] if there is none.
    pub(crate) async fn server(&self) -> Result<Arc<Server>, StoreError> {
        self.link().connection().await?;
        self.whereabouts().map_err(|reason| StoreError::Unreachable(reason.to_string().into()))
    }

    /// Runs a command on a shared connection, waiting for one if necessary.
    ///
    /// # Errors
    ///
    /// [`Failure`]; with [`StoreError::NoAnswer`] the command may have been run.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: &Cmd, deadline: Instant) -> Result<T, Failure> {
        let link = self.link();
        let mut connected = connection(link, deadline).await?;
        let began = Instant::now();
        let answer = timeout_at(deadline, command.query_async(&mut connected.connection)).await;
        self.settle(answer, link, &connected, began)
    }

    /// Runs a script that makes a decision. Returns a ticket for its acknowledgement, if it must be acknowledged.
    ///
    /// # Errors
    ///
    /// As [`Primary::run`].
    pub(crate) async fn decide<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
        manner: Manner,
        deadline: Instant,
    ) -> Result<(T, Option<Ticket>), Failure> {
        let link = self.link();
        let mut connected = connection(link, deadline).await?;
        let ticket = match &self.acknowledgements {
            None => None,
            Some(lane) => Some(in_time(deadline, lane.ticket(link, &connected)).await?),
        };
        let (connection, began) = (&mut connected.connection, Instant::now());
        let answer = match manner {
            Manner::Plain => timeout_at(deadline, script.invoke_async(connection)).await,
            Manner::Asking => timeout_at(deadline, script.invoke_async(&mut Asking(connection))).await,
        };
        Ok((self.settle(answer, link, &connected, began)?, ticket))
    }

    /// Interprets the answer, or its absence, to a command that was sent at `began`.
    fn settle<T>(
        &self,
        answer: Result<Result<T, RedisError>, Elapsed>,
        link: &Link,
        connected: &Numbered,
        began: Instant,
    ) -> Result<T, Failure> {
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(judge(error, link, connected)),
            Err(_) => {
                // The last of several decisions may have had too little time for any server to answer.
                if began.elapsed() >= self.fair_share {
                    link.suspect(connected);
                }
                Err(Failure::Failed(too_late()))
            }
        }
    }

    fn link(&self) -> &Link {
        &self.links[self.next.fetch_add(1, Ordering::Relaxed) % self.links.len()]
    }
}

/// Returns the connection. No timer is set if there is one already.
async fn connection(link: &Link, deadline: Instant) -> Result<Numbered, Failure> {
    match link.current() {
        Some(connected) => Ok(connected),
        None => in_time(deadline, link.connection()).await,
    }
}

async fn in_time<T>(deadline: Instant, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, Failure> {
    timeout_at(deadline, work).await.unwrap_or_else(|_| Err(too_late())).map_err(Failure::Failed)
}

fn too_late() -> StoreError {
    StoreError::NoAnswer("there was no answer in time".into())
}

/// Interprets an error of the server or of the connection.
fn judge(error: RedisError, link: &Link, connected: &Numbered) -> Failure {
    let lost = error.is_io_error() || error.is_unrecoverable_error();
    // A primary that has become a replica: reconnecting may find its successor.
    if lost || error.kind() == ServerErrorKind::ReadOnly.into() {
        link.suspect(connected);
    }
    if let Some((server, _)) = error.redirect_node() {
        let once = error.kind() == ServerErrorKind::Ask.into();
        return Failure::Elsewhere { server: server.to_owned(), once };
    }
    if error.kind() == ServerErrorKind::TryAgain.into() {
        return Failure::Moving;
    }
    let cause = Redacted(error).into();
    Failure::Failed(if lost { StoreError::NoAnswer(cause) } else { StoreError::Faulty(cause) })
}
