//! A Redis Cluster: finds the primary that owns a key, and follows when that changes.
//!
//! A decision goes to the primary that owns its key's slot. If that node redirects it (`MOVED`, `ASK`) or defers it
//! (`TRYAGAIN`), it did nothing, so the decision is tried again within its time-out. If the connection broke, the node
//! may have made the decision, so it is not tried again: its outcome stays unknown. The cluster client of the `redis`
//! crate would repeat it in both cases, hence this one.
//!
//! Whenever something does not fit, and regularly otherwise, the nodes are asked for the owners of the slots, each on a
//! connection that is kept. The answer with the highest epoch counts, preferably one from the side that has a majority.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{FromRedisValue, ScriptInvocation};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::acknowledgement::Ticket;
use super::address::Endpoint;
use super::bell::Bell;
use super::cluster_scouts::Scouts;
use super::cluster_view::View;
use super::link::Keeping;
use super::primary::{Connecting, Failure, Manner, Primary};
use super::schema::Schema;
use super::server::Dial;
use super::slots::{SLOTS, Slot, Slots};
use crate::otp::StoreError;
use crate::supervisor;

/// The interval between questions to the nodes while everything fits.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// The shortest interval between questions.
const ASK_AGAIN: Duration = Duration::from_millis(200);
/// The most nodes to ask at the same time. In a larger cluster, others are asked each time.
const ASKED: usize = 12;
/// The pause before a decision that no node accepted is tried again.
const PAUSE: Duration = Duration::from_millis(20);
/// The most redirections of one decision.
const REDIRECTIONS: u32 = 8;
/// The time that a node without slots stays connected after its last use.
const UNUSED: Duration = Duration::from_mins(1);

/// The primaries of a cluster.
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    owners: watch::Receiver<Arc<Owners>>,
    keeper: JoinHandle<()>,
}

/// The owners of the slots.
#[derive(Default)]
struct Owners {
    primaries: Vec<(Slots, Arc<Primary>)>,
    /// The reason why no node answered, if none did.
    problem: Option<String>,
}

struct Shared {
    seeds: Vec<Endpoint>,
    dial: Dial,
    template: Template,
    nodes: Mutex<HashMap<String, Node>>,
    owners: watch::Sender<Arc<Owners>>,
    /// Rung when something does not fit, so that the nodes are asked.
    ask: Bell,
}

/// The settings of the connections to every primary.
pub(crate) struct Template {
    pub(crate) schema: Arc<dyn Schema>,
    pub(crate) patience: Duration,
    pub(crate) losses: Bell,
    pub(crate) links: usize,
    pub(crate) acknowledgements: u32,
}

struct Node {
    primary: Arc<Primary>,
    slots: watch::Sender<Slots>,
    used: Instant,
}

impl Cluster {
    /// Starts to follow the cluster of `seeds`.
    pub(crate) fn start(seeds: Vec<Endpoint>, dial: Dial, template: Template) -> Self {
        let (sender, owners) = watch::channel(Arc::default());
        let nodes = Mutex::default();
        let shared = Arc::new(Shared { seeds, dial, template, nodes, owners: sender, ask: Bell::default() });
        let keeper = supervisor::spawn("redis cluster", keep(Arc::clone(&shared)));
        Self { shared, owners, keeper }
    }

    /// Returns every primary that owns slots.
    pub(crate) fn primaries(&self) -> Vec<Arc<Primary>> {
        self.owners.borrow().primaries.iter().map(|(_, primary)| Arc::clone(primary)).collect()
    }

    /// Returns the number of slots that have an owner.
    pub(crate) fn covered(&self) -> usize {
        self.owners.borrow().primaries.iter().map(|(slots, _)| slots.count()).sum()
    }

