//! Tries, and the webhooks that wait for one.
//!
//! As at Meta, a try goes to every URL, so one that refuses makes the others receive duplicates.

use std::{sync::Arc, time::Instant};

use tokio::{task::JoinSet, time};

use super::Webhook;
use crate::Simulator;

/// The most messages whose webhooks are on their way.
const CAPACITY: usize = 20_000;

/// The most tries after the first.
const MOST_RETRIES: usize = 20;

/// A place in the queue, for a webhook or for all that follow a message. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Pending(Simulator);

impl Pending {
    /// Returns `None` if the queue is full.
    pub(super) fn begin(simulator: &Simulator) -> Option<Self> {
        let begun = simulator.shared.webhooks.pending.send_if_modified(|pending| {
            let room = *pending < CAPACITY;
            *pending += usize::from(room);
            room
        });
        if !begun {
            tracing::warn!("too many webhooks are waiting, so one is not sent");
        }
        begun.then(|| Self(simulator.clone()))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.shared.webhooks.pending.send_modify(|pending| *pending -= 1);
    }
}

impl Simulator {
    /// Tries once, and leaves further tries to a task.
    pub(super) async fn deliver(&self, webhook: Webhook, pending: &Arc<Pending>) {
        if self.try_webhook(&webhook).await {
            return;
        }
        let (simulator, pending) = (self.clone(), Arc::clone(pending));
        tokio::spawn(async move {
            simulator.retry(&webhook).await;
            drop(pending);
        });
    }

    async fn retry(&self, webhook: &Webhook) {
        for wait in self.settings().webhook_times.retries.iter().take(MOST_RETRIES) {
            time::sleep(*wait).await;
            if self.try_webhook(webhook).await {
                return;
            }
        }
        tracing::warn!("a webhook was not taken, and is not sent again");
    }

    /// Returns `true` if every URL takes it.
    async fn try_webhook(&self, webhook: &Webhook) -> bool {
        // Fails only if the semaphore is closed, which nothing does.
        let _slot = self.shared.webhooks.slots.acquire().await;
        let (urls, body, signature) = self.addressed(webhook);
        let mut tries = JoinSet::new();
        for url in urls {
            let (simulator, body, signature) = (self.clone(), body.clone(), signature.clone());
            let webhook = webhook.clone();
            tries.spawn(async move {
                let began = Instant::now();
                let answer = simulator.post_webhook(url.clone(), body, &[&signature]).await;
                let reason = answer.as_ref().map(|status| *status).map_err(ToString::to_string);
                simulator.record_webhook(
                    &webhook,
                    &url,
                    reason.as_ref().map_err(String::as_str).copied(),
                    began.elapsed(),
                );
                if answer != Ok(200) {
                    tracing::debug!(?answer, "a webhook was not taken");
                }
                answer == Ok(200)
            });
        }
        tries.join_all().await.into_iter().all(|taken| taken)
    }
}
