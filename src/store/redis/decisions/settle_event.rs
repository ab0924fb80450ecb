//! Records the result of an attempt to deliver an event.

use std::time::Duration;

use super::added_events::KEPT;
use super::scripts::{Lua, lua};
use crate::otp::{AppName, Attempt, StoreError};
use crate::store::redis::{RedisStore, milliseconds};
use crate::store::{MOST_FAILED_EVENTS, MOST_UNDELIVERED_EVENTS};

pub(super) static SETTLE_EVENT: Lua = lua!("settle_event", "clock", "events");

pub(crate) async fn settle(
    store: &RedisStore,
    app: &AppName,
    place: &str,
    attempt: &Attempt,
) -> Result<bool, StoreError> {
    let (outcome, after, error) = match attempt {
        Attempt::Delivered => ("delivered", Duration::ZERO, ""),
        Attempt::Retry { after, error } => ("retry", *after, error.as_str()),
        Attempt::GivenUp { error } => ("given_up", Duration::ZERO, error.as_str()),
        Attempt::Gone { error } => ("gone", Duration::ZERO, error.as_str()),
    };
    let keys = store.keys.events(app);
    let mut call = SETTLE_EVENT.call();
    call.key(&keys.events).key(&keys.retries).key(&keys.endpoint).key(&keys.undelivered);
    call.arg(place).arg(outcome).arg(milliseconds(after)).arg(error);
    call.arg(milliseconds(KEPT)).arg(MOST_UNDELIVERED_EVENTS).arg(MOST_FAILED_EVENTS);
    // If a failover undoes it, the event is delivered once more.
    let (disables, _) = store.decide(SETTLE_EVENT.name, &keys.events, &call, store.deadline()).await?;
    Ok(disables)
}
