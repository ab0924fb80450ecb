//! Cancels a number's verifications.

use super::scripts::{Lua, lua};
use crate::otp::{AppName, Cancellation, PhoneNumber, Policy, StoreError};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static CANCEL: Lua = lua!("cancel", "clock", "verifications");

pub(crate) async fn cancel(
    store: &RedisStore,
    phone: &PhoneNumber,
    apps: &[AppName],
    limits: bool,
    policy: &Policy,
) -> Result<Cancellation, StoreError> {
    let deadline = store.deadline();
    let counters = store.keys.counters_of(apps.first().unwrap_or(&AppName::default()), phone);
    let mut call = CANCEL.call();
    for key in &counters {
        call.key(key);
    }
    for app in apps {
        call.key(store.keys.verification(app, phone));
    }
    call.arg(counters.len()).arg(if limits { "limits" } else { "" }).arg(milliseconds(policy.send_time));
    let ((verifications, dropped), ticket): ((u64, u64), _) =
        store.decide(CANCEL.name, &counters[0], &call, deadline).await?;
    store.acknowledged(ticket, deadline).await?;
    Ok(Cancellation { verifications, limits: dropped > 0 })
}
