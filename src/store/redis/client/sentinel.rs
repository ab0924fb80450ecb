//! Where the primary is, by what the sentinels say.
//!
//! Each sentinel is asked once a second on a connection of its own, at once when it announces a new primary, and five times a
//! second while there is no connection to the primary. Of what those that answer say, the newest
//! counts, by the epoch that a failover raises: one sentinel that is cut off with the old primary leads nobody there.
//! While none answers, the primary stays where it was last seen. That a server *is* a primary is for
//! [`link`](super::link) to find out, on connecting and with each heartbeat.

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

/// How often each sentinel is asked if nothing calls for it. A new primary is to be followed within a second or so of its
/// announcement, also if sentinels do not let themselves be subscribed to.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// And how often at most.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// What sentinels announce a new primary on.
const ANNOUNCEMENTS: &str = "+switch-master";

/// Asks sentinels, for as long as it lives.
pub(crate) struct Sentinels {
    servers: Vec<Arc<Server>>,
    name: MasterName,
    patience: Duration,
    /// They end when this is dropped.
    _asking: JoinSet<()>,
}

/// How the primary that the sentinels name is followed.
pub(crate) struct Following {
    /// How connections to it are made.
    pub(crate) to_primary: Dial,
    /// Whether it speaks TLS.
    pub(crate) tls: bool,
    /// An answer of a sentinel later than this counts as none.
    pub(crate) patience: Duration,
    /// Rings when there is reason to ask at once.
    pub(crate) trouble: Bell,
}

/// What a sentinel says of a primary.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Announcement {
    epoch: u64,
    host: String,
    port: u16,
}

impl Sentinels {
    /// Starts asking for the primary called `name`. `sentinels` are reached by the first dial, the primary by the second.
    ///
    /// # Errors
    ///
    /// [`StoreError::Faulty`] if there is no way to connect to a sentinel.
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

    /// What the sentinels say of themselves, how many are usable, and whether those could agree on another primary.
    pub(crate) async fn survey(&self) -> (Vec<String>, usize, Result<(), String>) {
        let (mut sights, mut usable, mut quorum) = (Vec::new(), 0, Err("none of them answers".to_owned()));
        let asked = self.servers.iter().map(|server| timeout(self.patience, self.quorum(server)));
        for (server, answer) in self.servers.iter().zip(join_all(asked).await) {
            let sight = match answer {
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
            sights.push(format!("sentinel {}: {sight}", server.name()));
        }
        (sights, usable, quorum)
    }

    /// What a sentinel says of its quorum.
    async fn quorum(&self, server: &Server) -> Result<String, String> {
        let mut connection = server.connect().await.map_err(|error| error.to_string())?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("CKQUORUM").arg(self.name.as_str());
        // The error, too, is about sentinels alone.
        question.query_async(&mut connection).await.map_err(|error: redis::RedisError| error.to_string())
    }
}

/// Asks one sentinel, connecting if there is no connection, which is dropped if it fails.
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
    // The first names the promoted replica as soon as there is one, the second the epoch.
    questions.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(name.as_str());
    questions.cmd("SENTINEL").arg("MASTER").arg(name.as_str());
    let answer =
        timeout(patience, questions.query_async::<(Option<(String, u16)>, HashMap<String, String>)>(&mut open));
    let (address, master) = match answer.await {
        Ok(Ok(answer)) => answer,
        // It answers, so the connection is fine: it does not know the name, or does not let itself be asked.
        Ok(Err(error)) => {
            if !error.is_io_error() && !error.is_unrecoverable_error() {
                *connection = Some(open);
            }
            return Err(match error.code() {
                Some("ERR") => format!("it knows no {}, or is no sentinel", name.as_str()),
                _ => Redacted(error).to_string(),
            });
        }
        Err(_) => return Err("it does not answer".to_owned()),
    };
    *connection = Some(open);
    let (host, port) = address.ok_or_else(|| format!("it knows no {}", name.as_str()))?;
    let epoch = master.get("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
    Ok(Announcement { epoch, host, port })
}

/// A new connection that brings announcements, if the sentinel lets itself be subscribed to.
async fn subscribed(server: &Server, patience: Duration) -> Result<MultiplexedConnection, String> {
    let mut connection = server.connect().await.map_err(|error| error.to_string())?;
    match timeout(patience, connection.subscribe(ANNOUNCEMENTS)).await {
        Ok(Err(error)) => tracing::debug!(error = %Redacted(error), "a sentinel's announcements are not to be had"),
        Ok(Ok(())) => {}
        Err(_) => return Err("it does not answer".to_owned()),
    }
    Ok(connection)
}

/// What each sentinel said last, and what follows from it.
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
            // While the lock is held, so that the order of conclusions is that of what they are drawn from.
            self.conclude(&said);
        }
    }

    fn conclude(&self, said: &[Result<Announcement, String>]) {
        let Some(newest) = newest(said) else {
            let errors: Vec<_> = said.iter().filter_map(|said| said.as_ref().err().map(String::as_str)).collect();
            let reason = format!("no sentinel names the primary ({})", errors.join("; "));
            self.current.send_if_modified(|current| {
                // Who was seen stays the primary until another one is.
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

/// The announcement of the newest epoch.
fn newest(said: &[Result<Announcement, String>]) -> Option<&Announcement> {
    // Not `max_by_key`: of equals the one that came first stays.
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
            Err("away".to_owned()),
            Ok(announcement(4, "new")),
            Ok(announcement(3, "old")),
        ];
        assert_eq!(newest(&said).unwrap().host, "new");
        assert_eq!(newest(&[Err("away".to_owned())]), None);
    }
}