    /// Waits until the owners of the slots are known.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unreachable`] if they are not known by the deadline, or no node answers.
    pub(crate) async fn known(&self, deadline: Instant) -> Result<(), StoreError> {
        let mut owners = self.owners.clone();
        let known = owners.wait_for(|owners| !owners.primaries.is_empty() || owners.problem.is_some());
        let problem = match timeout_at(deadline, known).await {
            Ok(Ok(owners)) if owners.primaries.is_empty() => owners.problem.clone(),
            Ok(Ok(_)) => return Ok(()),
            _ => None,
        };
        Err(StoreError::Unreachable(problem.unwrap_or_else(|| "no node of the cluster answers".to_owned()).into()))
    }

    /// Runs a decision about `key` on the owner of its slot.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; with [`StoreError::NoAnswer`] the decision may have been made, once.
    pub(crate) async fn decide<T: FromRedisValue>(
        &self,
        key: &str,
        script: &ScriptInvocation<'_>,
        deadline: Instant,
    ) -> Result<(T, Option<Ticket>), StoreError> {
        let slot = Slot::of(key);
        let mut redirections = 0;
        let mut elsewhere: Option<(Arc<Primary>, Manner)> = None;
        loop {
            let (primary, manner) = match elsewhere.take() {
                Some(there) => there,
                None => (self.owner(slot, deadline).await?, Manner::Plain),
            };
            match primary.decide(script, manner, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Elsewhere { server, once }) if redirections < REDIRECTIONS => {
                    redirections += 1;
                    elsewhere = Some(self.shared.redirected(&primary, &server, once)?);
                    if redirections > 1 {
                        // Nodes that do not agree yet will do so soon.
                        pause(deadline).await?;
                    }
                }
                Err(Failure::Elsewhere { server, .. }) => {
                    self.shared.ask.ring();
                    return Err(StoreError::Unreachable(format!(
                        "the nodes of the cluster do not agree on the owner of the key's slot: {REDIRECTIONS} redirections, the last to {server}"
                    ).into()));
                }
                Err(Failure::Moving) => pause(deadline).await?,
                Err(failure) => {
                    self.shared.ask.ring();
                    return Err(failure.into());
                }
            }
        }
    }

    /// Returns the owner of a slot, once it is known.
    async fn owner(&self, slot: Slot, deadline: Instant) -> Result<Arc<Primary>, StoreError> {
        let find = |owners: &Owners| {
            let mut all = owners.primaries.iter();
            all.find(|(slots, _)| slots.contains(slot)).map(|(_, primary)| Arc::clone(primary))
        };
        if let Some(primary) = find(&self.owners.borrow()) {
            return Ok(primary);
        }
        self.known(deadline).await?;
        find(&self.owners.borrow()).ok_or_else(|| {
            self.shared.ask.ring();
            StoreError::Unreachable("no node of the cluster owns the key's slot".into())
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Pauses before another attempt.
///
/// # Errors
///
/// [`StoreError::Unreachable`] if there is too little time left.
async fn pause(deadline: Instant) -> Result<(), StoreError> {
    if Instant::now() + PAUSE >= deadline {
        return Err(StoreError::Unreachable("the key is moving between nodes".into()));
    }
    sleep(PAUSE).await;
    Ok(())
}

impl Shared {
    fn nodes(&self) -> MutexGuard<'_, HashMap<String, Node>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves a redirection to `host:port`, or to `:port` on the redirecting node's own host.
    fn redirected(&self, from: &Primary, to: &str, once: bool) -> Result<(Arc<Primary>, Manner), StoreError> {
        let parsed = to.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let Some((host, port)) = parsed else {
            return Err(StoreError::Faulty("a node redirects without a valid address".into()));
        };
        let own = from.whereabouts().map(|server| server.name().to_owned()).unwrap_or_default();
        let own = own.rsplit_once(':').map_or("", |(host, _)| host);
        let endpoint = Endpoint::new(if host.is_empty() || host == "?" { own } else { host }, port, self.is_tls());
        if !once {
            self.ask.ring();
        }
        let manner = if once { Manner::Asking } else { Manner::Plain };
        Ok((self.node(&endpoint, None), manner))
    }

    fn is_tls(&self) -> bool {
        self.seeds.iter().any(Endpoint::is_tls)
    }

    /// Returns the primary at an endpoint, which is connected to if it was not before. `slots` are those that it owns,
    /// if known.
    fn node(&self, endpoint: &Endpoint, slots: Option<Slots>) -> Arc<Primary> {
        let mut nodes = self.nodes();
        let node = nodes.entry(endpoint.name()).or_insert_with(|| self.connect(endpoint));
        node.used = Instant::now();
        if let Some(slots) = slots {
            node.slots.send_if_modified(|known| {
                let new = *known != slots;
                *known = slots;
                new
            });
        }
        Arc::clone(&node.primary)
    }

    fn connect(&self, endpoint: &Endpoint) -> Node {
        let server = self.dial.endpoint(endpoint).map_err(|error| error.to_string().into());
        // The node never moves, so the sender is dropped.
        let (_, whereabouts) = watch::channel(server);
        let Template { schema, patience, losses, links, acknowledgements } = &self.template;
        let (slots, has) = watch::channel(Slots::default());
        let connecting = Connecting {
            keeping: Keeping {
                schema: Arc::clone(schema),
                mode: "cluster",
                whereabouts,
                patience: *patience,
                identify: true,
                losses: losses.clone(),
                lost: self.ask.clone(),
            },
            links: *links,
            acknowledgements: *acknowledgements,
        };
        Node { primary: Arc::new(Primary::start(connecting, has)), slots, used: Instant::now() }
    }

    /// Adopts what the nodes answered.
    fn take_over(&self, view: View) {
        let primaries: Vec<_> = view
            .primaries
            .into_iter()
            .map(|(endpoint, slots)| (slots.clone(), self.node(&endpoint, Some(slots))))
            .collect();
        // A node that lost its slots is kept for a while: a slot that is moving there needs it.
        let is_owner = |node: &Node| primaries.iter().any(|(_, primary)| Arc::ptr_eq(primary, &node.primary));
        self.nodes().retain(|_, node| is_owner(node) || node.used.elapsed() < UNUSED);
        self.owners.send_replace(Arc::new(Owners { primaries, problem: None }));
    }

    /// Notes why no node answered. The owners that were known stay.
    fn note(&self, problem: String) {
        self.owners.send_modify(|owners| {
            *owners = Arc::new(Owners { primaries: owners.primaries.clone(), problem: Some(problem) });
        });
    }
}

async fn keep(shared: Arc<Shared>) -> Infallible {
    let (mut nodes, mut first) = (shared.seeds.clone(), 0);
    let (mut scouts, mut asked_for) = (Scouts::default(), shared.ask.listen());
    loop {
        let asked: Vec<_> = nodes.iter().cycle().skip(first).take(ASKED.min(nodes.len())).cloned().collect();
        first = (first + ASKED) % nodes.len().max(1);
        match scouts.ask(&asked, &shared.dial, shared.template.patience).await {
            Ok(view) => {
                nodes.clone_from(&view.nodes);
                nodes.extend(shared.seeds.iter().filter(|seed| !view.nodes.contains(seed)).cloned());
                let covered: usize = view.primaries.iter().map(|(_, slots)| slots.count()).sum();
                tracing::debug!(
                    primaries = view.primaries.len(),
                    epoch = view.epoch,
                    "the owners of the cluster's slots are known"
                );
                if covered < usize::from(SLOTS) {
                    tracing::warn!(covered, "not every slot of the cluster has an owner");
                }
                shared.take_over(view);
            }
            Err(problem) => {
                tracing::warn!(problem, "no node of the cluster names the owners of its slots");
                shared.note(problem);
            }
        }
        scouts.keep_only(&nodes);
        // Jitter: instances see the same trouble at the same moment and must not ask all at once.
        let jitter = rand::random_range(0.8..1.2);
        let earliest = Instant::now() + ASK_AGAIN.mul_f64(jitter);
        tokio::select! {
            () = asked_for.rung() => {}
            () = sleep(ASK_EVERY.mul_f64(jitter)) => {}
        }
        sleep_until(earliest).await;
    }
}
