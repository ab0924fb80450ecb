//! Moves events from the outboxes of numbers to the streams of their apps, in a cluster, where the two are on different
//! servers. An outbox that is not emptied, as an instance or a server was lost, is emptied when the timer of its
//! verification is due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use super::client::route::Route;
use super::decisions::keys::Keys;
use super::decisions::outbox;
use crate::otp::{AppName, PhoneNumber};
use crate::supervisor;

/// The number of outboxes that wait to be emptied. Beyond it, they wait for their timers.
const WAITING: usize = 4_096;
/// The number of outboxes that are emptied concurrently.
const CONCURRENT: usize = 16;

/// Empties the outboxes that it is told of, until it is dropped.
#[derive(Debug)]
pub(super) struct Mover {
    waiting: mpsc::Sender<(AppName, PhoneNumber)>,
}

impl Mover {
    /// Starts to move events. `moved` is called after each outbox.
    pub(super) fn start(
        route: Arc<Route>,
        keys: Keys,
        timeout: Duration,
        moved: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Self {
        let (waiting, mut told) = mpsc::channel::<(AppName, PhoneNumber)>(WAITING);
        let (places, is_failing) = (Arc::new(Semaphore::new(CONCURRENT)), Arc::new(AtomicBool::new(false)));
        supervisor::spawn("the mover of events", async move {
            while let Some((app, phone)) = told.recv().await {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let (route, keys, moved) = (Arc::clone(&route), keys.clone(), moved.clone());
                let is_failing = Arc::clone(&is_failing);
                tokio::spawn(async move {
                    let emptied = outbox::empty(&route, &keys, &app, &phone, timeout).await;
                    // An outage is one line in the log, and not one for each decision.
                    let was_failing = is_failing.swap(emptied.is_err(), Ordering::Relaxed);
                    if let Err(error) = emptied
                        && !was_failing
                    {
                        tracing::warn!(%error, "events could not be moved to their app; they are when their verification expires");
                    }
                    moved();
                    drop(place);
                });
            }
        });
        Self { waiting }
    }

    /// Empties the number's outbox soon.
    pub(super) fn empty(&self, app: &AppName, phone: &PhoneNumber) {
        // If the queue is full, the timer does it.
        let _ = self.waiting.try_send((app.clone(), phone.clone()));
    }
}
