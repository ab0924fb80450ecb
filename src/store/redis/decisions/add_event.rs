//! Adds an event that no decision about a verification causes.

use super::added_events::{self, ADD_EVENT};
use super::event_entry;
use crate::otp::{SenderEvent, StoreError};
use crate::store::redis::RedisStore;

pub(crate) async fn add(store: &RedisStore, event: &SenderEvent) -> Result<bool, StoreError> {
    let deadline = store.deadline();
    let keys = store.keys.events(&event.app);
    let call = added_events::call(&keys, event_entry::write(event).iter());
    let (new, ticket): (u64, _) = store.decide(ADD_EVENT.name, &keys.events, &call, deadline).await?;
    store.acknowledged(ticket, deadline).await?;
    Ok(new > 0)
}
