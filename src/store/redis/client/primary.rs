//! One primary: the connections to it, and what its errors mean.

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

/// A server that decides, wherever it is at the moment.
pub(crate) struct Primary {
    links: Box<[Link]>,
    next: AtomicUsize,
    acknowledgements: Option<Lane>,
    whereabouts: watch::Receiver<Whereabouts>,
    slots: watch::Receiver<Slots>,
    /// Without an answer after this long, the connection is the reason.
    fair_share: Duration,
}

/// How a primary is connected to.
pub(crate) struct Connecting {
    pub(crate) keeping: Keeping,
    /// How many connections requests share.
    pub(crate) links: usize,
    /// How many replicas must acknowledge; 0 for none.
    pub(crate) acknowledgements: u32,
}

/// Whether a command goes behind `ASKING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Plain,
    /// Its key's slot is moving to the server, which does not take it otherwise.
    Asking,
}

/// A command has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server does not have the key; nothing was done. The other one, `host:port`, does.
    Elsewhere {
        server: String,
        /// Only for this once, as the key's slot is moving there.
        once: bool,
    },
    /// The key's slot is moving and its keys are here and there; nothing was done.
    Moving,
    /// Anything else.
    Failed(StoreError),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Elsewhere { server, .. } => {
                Self::Faulty(format!("it sends to {server}: it is a node of a cluster, which redis.mode is for").into())
            }
            Failure::Moving => Self::Unreachable("the key is moving between nodes".into()),
            Failure::Failed(error) => error,
        }
    }
}

impl Primary {
    /// Starts connecting. `slots` are those whose keys the server has: all, unless it is one of a cluster.
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

    /// Where it is, as far as is known.
    pub(crate) fn whereabouts(&self) -> Whereabouts {
        self.whereabouts.borrow().clone()
    }

    /// The slots whose keys it has.
    pub(crate) fn slots(&self) -> Slots {
        self.slots.borrow().clone()
    }

    /// The server, once it is known.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`] if there is no connection to one.
    pub(crate) async fn server(&self) -> Result<Arc<Server>, StoreError> {
        self.link().connection().await?;
        self.whereabouts().map_err(|reason| StoreError::Unreachable(reason.to_string().into()))
    }

    /// Runs a command on a shared connection, connecting included.
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

    /// Runs a script that decides, for which there is a ticket to have what it decided acknowledged, if it must be.
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

    /// What an answer, or none, to what began then means for the caller and for the connection.
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
                // Of several decisions the last may have had too little time for any server to answer.
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

/// The connection, for which no timer is set if it is there.
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
    StoreError::NoAnswer("nothing in time".into())
}

/// What follows from a server's error, or from that of the connection.
fn judge(error: RedisError, link: &Link, connected: &Numbered) -> Failure {
    let lost = error.is_io_error() || error.is_unrecoverable_error();
    // A primary that became a replica: its successor may be found by connecting anew.
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
