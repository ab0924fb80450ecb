//! Follows the primary that the sentinels name.
//!
//! Each sentinel is asked once a second on a connection of its own, immediately when it announces a new primary, and
//! five times a second while there is no connection to the primary. Among their answers the newest counts, by the epoch
//! that a failover raises, so that one sentinel which is cut off together with the old primary misleads nobody. While
//! none answers, the primary is assumed to be where it was last seen. [`link`](super::link) checks that the server
//! really is a primary, on connecting and with each heartbeat.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::address::Endpoint;
use super::bell::Bell;
use super::error::Redacted;
use super::link::Whereabouts;
use super::server::{Dial, Server};
use crate::otp::StoreError;
use crate::store::redis::settings::MasterName;

/// The interval between questions to a sentinel while there is no trouble. A new primary is followed within about a
/// second, even if sentinels do not allow subscriptions.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// The shortest interval between questions.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// The channel on which sentinels announce a new primary.
const ANNOUNCEMENTS: &str = "+switch-master";

/// Asks sentinels until it is dropped.
pub(crate) struct Sentinels {
    servers: Vec<Arc<Server>>,
    name: MasterName,
    patience: Duration,
    /// Aborted on drop.
    _asking: JoinSet<()>,
}

/// The settings for following the primary.
pub(crate) struct Following {
    /// Makes the connections to the primary.
    pub(crate) to_primary: Dial,
    /// `true` if the primary uses TLS.
    pub(crate) tls: bool,
    /// The time that a sentinel has to answer.
    pub(crate) patience: Duration,
    /// Rings when there is reason to ask immediately.
    pub(crate) trouble: Bell,
}

/// A sentinel's answer about the primary.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Announcement {
    epoch: u64,
    host: String,
    port: u16,
}

impl Sentinels {
    /// Starts to follow the primary called `name`. `to_sentinels` makes the connections to the sentinels.
    ///
    /// # Errors
    ///
    /// [`StoreError::Faulty`] if the settings allow no connection to a sentinel.
    pub(crate) fn follow(
        sentinels: &[Endpoint],
        name: &MasterName,
        to_sentinels: &Dial,
        following: Following,
    ) -> Result<(Self, watch::Receiver<Whereabouts>), StoreError> {
        let (current, whereabouts) = watch::channel(Err("no sentinel has answered yet".into()));
        let said = vec![Err("it has not answered yet".to_owned()); sentinels.len()];
        let Following { to_primary, tls, patience, trouble } = following;
        let board = Arc::new(Board { said: Mutex::new(said), current, to_primary, tls });
        let (mut asking, mut servers) = (JoinSet::new(), Vec::new());
        for (index, sentinel) in sentinels.iter().enumerate() {
            let server = to_sentinels.endpoint(sentinel)?;
            servers.push(Arc::clone(&server));
            let (name, board, mut trouble) = (name.clone(), Arc::clone(&board), trouble.listen());
            asking.spawn(async move {
                let mut connection = None;
                loop {
                    let earliest = Instant::now() + ASK_AGAIN;
                    let said = ask(&server, &mut connection, &name, patience).await;
                    board.post(index, said.map_err(|error| format!("{}: {error}", server.name())));
                    tokio::select! {
                        () = sleep(ASK_EVERY.mul_f64(rand::random_range(0.8..1.2))) => {}
                        () = trouble.rung() => {}
                    }
                    sleep_until(earliest).await;
                }
            });
        }
        Ok((Self { servers, name: name.clone(), patience, _asking: asking }, whereabouts))
    }

    /// Returns each sentinel's report, the number of usable sentinels, and whether they could agree on another primary.
    pub(crate) async fn survey(&self) -> (Vec<String>, usize, Result<(), String>) {
        let (mut reports, mut usable, mut quorum) = (Vec::new(), 0, Err("none of them answers".to_owned()));
        let asked = self.servers.iter().map(|server| timeout(self.patience, self.quorum(server)));
        for (server, answer) in self.servers.iter().zip(join_all(asked).await) {
            let report = match answer {
                Ok(Ok(answer)) => {
                    usable += 1;
                    quorum = Ok(());
                    answer
                }
                Ok(Err(error)) => {
                    quorum = quorum.or(Err(error.clone()));
                    error
                }
                Err(_) => "it does not answer".to_owned(),
            };
            reports.push(format!("sentinel {}: {report}", server.name()));
        }
        (reports, usable, quorum)
    }

