//! Puts events that were given up back into the queue.

use super::added_events::KEPT;
use super::scripts::{Lua, lua};
use crate::otp::{AppName, StoreError};
use crate::store::MOST_EVENTS;
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static REPLAY_EVENTS: Lua = lua!("replay_events", "clock", "events");

pub(crate) async fn replay(store: &RedisStore, app: &AppName, id: Option<&str>) -> Result<u64, StoreError> {
    let deadline = store.deadline();
    let keys = store.keys.events(app);
    let mut call = REPLAY_EVENTS.call();
    call.key(&keys.events).key(&keys.undelivered).key(&keys.endpoint);
    call.arg(id.unwrap_or_default()).arg(MOST_EVENTS).arg(milliseconds(KEPT));
    let (count, ticket) = store.decide(REPLAY_EVENTS.name, &keys.events, &call, deadline).await?;
    store.acknowledged(ticket, deadline).await?;
    Ok(count)
}
