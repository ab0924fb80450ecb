//! Cancels a verification whose recipient did not request the code.

use super::scripts::{self, Lua, lua};
use super::unknown;
use crate::otp::{AppName, Denial, PhoneNumber, Policy, StoreError, VerificationId};
use crate::store::redis::{RedisStore, count, milliseconds};

pub(super) static DENY: Lua = lua!("deny", "clock", "history", "tell", "verifications");

pub(crate) async fn deny(
    store: &RedisStore,
    phone: &PhoneNumber,
    app: &AppName,
    id: &VerificationId,
    policy: &Policy,
) -> Result<Denial, StoreError> {
    let deadline = store.deadline();
    let key = store.keys.verification(app, phone);
    let mut call = DENY.call();
    call.key(&key).arg(id.to_string()).arg(milliseconds(policy.send_time));
    call.arg(scripts::fence(store.settings.after_failover));
    scripts::events(&mut call, &store.events_key(app, phone), app, policy.events);
    let (answer, ticket): (String, _) = store.decide(DENY.name, &key, &call, deadline).await?;
    store.wrote_events(app, phone, policy);
    store.acknowledged(ticket, deadline).await?;
    match answer.as_str() {
        "denied" => Ok(Denial::Denied),
        "ended" => Ok(Denial::Ended),
        "absent" => Ok(Denial::Absent),
        _ => Err(unknown(&answer)).inspect_err(count),
    }
}
