//! The port of events, over the queues in memory.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::EmbeddedStore;
use crate::otp::{AppName, Attempt, EndpointState, EventQueue, SenderEvent, StoreError, TakenEvent, UndeliveredEvent};

#[async_trait]
impl EventQueue for EmbeddedStore {
    async fn add(&self, event: &SenderEvent) -> Result<bool, StoreError> {
        let (mut contents, now) = self.open();
        let is_new = contents.events.of(&event.app).add(event.clone().into(), now);
        if is_new {
            self.bell.notify_one();
        }
        Ok(is_new)
    }

    async fn take(&self, app: &AppName, most: usize, lease: Duration) -> Result<Vec<TakenEvent>, StoreError> {
        let (mut contents, now) = self.open();
        Ok(contents.events.of(app).take(most, lease, now))
    }

    async fn settle(&self, app: &AppName, place: &str, attempt: &Attempt) -> Result<bool, StoreError> {
        let (mut contents, now) = self.open();
        Ok(contents.events.of(app).settle(place, attempt, now))
    }

    async fn undelivered(&self, app: &AppName, most: usize) -> Result<Vec<UndeliveredEvent>, StoreError> {
        let (mut contents, _) = self.open();
        Ok(contents.events.of(app).undelivered(most))
    }

    async fn replay(&self, app: &AppName, id: Option<&str>) -> Result<u64, StoreError> {
        let (mut contents, now) = self.open();
        Ok(contents.events.of(app).replay(id, now))
    }

    fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.bell)
    }

    async fn endpoint(&self, app: &AppName) -> Result<EndpointState, StoreError> {
        let (mut contents, now) = self.open();
        Ok(contents.events.of(app).state(now))
    }
}
