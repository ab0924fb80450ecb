//! The port for events on their way to the apps' endpoints.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::{AppName, Attempt, EndpointState, SenderEvent, StoreError, TakenEvent, UndeliveredEvent};

/// Keeps the events of each app until its endpoint has them, at least once each.
///
/// Events of verifications are added by the decisions that cause them, so none is lost. Each method is one atomic
/// decision by the store's own clock; any number of instances may take events of the same app.
#[async_trait]
pub trait EventQueue: Send + Sync {
    /// Adds an event that no decision about a verification causes. Returns `false` if it was added within the last hour.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the event may have been added; repeating it is harmless.
    async fn add(&self, event: &SenderEvent) -> Result<bool, StoreError>;

    /// Takes up to `most` events of an app that are due: new ones, those whose next attempt is due, and those whose
    /// lease is over because an instance was lost. Nobody else gets them for `lease`. A disabled endpoint's are not due.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: events may have been taken, and are due again once the lease is over.
    async fn take(&self, app: &AppName, most: usize, lease: Duration) -> Result<Vec<TakenEvent>, StoreError>;

    /// Records the result of an attempt, and returns `true` if the endpoint is disabled from now on, as it has not taken
    /// an event for too long or is gone. Given up events are kept for operators, up to a bound.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: the result may have been recorded; otherwise the event is due again once its lease is over.
    async fn settle(&self, app: &AppName, place: &str, attempt: &Attempt) -> Result<bool, StoreError>;

    /// Returns up to `most` events that were given up, the newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not answer.
    async fn undelivered(&self, app: &AppName, most: usize) -> Result<Vec<UndeliveredEvent>, StoreError>;

    /// Puts events that were given up back into the queue, all of them or the one with that id, and enables the
    /// endpoint. Returns their number.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: some may have been put back; repeating it is harmless.
    async fn replay(&self, app: &AppName, id: Option<&str>) -> Result<u64, StoreError>;

    /// Returns the bell that rings when this instance has added events, so that nobody has to ask for them all the time.
    fn bell(&self) -> Arc<Notify>;

    /// Returns the state of an app's endpoint and queue.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store does not answer.
    async fn endpoint(&self, app: &AppName) -> Result<EndpointState, StoreError>;
}
