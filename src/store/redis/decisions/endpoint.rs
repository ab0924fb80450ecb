//! Looks up the state of an app's endpoint and queue.

use std::time::Duration;

use super::scripts::{Lua, lua};
use crate::otp::{AppName, EndpointState, StoreError, UnixMillis};
use crate::store::redis::RedisStore;

pub(super) static ENDPOINT: Lua = lua!("endpoint", "clock");

pub(crate) async fn endpoint(store: &RedisStore, app: &AppName) -> Result<EndpointState, StoreError> {
    let keys = store.keys.events(app);
    let mut call = ENDPOINT.call();
    call.key(&keys.events).key(&keys.endpoint).key(&keys.undelivered);
    let (answer, _) = store.decide(ENDPOINT.name, &keys.events, &call, store.deadline()).await?;
    let (disabled_at, waiting, oldest, undelivered, dropped, last_error): (String, u64, u64, u64, u64, String) = answer;
    Ok(EndpointState {
        disabled_at: disabled_at.parse().ok().map(UnixMillis),
        waiting,
        oldest: Duration::from_millis(oldest),
        undelivered,
        dropped,
        last_error,
    })
}
