//! Cancels a number's verifications.

use super::scripts::{self, Lua, lua};
use crate::otp::{AppName, Cancellation, EventTypes, PhoneNumber, Policy, StoreError};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static CANCEL: Lua = lua!("cancel", "clock", "tell", "verifications");

pub(crate) async fn cancel(
    store: &RedisStore,
    phone: &PhoneNumber,
    apps: &[(AppName, EventTypes)],
    limits: bool,
    policy: &Policy,
) -> Result<Cancellation, StoreError> {
    let deadline = store.deadline();
    let default = AppName::default();
    let counters = store.keys.counters_of(apps.first().map_or(&default, |(app, _)| app), phone);
    let mut call = CANCEL.call();
    for key in &counters {
        call.key(key);
    }
    for (app, _) in apps {
        call.key(store.keys.verification(app, phone)).key(store.events_key(app, phone));
    }
    call.arg(counters.len()).arg(if limits { "limits" } else { "" }).arg(milliseconds(policy.send_time));
    for (app, types) in apps {
        call.arg(scripts::told(app, *types));
    }
    let ((verifications, dropped), ticket): ((u64, u64), _) =
        store.decide(CANCEL.name, &counters[0], &call, deadline).await?;
    for (app, _) in apps {
        store.wrote_events(app, phone, policy);
    }
    store.acknowledged(ticket, deadline).await?;
    Ok(Cancellation { verifications, limits: dropped > 0 })
}