    /// A sentinel's report about its quorum.
    async fn quorum(&self, server: &Server) -> Result<String, String> {
        let mut connection = server.connect().await.map_err(|error| error.to_string())?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("CKQUORUM").arg(self.name.as_str());
        // The text of the error, too, concerns only sentinels.
        question.query_async(&mut connection).await.map_err(|error: redis::RedisError| error.to_string())
    }
}

/// Asks one sentinel, connecting if necessary. A connection that fails is dropped.
async fn ask(
    server: &Server,
    connection: &mut Option<MultiplexedConnection>,
    name: &MasterName,
    patience: Duration,
) -> Result<Announcement, String> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => subscribed(server, patience).await?,
    };
    let mut questions = redis::pipe();
    // The first names a promoted replica as early as possible, the second has the epoch.
    questions.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name.as_str());
    questions.cmd("SENTINEL").arg("MASTER").arg(name.as_str());
    let answer =
        timeout(patience, questions.query_async::<(Option<(String, u16)>, HashMap<String, String>)>(&mut open));
    let (address, master) = match answer.await {
        Ok(Ok(answer)) => answer,
        // An error reply leaves the connection usable: the name is unknown, or the user has no permission.
        Ok(Err(error)) => {
            if !error.is_io_error() && !error.is_unrecoverable_error() {
                *connection = Some(open);
            }
            return Err(match error.code() {
                Some("ERR") => format!("it does not know {}, or is not a sentinel", name.as_str()),
                _ => Redacted(error).to_string(),
            });
        }
        Err(_) => return Err("it does not answer".to_owned()),
    };
    *connection = Some(open);
    let (host, port) = address.ok_or_else(|| format!("it does not know {}", name.as_str()))?;
    let epoch = master.get("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
    Ok(Announcement { epoch, host, port })
}

/// A new connection, subscribed to announcements if the sentinel allows it.
async fn subscribed(server: &Server, patience: Duration) -> Result<MultiplexedConnection, String> {
    let mut connection = server.connect().await.map_err(|error| error.to_string())?;
    match timeout(patience, connection.subscribe(ANNOUNCEMENTS)).await {
        Ok(Err(error)) => tracing::debug!(error = %Redacted(error), "a sentinel refuses a subscription"),
        Ok(Ok(())) => {}
        Err(_) => return Err("it does not answer".to_owned()),
    }
    Ok(connection)
}

/// The latest answer of each sentinel, and the conclusion from all of them.
struct Board {
    said: Mutex<Vec<Result<Announcement, String>>>,
    current: watch::Sender<Whereabouts>,
    to_primary: Dial,
    tls: bool,
}

impl Board {
    fn post(&self, index: usize, announcement: Result<Announcement, String>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said[index] != announcement {
            said[index] = announcement;
            // Under the lock, so that conclusions are in the order of the answers.
            self.conclude(&said);
        }
    }

    fn conclude(&self, said: &[Result<Announcement, String>]) {
        let Some(newest) = newest(said) else {
            let errors: Vec<_> = said.iter().filter_map(|said| said.as_ref().err().map(String::as_str)).collect();
            let reason = format!("no sentinel names the primary ({})", errors.join("; "));
            self.current.send_if_modified(|current| {
                // A primary that was seen stays until there is another one.
                let unknown = current.is_err();
                if unknown {
                    *current = Err(reason.into());
                }
                unknown
            });
            return;
        };
        let endpoint = Endpoint::new(&newest.host, newest.port, self.tls);
        let known = self.current.borrow().as_ref().is_ok_and(|server| server.name() == endpoint.name());
        if known {
            return;
        }
        tracing::info!(primary = endpoint.name(), epoch = newest.epoch, "the sentinels name the primary");
        let server = self.to_primary.endpoint(&endpoint).map_err(|error| error.to_string().into());
        drop(self.current.send_replace(server));
    }
}

/// Returns the announcement with the highest epoch.
fn newest(said: &[Result<Announcement, String>]) -> Option<&Announcement> {
    // `max_by_key` would return the last of equals; the first stays.
    said.iter().flatten().reduce(|one, other| if other.epoch > one.epoch { other } else { one })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announcement(epoch: u64, host: &str) -> Announcement {
        Announcement { epoch, host: host.to_owned(), port: 6379 }
    }

    #[test]
    fn the_newest_epoch_counts_whoever_else_answers() {
        let said = [
            Ok(announcement(3, "old")),
            Err("unreachable".to_owned()),
            Ok(announcement(4, "new")),
            Ok(announcement(3, "old")),
        ];
        assert_eq!(newest(&said).unwrap().host, "new");
        assert_eq!(newest(&[Err("unreachable".to_owned())]), None);
    }
}
