//! Adds an event to the queue of its app.

use std::time::Duration;

use super::event_entry::{self, KEPT};
use super::scripts::{Lua, lua};
use crate::otp::{AppName, Event, StoreError};
use crate::store::MOST_EVENTS;
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static ADD_EVENT: Lua = lua!("add_event", "clock", "events");

/// The time for which an event is not added again.
const REMEMBERED: Duration = Duration::from_hours(1);

pub(crate) async fn add(store: &RedisStore, event: &Event) -> Result<bool, StoreError> {
    add_fields(store, &event.app, &event_entry::write(event)).await
}

/// Adds an event by the fields of its entry, the first of which is its id.
pub(crate) async fn add_fields(store: &RedisStore, app: &AppName, fields: &[String]) -> Result<bool, StoreError> {
    let deadline = store.deadline();
    let keys = store.keys.events(app);
    let mut call = ADD_EVENT.call();
    call.key(&keys.events).key(&keys.added);
    call.arg(MOST_EVENTS).arg(milliseconds(KEPT)).arg(milliseconds(REMEMBERED)).arg(fields);
    let (is_new, ticket): (bool, _) = store.decide(ADD_EVENT.name, &keys.events, &call, deadline).await?;
    store.acknowledged(ticket, deadline).await?;
    Ok(is_new)
}
