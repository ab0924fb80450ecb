//! Counts another message for a verification, whose limits may be on several servers.

use super::charge::{Charging, Decided, Step};
use super::scripts::{self, Lua, lua};
use crate::otp::{Message, Policy, Resending, StoreError};
use crate::store::redis::{RedisStore, milliseconds};

pub(super) static RESEND: Lua = lua!(
    "resend",
    "arguments",
    "clock",
    "history",
    "moments",
    "slices",
    "counters",
    "uses",
    "pace",
    "failures",
    "tell",
    "verifications",
    "resends"
);

/// Counts another message, or changes nothing.
///
/// # Errors
///
/// [`StoreError`]: the message may have been counted.
pub(crate) async fn resend(store: &RedisStore, message: &Message, policy: &Policy) -> Result<Resending, StoreError> {
    let charging = Charging::new(store, message, policy);
    let decided = charging
        .decide(&RESEND, |call, keys| {
            scripts::number(call, keys, policy, message.client.map(|client| store.keys.guesser(&client)).as_deref());
            call.arg(message.id.to_string()).arg(milliseconds(policy.send_time));
            call.arg(scripts::fence(store.settings.after_failover));
            call.arg(milliseconds(policy.resend_cooldown)).arg(policy.max_sends);
            scripts::events(call, &store.events_key(&message.app, &message.phone), &message.app, policy.events);
        })
        .await?;
    store.wrote_events(&message.app, &message.phone, policy);
    Ok(match decided {
        Decided::Charged(charge, Step::Again(verification)) => Resending::Resent(charge, verification),
        Decided::Ended(status) => Resending::Ended(status),
        Decided::Absent => Resending::Absent,
        Decided::SendsUsedUp { retry_after } => Resending::SendsUsedUp { retry_after },
        Decided::Limited { limit, retry_after } => Resending::Limited { limit, retry_after },
        Decided::Crowded { retry_after } => Resending::Crowded { retry_after },
        decided @ (Decided::NotDue(_) | Decided::Charged(_, Step::First)) => return Err(decided.unexpected()),
    })
}
