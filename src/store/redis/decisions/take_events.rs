//! Takes events of an app that are due.

use std::time::Duration;

use super::added_events::KEPT;
use super::event_entry::{self, Fields};
use super::scripts::{Lua, lua};
use crate::otp::{AppName, Attempt, StoreError, TakenEvent};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static TAKE_EVENTS: Lua = lua!("take_events", "clock", "events");

pub(crate) async fn take(
    store: &RedisStore,
    app: &AppName,
    most: usize,
    lease: Duration,
) -> Result<Vec<TakenEvent>, StoreError> {
    let keys = store.keys.events(app);
    let mut call = TAKE_EVENTS.call();
    call.key(&keys.events).key(&keys.retries).key(&keys.endpoint);
    call.arg(most).arg(milliseconds(lease)).arg(milliseconds(KEPT));
    let (taken, _): (Vec<(String, u32, Fields)>, _) =
        store.decide(TAKE_EVENTS.name, &keys.events, &call, store.deadline()).await?;
    let mut events = Vec::with_capacity(taken.len());
    for (place, attempts, fields) in taken {
        if let Some(event) = event_entry::read(app, &fields) {
            events.push(TakenEvent { event, place, attempts });
        } else {
            // Another version wrote it. Operators can replay it once this version is gone.
            let error = "this version does not know the event".to_owned();
            super::settle_event::settle(store, app, &place, &Attempt::GivenUp { error }).await?;
        }
    }
    Ok(events)
}
