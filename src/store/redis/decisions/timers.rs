//! Timers: verifications that somebody has to visit when they expire.

use std::time::Duration;

use super::scripts::{Lua, lua};
use crate::otp::{StoreError, VerificationId};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static TIMERS: Lua = lua!("timers", "clock", "timers");
pub(super) static DUE: Lua = lua!("due", "clock", "timers");

/// Sets the timer of each verification to that time from now, or drops it.
pub(crate) async fn set(store: &RedisStore, timers: &[(VerificationId, Option<Duration>)]) -> Result<(), StoreError> {
    if timers.is_empty() {
        return Ok(());
    }
    let (deadline, key) = (store.deadline(), store.keys.timers());
    let mut call = TIMERS.call();
    call.key(&key);
    for (id, due) in timers {
        call.arg(id.to_string()).arg(due.map_or(String::new(), |due| milliseconds(due).to_string()));
    }
    let (_, ticket) = store.decide::<f64>(TIMERS.name, &key, &call, deadline).await?;
    store.acknowledged(ticket, deadline).await
}

/// Takes verifications whose timers are due.
pub(crate) async fn due(store: &RedisStore, most: usize, lease: Duration) -> Result<Vec<VerificationId>, StoreError> {
    let (deadline, key) = (store.deadline(), store.keys.timers());
    let mut call = DUE.call();
    call.key(&key).arg(most).arg(milliseconds(lease));
    let (ids, _) = store.decide::<Vec<String>>(DUE.name, &key, &call, deadline).await?;
    Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
}
