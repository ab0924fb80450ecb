//! Asks the nodes of a cluster for the owners of the slots, on connections that are kept.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::address::Endpoint;
use super::cluster_view::View;
use super::server::{Dial, Server};

/// The time that the remaining nodes have to answer once most have.
const STRAGGLERS: Duration = Duration::from_millis(250);

/// Those who ask, one for each node.
#[derive(Default)]
pub(crate) struct Scouts(HashMap<String, Arc<Scout>>);

struct Scout {
    node: Endpoint,
    server: Arc<Server>,
    /// Locked while the node is being asked.
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Scouts {
    /// Asks these nodes at the same time and returns the best answer. A slow node does not delay it for long.
    ///
    /// # Errors
    ///
    /// If no node answers: the text has the reason for each.
    pub(crate) async fn ask(&mut self, nodes: &[Endpoint], dial: &Dial, patience: Duration) -> Result<View, String> {
        let (mut asking, mut problems) = (JoinSet::new(), Vec::new());
        for node in nodes {
            match self.scout(node, dial) {
                Ok(scout) => drop(asking.spawn(async move { scout.ask(patience).await })),
                Err(problem) => problems.push(problem),
            }
        }
        let mut best: Option<View> = None;
        let mut until = Instant::now() + patience;
        while let Ok(Some(answer)) = timeout_at(until, asking.join_next()).await {
            match answer {
                Ok(Ok(view)) if best.as_ref().is_none_or(|best| view.rank() > best.rank()) => best = Some(view),
                Ok(Ok(_)) => {}
                Ok(Err(problem)) => problems.push(problem),
                Err(error) => problems.push(error.to_string()),
            }
            if best.is_some() && asking.len() * 2 < nodes.len() {
                until = until.min(Instant::now() + STRAGGLERS);
            }
        }
        // They end on their own and keep the connections that they made.
        asking.detach_all();
        best.ok_or_else(|| if problems.is_empty() { "they do not answer".to_owned() } else { problems.join("; ") })
    }

    /// Drops the connections to all other nodes.
    pub(crate) fn keep_only(&mut self, nodes: &[Endpoint]) {
        self.0.retain(|_, scout| nodes.contains(&scout.node));
    }

    fn scout(&mut self, node: &Endpoint, dial: &Dial) -> Result<Arc<Scout>, String> {
        match self.0.entry(node.name()) {
            Entry::Occupied(scout) => Ok(Arc::clone(scout.get())),
            Entry::Vacant(place) => {
                let server = dial.endpoint(node).map_err(|error| error.to_string())?;
                let scout = Scout { node: node.clone(), server, connection: Mutex::default() };
                Ok(Arc::clone(place.insert(Arc::new(scout))))
            }
        }
    }
}

impl Scout {
    async fn ask(&self, patience: Duration) -> Result<View, String> {
        let answer = match self.connection.try_lock() {
            // Without an answer in time the connection is dropped, since `ask_on` took it.
            Ok(mut connection) => timeout(patience, self.ask_on(&mut connection))
                .await
                .unwrap_or_else(|_| Err("it does not answer".to_owned())),
            Err(_) => Err("it has not answered yet".to_owned()),
        };
        answer.map_err(|problem| format!("{}: {problem}", self.node.name()))
    }

    /// Asks on the kept connection, or on a new one, and keeps it if it worked.
    async fn ask_on(&self, kept: &mut Option<MultiplexedConnection>) -> Result<View, String> {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => self.server.connect().await.map_err(|error| error.to_string())?,
        };
        let view = View::ask(&self.node, &mut connection).await?;
        *kept = Some(connection);
        Ok(view)
    }
}
